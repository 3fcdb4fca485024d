"""Pipeline: runs, freshness of tables, and lineage."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from filon.dashboard import charts, diagrams
from filon.dashboard.client import Row
from filon.dashboard.colours import GOOD, MAIN, QUIET, SERIES
from filon.dashboard.context import Context
from filon.dashboard.language import Unit
from filon.dashboard.markup import plain
from filon.dashboard.parts import Card, chart, footer, table
from filon.dashboard.views.quality import run_text

RUNS = 50
LAYERS = {"source": QUIET, "bronze": SERIES[5], "silver": SERIES[6], "gold": SERIES[1], "quarantine": SERIES[3]}
STEPS = "step"


def show(context: Context) -> None:
    """Draw the page."""
    runs = context.client.get("runs", [("limit", str(RUNS))]).data["data"]
    times = context.client.get("pipeline/refresh-times").data
    status = context.client.get("pipeline/status").data
    _numbers(context, runs, status)
    _alerts(context)
    _collections(context, status, times)
    _runs(context, runs)
    _lineage(context)


def _numbers(context: Context, runs: Sequence[Row], status: Row) -> None:
    language = context.language
    promised = [entry for entry in context.tables.values() if entry.get("fresh") is not None]
    fresh = sum(bool(entry["fresh"]) for entry in promised)
    last = runs[0] if runs else None
    average = status["average_refresh_time_seconds"]
    items = [
        Card(language.text("pipeline.release"), str(context.release)),
        Card(language.text("pipeline.synced"), f"{status['synced_collections']} / {status['total_collections']}"),
        Card(language.text("pipeline.fresh"), f"{fresh} / {len(promised)}"),
        Card(language.text("pipeline.refresh"), language.duration(average)),
        Card(
            language.text("pipeline.last_run"),
            language.text(f"run.{last['status']}") if last else language.text("none"),
        ),
    ]
    for place, card in zip(st.columns(len(items)), items, strict=True):
        place.metric(card.label, card.text, border=True)


def _alerts(context: Context) -> None:
    """Draw the alerts of the project, those that hold first; nothing where nobody looked at any."""
    language = context.language
    found = context.client.get("alerts").data
    if found["at"] is None:
        return
    with st.container(border=True, key="pipeline-alerts"):
        st.subheader(language.text("alerts.title"), anchor=False)
        for alert in found["data"]:
            if alert["is_on"]:
                said = f"**{plain(alert['alert'])}** · {plain(alert['what'])} · {language.moment(alert['since'])}"
                st.error(said, icon=":material/notifications:")
        rows = [
            {
                "alert": alert["alert"],
                "status": language.text("alerts.on" if alert["is_on"] else "alerts.off"),
                "since": alert["since"],
                "what": alert["what"],
                "is_told": alert["is_told"],
            }
            for alert in found["data"]
        ]
        table(context, "pipeline.alerts", rows, {"since": language.moment, "is_told": language.truth})
        ago = (dt.datetime.now(dt.UTC) - dt.datetime.fromisoformat(found["at"])).total_seconds()
        st.caption(language.text("alerts.at", ago=language.ago(ago)))


def _collections(context: Context, status: Row, times: Sequence[Row]) -> None:
    """Draw a row per table: whether it is loaded, its age, freshness and duration."""
    language = context.language
    took = {item["collection_name"]: item for item in times}
    rows = []
    for item in status["collections"]:
        entry, time = context.tables.get(item["name"], {}), took.get(item["name"])
        rows.append(
            {
                "table": item["name"],
                "synced": language.truth(item["synced"]),
                "rows": item["row_count"],
                "gold_at": time["gold_processed_at"] if time else None,
                "synced_at": item["last_sync"],
                "checked_at": entry.get("checked_at"),
                "latency": entry.get("latency_seconds"),
                "fresh": _freshness(context, entry.get("fresh")),
                "refresh_time": time["refresh_time_seconds"] if time else None,
            }
        )
    with st.container(border=True):
        st.subheader(language.text("pipeline.collections.title"), anchor=False)
        moments = dict.fromkeys(("gold_at", "synced_at", "checked_at"), language.moment)
        durations = dict.fromkeys(("latency", "refresh_time"), language.duration)
        table(context, "pipeline.collections", rows, {**moments, **durations, "rows": language.number})
        footer(context, "pipeline.collections", rows, tuple(took))
    slowest = sorted((row for row in rows if row["refresh_time"] is not None), key=lambda row: -row["refresh_time"])
    chart(
        context,
        "pipeline.times",
        lambda style: charts.ranked(style, slowest, "table", "refresh_time", unit=Unit(after=" s")),
        slowest,
        tuple(took),
        about=language.text("pipeline.times.about"),
    )


def _freshness(context: Context, fresh: bool | None) -> str:
    return context.language.text("pipeline.no_promise") if fresh is None else context.language.truth(fresh)


def _runs(context: Context, runs: Sequence[Row]) -> None:
    language = context.language
    with st.container(border=True):
        st.subheader(language.text("pipeline.runs.title"), anchor=False)
        if not runs:
            st.info(language.text("pipeline.no_runs"), icon=":material/inbox:")
            return
        rows = [
            {
                "started_at": run["started_at"],
                "status": language.text(f"run.{run['status']}"),
                "release": run["release"],
                "duration": run["duration_s"],
                "read": sum(item["read"] for item in run["datasets"]),
                "rejected": sum(item["rejected"] for item in run["datasets"]),
                "error": run["error"] or "",
            }
            for run in runs
        ]
        formats = {
            "started_at": lambda value: language.moment(value, seconds=True),
            "release": lambda value: str(int(value)),
            "duration": language.duration,
            **dict.fromkeys(("read", "rejected"), language.number),
        }
        table(context, "pipeline.runs", rows, formats)
        footer(context, "pipeline.runs", rows, ())
    by_id = {run["run_id"]: run for run in runs}
    chosen = st.selectbox(
        language.text("quality.run"),
        list(by_id),
        format_func=lambda run_id: run_text(context, by_id[run_id]),
        key="pipeline.run",
    )
    run = by_id[chosen or runs[0]["run_id"]]
    if run["error"]:
        st.warning(plain(run["error"]), icon=":material/error:")
    bars = _bars(context, run)
    layers = {name: (language.text(f"layer.{name}"), colour) for name, colour in LAYERS.items()}
    groups = {**layers, STEPS: (language.text("layer.step"), MAIN)}
    chart(context, "pipeline.gantt", lambda style: diagrams.gantt(style, bars, groups), bars, ())


def _bars(context: Context, run: Row) -> list[Row]:
    """The tables and steps of a run in order of time, as rows of a Gantt chart."""
    language = context.language
    timed = [
        *((f"{item['layer']}/{item['table']}", item["layer"], item) for item in run["tables"] if item["duration_s"]),
        *((language.text(f"step.{item['name']}"), STEPS, item) for item in run.get("steps", [])),
    ]
    return [
        {
            "label": label,
            "group": group,
            "start": item["started_s"],
            "duration": item["duration_s"],
            "text": language.duration(item["duration_s"]),
        }
        for label, group, item in sorted(timed, key=lambda part: part[2]["started_s"])
    ]


def _lineage(context: Context) -> None:
    language = context.language
    tables = {item["name"]: item for item in context.client.get("lineage").data["tables"]}
    names = list(tables)
    start = next((name for name in reversed(names) if tables[name]["layer"] == "gold"), names[-1])
    chosen = st.session_state.get("lineage.table", start)
    nodes = place_nodes(tables, chosen)
    edges = [(source, name) for name, item in tables.items() for source in item["inputs"] if source in tables]
    depth = max(sum(node.column == column for node in nodes) for column in {node.column for node in nodes})
    with st.container(key="lineage-graph"):
        selected = chart(
            context,
            "pipeline.lineage",
            lambda style: diagrams.graph(style, nodes, edges),
            [{"table": name, "layer": item["layer"], "inputs": item["inputs"]} for name, item in tables.items()],
            (),
            about=language.text("pipeline.lineage.about"),
            height=max(320, 62 * depth),
            selects=True,
        )
    with st.container(key="lineage-list", border=True):
        st.subheader(language.text("pipeline.lineage.title"), anchor=False)
        st.markdown("\n".join(_line_of(context, item) for item in tables.values()))
    points: list[dict[str, Any]] = selected["selection"]["points"] if selected else []
    clicked = points[0]["customdata"] if points else None
    if clicked and clicked != st.session_state.get("lineage.clicked"):
        st.session_state["lineage.clicked"] = st.session_state["lineage.table"] = clicked
        st.rerun()
    name = st.selectbox(language.text("explorer.table"), names, index=names.index(start), key="lineage.table") or start
    _table_of_lineage(context, tables[name])


def _line_of(context: Context, item: Row) -> str:
    """A table and what it is made from, as a line of a list: on a phone, the graph cannot be read."""
    language = context.language
    layer = language.text(f"layer.{item['layer']}")
    line = f"* **{plain(item['name'])}** · {layer}"
    return f"{line}  \n  ← {', '.join(map(plain, item['inputs']))}" if item["inputs"] else line


def place_nodes(tables: Mapping[str, Row], chosen: str) -> list[diagrams.Node]:
    """Place each table right of its inputs, and near their middle in its column, so that few edges cross."""
    column: dict[str, int] = {}

    def depth(name: str) -> int:
        if name not in column:
            column[name] = 1 + max((depth(source) for source in tables[name]["inputs"] if source in tables), default=-1)
        return column[name]

    rank: dict[str, float] = {}
    nodes = []
    for level in range(max(map(depth, tables)) + 1):
        tables_of_level = [name for name in tables if column[name] == level]
        middles = {
            name: sum(rank[source] for source in tables[name]["inputs"] if source in rank)
            / max(len(tables[name]["inputs"]), 1)
            for name in tables_of_level
        }
        for index, name in enumerate(sorted(tables_of_level, key=lambda name: (middles[name], name))):
            rank[name] = (index + 0.5) / len(tables_of_level)
            colour = GOOD if name == chosen else LAYERS[tables[name]["layer"]]
            nodes.append(diagrams.Node(name, level, rank[name] * 10, colour, name == chosen))
    return nodes


def _table_of_lineage(context: Context, item: Row) -> None:
    language = context.language
    with st.container(border=True):
        st.subheader(plain(item["name"]), anchor=False)
        about = [item["description"], item["grain"], language.text(f"layer.{item['layer']}")]
        st.caption(" · ".join(plain(part) for part in about if part))
        if item["inputs"]:
            st.markdown(language.text("pipeline.upstream", tables=", ".join(map(plain, item["inputs"]))))
        if item["columns"]:
            rows = [
                {"name": column["name"], "sql_type": column["sql_type"], "description": column["description"]}
                for column in item["columns"]
            ]
            table(context, "pipeline.columns", rows)
        if item["sql"]:
            st.code(item["sql"], language="sql", wrap_lines=True)
