"""The report of a run as text."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from filon.cli.contracts import change_lines
from filon.cli.render import STYLES, number, table_of
from filon.lake import CheckStatus
from filon.pipeline.report import RunReport, RunStatus

if TYPE_CHECKING:
    from filon.pipeline.tracing import Trace

MOST_SHOWN = 20


def show_run(console: Console, report: RunReport) -> None:
    """Print the summary of a finished run."""
    _show_files(console, report)
    _show_datasets(console, report)
    _show_checks(console, report)
    statuses = Counter(table.status.value for table in report.tables)
    tables = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    outcome = {
        RunStatus.PUBLISHED: f"published release {report.release}",
        RunStatus.UNCHANGED: f"nothing new: release {report.release} stays",
        RunStatus.STOPPED: "stopped before a release, as asked",
        RunStatus.FAILED: f"failed: release {report.release} stays"
        if report.release
        else "failed: nothing is published",
    }[report.status]
    if report.serving is not None:
        changed = f"{number(report.serving.inserted)} rows in, {number(report.serving.closed)} out"
        console.print()
        console.print(
            f"serving release {report.serving.release} from {report.serving.store}: {changed}", highlight=False
        )
    console.print()
    console.print(Text(outcome, style=STYLES[report.status]), f" ({tables}; {report.duration_s:.2f} s)", sep="")
    if report.rollback_of is not None:
        console.print(
            f"a rollback holds: it shows release {report.rollback_of} until the sources or the project change"
        )
    _show_remarks(console, report)
    for damage in report.damages:
        console.print(Text(f"damaged: {damage.object} {damage.what} ({damage.part})", style="yellow"))
    if report.damages and report.status is not RunStatus.FAILED:
        console.print(f"repaired: {number(len(report.damages))} damaged objects are not used any more")
    if report.error:
        console.print(Text(report.error, style="red"))
    if report.unrecorded:
        text = f"the store's records lack this run until the next one: {report.unrecorded}"
        console.print(Text(text, style="yellow"))
    if report.untraced:
        console.print(Text(_untraced(report.untraced), style="yellow"))


def _show_remarks(console: Console, report: RunReport) -> None:
    """Print what people should know although it fails no run."""
    for line in change_lines(report.broken):
        console.print(Text(line, style="yellow"))
    for warning in report.warnings:
        console.print(Text(f"warning: {warning.file}:{warning.line}: {warning.what}; {warning.fix}", style="yellow"))
    for alert in report.alerts:
        text = f"alert {'holds' if alert.is_on else 'is over'}: {alert.alert}: {alert.what}".removesuffix(": ")
        console.print(Text(f"{text} (nobody was told: {alert.problem})" if alert.problem else text, style="yellow"))


def show_untraced(trace: Trace) -> None:
    """Wait for the events of a command, and print on standard error why receivers lack some of them."""
    if (problem := trace.close()) is not None:
        Console(stderr=True, soft_wrap=True, highlight=False, markup=False).print(_untraced(problem), style="yellow")


def _untraced(problem: str) -> str:
    return f"receivers of OpenLineage events lack some: {problem}"


def _show_files(console: Console, report: RunReport) -> None:
    shown = [file for file in report.files if file.status != "unchanged" or file.notes]
    for file in shown[:MOST_SHOWN]:
        if file.status == "quarantined":
            console.print(Text(f"quarantined  {file.file}  {file.reason}: {file.detail}", style="yellow"))
        for note in file.notes:
            console.print(Text(f"note         {file.file}: {note}", style="yellow"))
    if len(shown) > MOST_SHOWN:
        console.print(f"… and {len(shown) - MOST_SHOWN} more files: `filon status --json`")
    for line in report.unreadable_paths[:MOST_SHOWN]:
        console.print(Text(f"unreadable   {line.path}: {line.detail}", style="yellow"))
    if len(report.unreadable_paths) > MOST_SHOWN:
        console.print(f"… and {len(report.unreadable_paths) - MOST_SHOWN} more unreadable paths: `filon run --json`")
    if report.ignored_files:
        names = ", ".join(report.ignored_files[:5])
        more = f" and {len(report.ignored_files) - 5} more" if len(report.ignored_files) > 5 else ""
        console.print(Text(f"ignored      no contract's filePattern matches {names}{more}", style="yellow"))


def _show_datasets(console: Console, report: RunReport) -> None:
    if not report.datasets:
        return
    counts = ("read", "accepted", "superseded", "rejected")
    table = table_of("dataset", *counts, "rejected because", right=counts)
    for line in report.datasets:
        reasons = ", ".join(f"{reason} {number(count)}" for reason, count in list(line.reasons.items())[:8])
        more = f", … {len(line.reasons) - 8} more" if len(line.reasons) > 8 else ""
        values = (number(v) for v in (line.read, line.accepted, line.superseded, line.rejected))
        table.add_row(line.dataset, *values, reasons + more)
    console.print()
    console.print(table)


def _show_checks(console: Console, report: RunReport) -> None:
    if not report.checks:
        return
    failing = [check for check in report.checks if check.status is not CheckStatus.PASSED]
    console.print()
    console.print(f"checks: {len(report.checks) - len(failing)} passed, {len(failing)} not", highlight=False)
    for check in failing[:MOST_SHOWN]:
        console.print(
            Text(
                f"  {check.status}  {check.table}: {check.check} ({check.detail})",
                style="red",
            )
        )
