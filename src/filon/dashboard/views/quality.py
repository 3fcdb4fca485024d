"""Qualité: counts of rows by outcome, results of checks, refused files and rejected rows."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from filon.dashboard import charts, diagrams
from filon.dashboard.client import Row
from filon.dashboard.colours import BAD, GOOD, MAIN, QUIET, SERIES, WARNING
from filon.dashboard.context import Context
from filon.dashboard.parts import Card, chart, footer, table
from filon.errors import ApiRefused

RUNS = 50
MOST_REASONS = 8
MOST_ROWS = 100


def show(context: Context) -> None:
    """Draw the page."""
    quality = context.client.get("quality").data
    runs = [run for run in context.client.get("runs", [("limit", str(RUNS))]).data["data"] if run["datasets"]]
    if not quality["datasets"]:
        st.info(context.language.text("quality.nothing"), icon=":material/inbox:")
        return
    _numbers(context, quality)
    dataset = _choose_dataset(context, quality["datasets"])
    counts = _choose_run(context, runs, quality)
    selected = next((item for item in counts if item["dataset"] == dataset), None)
    _flow(context, selected)
    _trend(context, runs, dataset)
    _checks(context, quality["checks"])
    _files(context, quality["files"])
    _rows(context, quality["datasets"])


def _numbers(context: Context, quality: Row) -> None:
    language = context.language
    sums = {
        name: sum(item[name] for item in quality["datasets"]) for name in ("read", "accepted", "superseded", "rejected")
    }
    failing = sum(check["status"] != "passed" for check in quality["checks"])
    items = [
        *(Card(language.text(f"quality.{name}"), language.number(count)) for name, count in sums.items()),
        Card(language.text("quality.checks.title"), f"{len(quality['checks']) - failing} / {len(quality['checks'])}"),
        Card(language.text("quality.files.title"), language.number(quality["files"]["total"])),
    ]
    for place, card in zip(st.columns(len(items)), items, strict=True):
        place.metric(card.label, card.text, border=True)
    st.caption(
        language.text("quality.of_release", release=quality["release"], at=language.moment(quality["checked_at"]))
    )


def _choose_dataset(context: Context, datasets: Sequence[Row]) -> str:
    names: list[str] = [item["dataset"] for item in datasets]
    chosen = st.segmented_control(
        context.language.text("quality.dataset"),
        names,
        default=names[0],
        required=True,
        key="dataset",
        bind="query-params",
    )
    return chosen or names[0]


def _choose_run(context: Context, runs: Sequence[Row], quality: Row) -> list[Row]:
    """Draw the choice of a run; returns its counts per dataset, by default those of the served release."""
    language = context.language
    by_id = {run["run_id"]: run for run in runs}
    chosen = st.selectbox(
        language.text("quality.run"),
        ["", *by_id],
        format_func=lambda run_id: run_text(context, by_id[run_id]) if run_id else language.text("quality.served"),
        key="quality.run",
    )
    datasets: list[Row] = by_id[chosen]["datasets"] if chosen else quality["datasets"]
    return datasets


def run_text(context: Context, run: Row) -> str:
    """The start and status of a run."""
    language = context.language
    status = language.text(f"run.{run['status']}")
    return f"{language.moment(run['started_at'], seconds=True)} · {status}"


def _flow(context: Context, counts: Row | None) -> None:
    language = context.language
    flows = _flows(counts) if counts else []
    colours = {"read": MAIN, "accepted": GOOD, "superseded": QUIET, "rejected": BAD}
    reasons = {flow.target for flow in flows if flow.source == "rejected"}
    amounts = {"read": counts["read"] if counts else 0} | {flow.target: flow.amount for flow in flows}
    labels = {
        name: f"{language.text(f'quality.{name}') if name in colours else name} · {language.number(amount)}"
        for name, amount in amounts.items()
    }
    chart(
        context,
        "quality.flow",
        lambda style: diagrams.sankey(style, flows, labels, colours | dict.fromkeys(reasons, WARNING)),
        [{"source": flow.source, "target": flow.target, "rows": flow.amount} for flow in flows],
        (),
        about=language.text("quality.flow.about"),
    )


def _flows(counts: Row) -> list[diagrams.Flow]:
    """Flows from read to accepted, superseded and rejected, and from rejected to the most frequent reasons."""
    colours = {"accepted": GOOD, "superseded": QUIET, "rejected": BAD}
    flows = [diagrams.Flow("read", name, counts[name], colour) for name, colour in colours.items() if counts[name]]
    most = list(counts["reasons"].items())[:MOST_REASONS]
    return flows + [diagrams.Flow("rejected", reason, count, WARNING) for reason, count in most]


def _trend(context: Context, runs: Sequence[Row], dataset: str) -> None:
    language = context.language
    runs_of_dataset = [(run, item) for run in reversed(runs) for item in run["datasets"] if item["dataset"] == dataset]
    totals: dict[str, int] = {}
    for _, item in runs_of_dataset:
        for reason, count in item["reasons"].items():
            totals[reason] = totals.get(reason, 0) + count
    reasons = sorted(totals, key=lambda reason: -totals[reason])[:MOST_REASONS]
    rows = [
        {"run": language.moment(run["started_at"], seconds=True), **{r: item["reasons"].get(r, 0) for r in reasons}}
        for run, item in runs_of_dataset
    ]
    series = {reason: (reason, SERIES[index % len(SERIES)]) for index, reason in enumerate(reasons)}
    chart(
        context,
        "quality.trend",
        lambda style: charts.stacked(style, rows, "run", series),
        rows if reasons else [],
        (),
        about=language.text("quality.trend.about", count=len(rows)),
    )


def _checks(context: Context, checks: Sequence[Row]) -> None:
    language = context.language
    with st.container(border=True):
        st.subheader(language.text("quality.checks.title"), anchor=False)
        order = ("failed", "warned", "passed")
        rows = [
            {
                "status": language.text(f"check.{check['status']}"),
                "table": check["table"],
                "check": check["check"],
                "failed_rows": check["failed_rows"],
            }
            for check in sorted(checks, key=lambda check: (order.index(check["status"]), check["table"]))
        ]
        table(context, "quality.checks", rows, {"failed_rows": language.number})
        footer(context, "quality.checks", rows, ())


def _files(context: Context, files: Row) -> None:
    language = context.language
    with st.container(border=True):
        st.subheader(language.text("quality.files.title"), anchor=False)
        if not files["data"]:
            st.caption(language.text("quality.no_files"))
            return
        names = ("file", "dataset", "reason", "detail", "size", "arrived_at")
        rows = [{name: item[name] for name in names} for item in files["data"]]
        table(context, "quality.files", rows, {"arrived_at": language.moment, "size": language.number})
        footer(context, "quality.files", rows, ())


def _rows(context: Context, datasets: Sequence[Row]) -> None:
    language = context.language
    with st.container(border=True):
        st.subheader(language.text("quality.rows.title"), anchor=False)
        rejected = [item for item in datasets if item["rejected"]]
        if not rejected:
            st.caption(language.text("quality.no_rows"))
            return
        left, right = st.columns(2)
        names = [item["dataset"] for item in rejected]
        dataset = left.selectbox(language.text("quality.dataset"), names, key="quality.rows.dataset") or names[0]
        reasons = next(item["reasons"] for item in rejected if item["dataset"] == dataset)
        reason = right.selectbox(
            language.text("quality.reason"),
            ["", *reasons],
            format_func=lambda value: (
                f"{value} ({language.number(reasons[value])})" if value else language.text("filters.all")
            ),
            key="quality.rows.reason",
        )
        query = [("dataset", dataset), ("limit", str(MOST_ROWS)), *([("reason", reason)] if reason else [])]
        try:
            rejected_rows = context.client.get("quarantine/rows", query).data
        except ApiRefused:
            st.info(language.text("quality.rows.refused"), icon=":material/lock:")
            return
        rows = [{name: row[name] for name in ("file", "record", "reasons", "raw")} for row in rejected_rows["data"]]
        table(context, "quality.rows", rows, {"record": language.number})
        st.caption(
            language.text(
                "quality.rows.count",
                shown=language.number(len(rows)),
                rejected=language.number(rejected_rows["rejected"]),
            )
        )
        footer(context, "quality.rows", rows, ())
