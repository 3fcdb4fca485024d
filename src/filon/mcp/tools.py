"""The tools: what each is for, what it takes, and how it asks the API. Descriptions follow from the catalogue."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from filon.mcp.answers import explanation_text, rows_text, text_of
from filon.mcp.catalogue import Catalogue
from filon.mcp.client import Api
from filon.suggestions import suggestion

Arguments = Mapping[str, Any]
FEW_ROWS, MOST_ROWS = 20, 200
FEW_GROUPS = 50
LONGEST_NAME = 64
RELEASE = {"type": "integer", "description": "Answer from this release, if it is still kept; else the current one"}
ALWAYS = "Every answer names its `release`; `quality` is `warned` when a check of its tables did not pass."


class Mistaken(Exception):
    """Arguments that cannot be used; the message says how to mend them."""


@dataclass(frozen=True)
class Tool:
    """A tool: name, title, description, JSON schema of its arguments, and what gives its answer."""

    name: str
    title: str
    description: str
    schema: Mapping[str, Any]
    ask: Callable[[Arguments], Awaitable[str]]

    async def answer(self, arguments: Arguments) -> str:
        """The answer, as text; Mistaken, or ApiError, when there is none."""
        known = self.schema["properties"]
        for name in arguments:
            if name not in known:
                raise Mistaken(f"{self.name} takes no argument {name}; {suggestion(name, known)}")
        for name in self.schema.get("required", ()):
            if name not in arguments:
                raise Mistaken(f"{self.name} needs the argument {name}: {known[name]['description']}")
        return await self.ask(arguments)


def tools_of(api: Api, catalogue: Catalogue) -> dict[str, Tool]:
    """The tools over an API, by name."""
    tools = [_tables(api, catalogue), _rows(api, catalogue), _explain(api, catalogue), _quality(api, catalogue)]
    for table, analysis, cell in catalogue.analysed():
        tools += [_analyse(api, catalogue, table, analysis), _explain_cell(api, catalogue, table, cell)]
    return {tool.name: tool for tool in tools}


def _tables(api: Api, catalogue: Catalogue) -> Tool:
    async def ask(arguments: Arguments) -> str:
        answer = await api.get("tables", {"release": arguments.get("release")})
        tables = {table["name"]: table for table in answer.document["data"]}
        if (name := arguments.get("table")) is not None:
            return text_of({"release": answer.release, **_named(name, tables)})
        brief = ("name", "description", "grain", "rows", "quality", "fresh")
        listed = [{key: table[key] for key in brief} for table in tables.values()]
        for line, table in zip(listed, tables.values(), strict=True):
            line["measures"] = table["analysis"]["measures"] if table["analysis"] else []
        return text_of({"release": answer.release, "project": catalogue.project, "tables": listed})

    properties = {
        "table": {
            "type": "string",
            "description": "One table, with its columns, filters and sorts; else all, in short",
        },
        "release": RELEASE,
    }
    return Tool(
        "tables",
        "Tables and measures",
        f"The tables of {catalogue.about}: what a row is, columns, filters, measures, rows, and how fresh they are. "
        f"{ALWAYS}",
        _object(properties),
        ask,
    )


def _rows(api: Api, catalogue: Catalogue) -> Tool:
    async def ask(arguments: Arguments) -> str:
        table = _named(arguments["table"], catalogue.tables)
        filters = arguments.get("filters") or {}
        fields, sort = arguments.get("fields"), arguments.get("sort")
        for name in filters:
            if name not in table["filters"]:
                raise Mistaken(f"{table['name']} is not filtered by {name}; {suggestion(name, table['filters'])}")
        given = {
            **filters,
            "fields": ",".join(fields) if fields else None,
            "sort": sort,
            "limit": _bounded(arguments.get("limit"), FEW_ROWS, MOST_ROWS),
            "after": arguments.get("cursor"),
            "release": arguments.get("release"),
        }
        answer = await api.get(table["path"], given)
        names = fields or [column["name"] for column in table["columns"]]
        facts = {"total": answer.document["total"], "cursor": answer.cursor}
        return rows_text(answer, answer.document["data"], facts, names)

    properties = {
        "table": {"type": "string", "enum": list(catalogue.tables), "description": "Which table"},
        "filters": {
            "type": "object",
            "description": "Filters of the table with their values; a list: one of these. _min and _max are bounds, "
            "included. Dates as 2026-01-31",
        },
        "fields": {"type": "array", "items": {"type": "string"}, "description": "Only these columns"},
        "sort": {"type": "string", "description": "Columns, comma between, - before what descends"},
        "limit": {
            "type": "integer",
            "minimum": 1,
            "maximum": MOST_ROWS,
            "description": f"Most rows; {FEW_ROWS} if not given",
        },
        "cursor": {"type": "string", "description": "From the answer before: its next page"},
        "release": RELEASE,
    }
    about = f"Rows of a table of {catalogue.about}. Sums and counts are cheaper by an analysis. {ALWAYS} Tables:\n"
    return Tool("rows", "Rows of a table", about + catalogue.described(), _object(properties, "table"), ask)


def _analyse(api: Api, catalogue: Catalogue, table: str, path: str) -> Tool:
    async def ask(arguments: Arguments) -> str:
        answer = await api.get(path, {"limit": FEW_GROUPS, **arguments})
        document = answer.document
        asked = [*document["by"], *measures, *(["stats"] if "stats" in arguments else [])]
        return rows_text(answer, document["data"], {"by": document["by"], "groups": document["total"]}, asked)

    described = catalogue.tables[table]
    measures = described["analysis"]["measures"]
    groups = (*described["analysis"]["periods"], *described["analysis"]["dimensions"])
    about = (
        f"Every measure ({', '.join(measures)}) of {table} of {catalogue.about}, exact, for any choice of its rows: "
        f"by one or two of {', '.join(groups)}. {described['description']} {FEW_GROUPS} groups are given unless "
        f"`limit` says otherwise; `groups` counts all. {ALWAYS}"
    )
    return Tool(_name("analyse", table), f"Measures of {table}", about, catalogue.parameters(path), ask)


def _explain(api: Api, catalogue: Catalogue) -> Tool:
    async def ask(arguments: Arguments) -> str:
        given = dict(arguments)
        table, key = given.pop("table"), given.pop("key")
        values = key if isinstance(key, list) else [key]
        path = "/".join(quote(str(value), safe="") for value in (table, *values))
        return explanation_text(await api.get(f"explain/{path}", given))

    properties = {
        "table": {"type": "string", "description": "A table of the project, those of sources too"},
        "key": {
            "type": "array",
            "items": {"type": ["string", "number"]},
            "description": "The values of its key, in order; dates as 2026-01-31",
        },
        **_paging(catalogue),
    }
    about = (
        f"Why a row of {catalogue.about} is what it is, or why it is not there: SQL, the rows that went in, files, "
        "records and their text, rejected and superseded records of the same key. `rows` counts all, `data` shows the "
        "first ones; of what lies further away, those behind the rows that are shown. "
        f"{ALWAYS} Tables and their keys: {_keys(catalogue)}"
    )
    return Tool("explain", "Why this row?", about, _object(properties, "table", "key"), ask)


def _explain_cell(api: Api, catalogue: Catalogue, table: str, path: str) -> Tool:
    async def ask(arguments: Arguments) -> str:
        return explanation_text(await api.get(path, arguments))

    about = (
        f"The facts behind a measure of {table} of {catalogue.about}, as an analysis gives it: SQL, the facts, a page "
        f"of them at a time, and the records of files that they come from. {ALWAYS}"
    )
    return Tool(_name("explain", table), f"Why this measure of {table}?", about, catalogue.parameters(path), ask)


def _quality(api: Api, catalogue: Catalogue) -> Tool:
    async def ask(_arguments: Arguments) -> str:
        answer = await api.get("quality")
        runs = await api.get("runs", {"limit": 1})
        newest = [{key: run[key] for key in ("run_id", "status", "error")} for run in runs.document["data"]]
        checks = [check for check in answer.document["checks"] if check["status"] != "passed"]
        document = {**answer.document, "passed_checks": len(answer.document["checks"]) - len(checks), "checks": checks}
        return text_of({**document, "newest_run": newest[0] if newest else None})

    about = (
        f"How good the data of {catalogue.about} is: rows read, accepted, superseded and rejected by dataset and "
        "reason, checks that did not pass, files in quarantine, when it was last checked, and how the newest run went: "
        "after a failed one the figures are those of the release before."
    )
    return Tool("quality", "Quality of the data", about, _object({}), ask)


def _paging(catalogue: Catalogue) -> dict[str, Any]:
    [path] = [path for path in catalogue.paths if path.endswith("/explain/{table}/{key}")]
    properties: dict[str, Any] = catalogue.parameters(path)["properties"]
    return properties


def _keys(catalogue: Catalogue) -> str:
    return "; ".join(f"{name} ({', '.join(table['key'])})" for name, table in catalogue.tables.items())


def _named(name: str, tables: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    if name not in tables:
        raise Mistaken(f"there is no table {name}; {suggestion(name, tables)}")
    return tables[name]


def _bounded(given: Any, few: int, most: int) -> int:
    if given is None:
        return few
    if not isinstance(given, int) or not 1 <= given <= most:
        raise Mistaken(f"limit is {given}: give a whole number from 1 to {most}")
    return given


def _object(properties: Mapping[str, Any], *required: str) -> dict[str, Any]:
    schema = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


def _name(verb: str, table: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", f"{verb}_{table}")[:LONGEST_NAME]
