"""Qualité: what does not hold, and what was rejected, in words, with the way to put it right; then counts over time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from filon.dashboard import charts, diagrams
from filon.dashboard.address import chosen
from filon.dashboard.client import Row
from filon.dashboard.colours import BAD, GOOD, MAIN, QUIET, SERIES, WARNING
from filon.dashboard.context import Context
from filon.dashboard.language import texts
from filon.dashboard.markup import short
from filon.dashboard.parts import Card, chart, footer, table
from filon.dashboard.reasons import Reasons
from filon.dashboard.takeaway.csvs import as_csv
from filon.errors import ApiRefused

RUNS = 50
MOST_SERIES = 8
"""The most colours of the chart over runs; the rarer reasons are one of them together."""
OTHERS = "others"
MOST_ROWS = 100
PAGE = 1_000
"""The most rejected rows that the API gives at a time."""
FLOW_PX = 34
NAMED_CHECK = re.compile(r"(unique|required|reference|finite)\((.*)\)")
COUNTS = ("read", "accepted", "superseded", "rejected")


def show(context: Context) -> None:
    """Draw the page."""
    quality = context.client.get("quality").data
    runs = [run for run in context.client.get("runs", [("limit", str(RUNS))]).data["data"] if run["datasets"]]
    if not quality["datasets"]:
        st.info(context.language.text("quality.nothing"), icon=":material/inbox:")
        return
    reasons = Reasons(context.language, context.client.get("lineage").data["tables"])
    _numbers(context, quality)
    dataset = _choose_dataset(context, quality["datasets"])
    _checks(context, quality["checks"])
    _files(context, quality["files"])
    _reasons(context, reasons, _of(dataset, quality["datasets"]))
    _rows(context, reasons, dataset, quality["datasets"])
    counts = _of(dataset, _choose_run(context, runs, quality))
    _datasets(context, counts)
    _flow(context, reasons, counts)
    _trend(context, reasons, runs, dataset)


def _of(dataset: str, counts: Sequence[Row]) -> list[Row]:
    """The counts of a dataset, or of all."""
    return [item for item in counts if dataset in ("", item["dataset"])]


def _numbers(context: Context, quality: Row) -> None:
    language = context.language
    sums = {name: sum(item[name] for item in quality["datasets"]) for name in COUNTS}
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
    """Draw the choice of a dataset; returns its name, empty for all of them."""
    names = ["", *(item["dataset"] for item in datasets)]
    if len(names) == 2:
        return ""
    dataset: str = chosen(
        "dataset",
        names,
        "",
        lambda key: st.segmented_control(
            context.language.text("quality.dataset"),
            names,
            required=True,
            format_func=lambda name: context.language.name(name) if name else context.language.text("filters.all"),
            key=key,
        ),
    )
    return dataset


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


def _called(context: Context, reasons: Reasons, dataset: str, reason: str, *, is_one: bool) -> str:
    """A reason in words, with its dataset where there are several."""
    words = reasons.words(dataset, reason)
    return words if is_one else f"{context.language.name(dataset)} : {words}"


def _datasets(context: Context, counts: Sequence[Row]) -> None:
    language = context.language
    with st.container(border=True):
        st.subheader(language.text("quality.datasets.title"), anchor=False)
        rows = [
            {
                "dataset": language.name(item["dataset"]),
                **{name: item[name] for name in COUNTS},
                "share": item["rejected"] / item["read"] if item["read"] else None,
            }
            for item in sorted(counts, key=lambda item: -item["rejected"])
        ]
        table(context, "quality.datasets", rows, {**dict.fromkeys(COUNTS, language.number), "share": language.percent})
        footer(context, "quality.datasets", rows, ())


def _flow(context: Context, reasons: Reasons, counts: Sequence[Row]) -> None:
    language = context.language
    colours = {"read": MAIN, "accepted": GOOD, "superseded": QUIET, "rejected": BAD}
    sums = {name: sum(item[name] for item in counts) for name in colours}
    flows = [diagrams.Flow("read", name, sums[name], colours[name]) for name in COUNTS[1:] if sums[name]]
    amounts = _counts(counts)
    shown, others = _frequent(amounts)
    is_one = len(counts) == 1
    named = {
        f"{name} {reason}": (short(_called(context, reasons, name, reason, is_one=is_one)), amounts[name, reason])
        for name, reason in shown
    }
    if others:
        named[OTHERS] = language.text("quality.others", count=len(others)), sum(amounts[key] for key in others)
    flows += [diagrams.Flow("rejected", node, count, WARNING) for node, (_, count) in named.items()]
    words = {name: (language.text(f"quality.{name}"), sums[name]) for name in colours} | named
    labels = {node: f"{text} · {language.number(count)}" for node, (text, count) in words.items()}
    chart(
        context,
        "quality.flow",
        lambda style: diagrams.sankey(style, flows, labels, colours | dict.fromkeys(named, WARNING)),
        [{"source": flow.source, "target": flow.target, "rows": flow.amount} for flow in flows],
        (),
        about=language.text("quality.flow.about"),
        height=max(charts.HEIGHT, FLOW_PX * len(named) + 80),
    )


Reason = tuple[str, str]
"""A dataset, and a reason why rows of it are rejected."""


def _frequent(amounts: Mapping[Reason, int]) -> tuple[list[Reason], list[Reason]]:
    """The most frequent reasons, as many as have a colour, and the others."""
    ranked = sorted(amounts, key=lambda key: -amounts[key])
    most = MOST_SERIES if len(ranked) <= MOST_SERIES else MOST_SERIES - 1
    return ranked[:most], ranked[most:]


def _counts(datasets: Sequence[Row]) -> dict[Reason, int]:
    """How many rows have each reason, by dataset and reason."""
    return {(item["dataset"], reason): count for item in datasets for reason, count in item["reasons"].items()}


def _trend(context: Context, reasons: Reasons, runs: Sequence[Row], dataset: str) -> None:
    language = context.language
    counted = [(run, _counts(_of(dataset, run["datasets"]))) for run in reversed(runs)]
    totals: Counter[Reason] = Counter()
    for _, counts in counted:
        totals.update(counts)
    shown, others = _frequent(totals)
    is_one = len({name for name, _ in totals}) == 1
    series = {
        f"{name} {reason}": (_called(context, reasons, name, reason, is_one=is_one), SERIES[index])
        for index, (name, reason) in enumerate(shown)
    }
    if others:
        series[OTHERS] = (language.text("quality.others", count=len(others)), QUIET)
    rows = [
        {
            "run": language.moment(run["started_at"], seconds=True),
            **{f"{name} {reason}": counts.get((name, reason), 0) for name, reason in shown},
            OTHERS: sum(counts.get(key, 0) for key in others),
        }
        for run, counts in counted
    ]
    chart(
        context,
        "quality.trend",
        lambda style: charts.stacked(style, rows, "run", series),
        rows if totals else [],
        (),
        about=language.text("quality.trend.about", count=len(rows)),
    )


def _check_words(context: Context, check: str) -> str:
    """What a check demands; its own name where its contract gave it one."""
    language, named = context.language, NAMED_CHECK.fullmatch(check)
    if named is None:
        return check
    columns = ", ".join(language.name(column) for column in named[2].split(", "))
    return language.text(f"check.demand.{named[1]}", column=columns)


def _checks(context: Context, checks: Sequence[Row]) -> None:
    """The checks that do not hold, with what was found; the others folded."""
    language = context.language
    order = ("failed", "warned", "passed")
    listed = sorted(checks, key=lambda check: (order.index(check["status"]), check["table"]))
    broken = [check for check in listed if check["status"] != "passed"]
    with st.container(border=True):
        st.subheader(language.text("quality.checks.title"), anchor=False)
        if broken:
            _check_table(context, "quality.checks.broken", broken)
        else:
            st.caption(f":material/check_circle: {language.text('quality.all_hold')}")
        if len(broken) < len(listed):
            with st.expander(language.text("quality.holding", count=language.number(len(listed) - len(broken)))):
                _check_table(context, "quality.checks", listed[len(broken) :])


def _check_table(context: Context, key: str, checks: Sequence[Row]) -> None:
    language = context.language
    rows = [
        {
            "status": language.text(f"check.{check['status']}"),
            "table": check["table"],
            "check": _check_words(context, check["check"]),
            "failed_rows": check["failed_rows"],
            "detail": check.get("detail", ""),
        }
        for check in checks
    ]
    table(context, key, rows, {"failed_rows": language.number})
    footer(context, key, rows, ())


def _files(context: Context, files: Row) -> None:
    language = context.language
    with st.container(border=True):
        st.subheader(language.text("quality.files.title"), anchor=False)
        if not files["data"]:
            st.caption(f":material/check_circle: {language.text('quality.no_files')}")
            return
        st.markdown(language.text("quality.files.fix"))
        rows = [
            {
                "file": item["file"],
                "reason": _file_words(context, item["reason"]),
                **{name: item[name] for name in ("dataset", "detail", "size", "arrived_at")},
            }
            for item in files["data"]
        ]
        table(context, "quality.files", rows, {"arrived_at": language.moment, "size": language.number})
        footer(context, "quality.files", rows, ())


def _file_words(context: Context, reason: str) -> str:
    return context.language.text(f"file.{reason}") if f"file.{reason}" in texts() else reason


def _reasons(context: Context, reasons: Reasons, datasets: Sequence[Row]) -> None:
    """Every reason with how many rows have it, the most frequent first."""
    language = context.language
    with st.container(border=True):
        st.subheader(language.text("quality.reasons.title"), anchor=False)
        rows = [
            {
                "dataset": language.name(item["dataset"]),
                "demand": reasons.words(item["dataset"], reason),
                "rows": count,
                "share": count / item["read"],
            }
            for item in datasets
            for reason, count in item["reasons"].items()
        ]
        if not rows:
            st.caption(f":material/check_circle: {language.text('quality.no_rows')}")
            return
        st.caption(language.text("quality.reasons.about"))
        rows.sort(key=lambda row: -row["rows"])
        table(context, "quality.reasons", rows, {"rows": language.number, "share": language.percent})
        footer(context, "quality.reasons", rows, ())


def _rows(context: Context, reasons: Reasons, dataset: str, datasets: Sequence[Row]) -> None:
    language = context.language
    counts: Counter[str] = Counter()
    for item in _of(dataset, datasets):
        counts.update(item["reasons"])
    if not counts:
        return
    named = {reason: item["dataset"] for item in reversed(_of(dataset, datasets)) for reason in item["reasons"]}
    with st.container(border=True):
        st.subheader(language.text("quality.rows.title"), anchor=False)
        reason = st.selectbox(
            language.text("quality.reason"),
            ["", *counts],
            format_func=lambda value: (
                f"{reasons.words(named[value], value)} ({language.number(counts[value])})"
                if value
                else language.text("filters.all")
            ),
            key=f"quality.rows.reason.{dataset}",
        )
        chosen_rows = [("dataset", dataset)] if dataset else []
        query = [*chosen_rows, *([("reason", reason)] if reason else [])]
        try:
            found = context.client.get("quarantine/rows", [*query, ("limit", str(MOST_ROWS))]).data
        except ApiRefused:
            st.info(language.text("quality.rows.refused"), icon=":material/lock:")
            return
        rows = [
            {
                "file": row["file"],
                "record": row["record"],
                "demand": reasons.listed(row["dataset"], row["reasons"]),
                "raw": row["raw"],
            }
            for row in found["data"]
        ]
        table(context, "quality.rows", rows, {"record": language.number})
        numbers = {"shown": len(rows), "rejected": found["rejected"], "kept": found["total"]}
        st.caption(
            language.text("quality.rows.count", **{name: language.number(count) for name, count in numbers.items()})
        )
        st.markdown(language.text("quality.rows.fix"))
        st.download_button(
            language.text("quality.rows.save"),
            lambda: as_csv(_lines(context, reasons, query), language),
            file_name=f"filon-rejected-{context.release}.csv",
            mime="text/csv",
            key="quality.rows.csv",
            icon=":material/download:",
            on_click="ignore",
        )


def _lines(context: Context, reasons: Reasons, query: Sequence[tuple[str, str]]) -> list[list[Any]]:
    """The rejected rows that the store keeps, as lines of a file, below the names of its columns."""
    language = context.language
    names = ("dataset", "file", "version", "record", "demand", "reasons", "raw")
    lines: list[list[Any]] = [[language.name(name) for name in names]]
    total = 1
    while len(lines) <= total:
        page = [("skip", str(len(lines) - 1)), ("limit", str(PAGE))]
        found = context.client.get("quarantine/rows", [*query, *page]).data
        total = found["total"]
        if not found["data"]:
            break
        for row in found["data"]:
            demand = reasons.listed(row["dataset"], row["reasons"])
            told = {**row, "demand": demand, "reasons": ", ".join(row["reasons"])}
            lines.append([told[name] for name in names])
    return lines
