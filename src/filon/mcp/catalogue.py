"""What the API offers: its tables, their analyses, and the parameters that OpenAPI describes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from filon.mcp.client import PREFIX, Api

LONGEST_DESCRIPTION = 12_000
"""Characters of the description of a tool; what does not fit is said by the tool ``tables``."""


@dataclass(frozen=True)
class Catalogue:
    """The project, its tables as ``/tables`` describes them, and the parameters of paths."""

    project: Mapping[str, Any]
    tables: Mapping[str, Mapping[str, Any]]
    paths: Mapping[str, Any]

    @property
    def about(self) -> str:
        """The project in a sentence."""
        project = self.project
        return f"{project['title']} (amounts in {project['currency']}, days in {project['timezone']})"

    def described(self) -> str:
        """All tables, as many as fit, a line each."""
        lines: list[str] = []
        for table in self.tables.values():
            lines.append(f"- {_table_line(table)}")
            if sum(map(len, lines)) > LONGEST_DESCRIPTION:
                left = len(self.tables) - len(lines) + 1
                return "\n".join([*lines[:-1], f"- and {left} more: ask `tables`"])
        return "\n".join(lines)

    def parameters(self, path: str) -> dict[str, Any]:
        """The JSON schema of the query parameters of a path."""
        found = self.paths[path]["get"].get("parameters", ())
        properties = {
            item["name"]: {**item["schema"], "description": item["description"]}
            for item in found
            if item["in"] == "query"
        }
        return {"type": "object", "properties": properties, "additionalProperties": False}

    def analysed(self) -> Iterator[tuple[str, str, str]]:
        """Tables with an analysis: name, and the paths of the analysis and of the explanation of its cells."""
        for name, table in self.tables.items():
            if table["analysis"]:
                yield name, table["analysis"]["path"], f"{PREFIX}/explain/{name}"


async def read_catalogue(api: Api) -> Catalogue:
    """Ask the API what it offers."""
    project = await api.get("project")
    tables = await api.get("tables")
    described = await api.get("/openapi.json")
    return Catalogue(
        project.document, {table["name"]: table for table in tables.document["data"]}, described.document["paths"]
    )


def _table_line(table: Mapping[str, Any]) -> str:
    columns = ", ".join(_column(column) for column in table["columns"])
    parts = [
        f"{table['name']}: {table['description']}".rstrip(": "),
        f"one row: {table['grain']}" if table["grain"] else "",
        f"key: {_listed(table['key'])}",
        f"columns: {columns}",
        f"filters: {_listed(table['filters'])}" if table["filters"] else "",
        f"sort: {_listed(table['sortable'])}",
    ]
    return "; ".join(part for part in parts if part)


def _column(column: Mapping[str, Any]) -> str:
    about = f", {column['description']}" if column["description"] else ""
    return f"{column['name']} ({column['type']}{about})"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names)
