"""The progress of a run on a console: one live line on a terminal, one line per finished table elsewhere."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import Console
from rich.progress import Progress, ProgressColumn, SpinnerColumn, Task, TextColumn, TimeElapsedColumn
from rich.table import Column
from rich.text import Text

from filon.cli.render import number
from filon.lake import Layer
from filon.stages.context import TableReport, TableStatus
from filon.stages.extending import WhyFull

MEASURABLE = 0.05  # seconds
SYMBOLS = {
    TableStatus.BUILT: "built",
    TableStatus.REUSED: "reused",
    TableStatus.UNCHANGED: "unchanged",
    TableStatus.FAILED: "FAILED",
}


class _RowsColumn(ProgressColumn):
    """Progress of the running statement: rows and rows a second where their number is known, else percent.

    A table takes several statements, one after the other: each starts at 0 %.
    """

    def __init__(self) -> None:
        super().__init__(table_column=Column(no_wrap=True))
        self._done, self._since = 0.0, 0.0

    def render(self, task: Task) -> Text:
        """The progress that the engine reports now."""
        fraction: float | None = task.fields["progress"]()
        elapsed = task.elapsed or 0.0
        if fraction is None or fraction < self._done:
            self._done, self._since = 0.0, elapsed
        if fraction is None:
            return Text(f"{number(int(task.total))} rows" if task.total else "")
        self._done = fraction
        if not task.total:
            return Text(f"{fraction:4.0%}")
        rate = int(fraction * task.total / max(elapsed - self._since, MEASURABLE))
        return Text(f"{fraction:4.0%} of {number(int(task.total))} rows, {number(rate)}/s")


class LiveProgress:
    """A RunListener that prints the progress of a run on a console. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[layer]:<10} {task.description:<22}"),
            _RowsColumn(),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> LiveProgress:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def started(self, layer: Layer, table: str, expected: int | None, progress: Callable[[], float | None]) -> None:
        """Show the table that is being built."""
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.add_task(table, total=expected, layer=layer.value, progress=progress)

    def finished(self, report: TableReport) -> None:
        """Print the outcome of a table; those that did not have to be built appear only in the summary."""
        if report.status in (TableStatus.UNCHANGED, TableStatus.REUSED):
            return
        text = (
            f"{report.layer:<10} {report.table:<24} {SYMBOLS[report.status]:<9} "
            f"{number(report.rows):>13} rows  {report.duration_s:7.2f} s  {_how(report)}"
        )
        self._console.print(text.rstrip(), highlight=False, style="red" if report.message else None)


def _how(report: TableReport) -> str:
    """What was computed of a table, or why all of it was; of one that had no earlier version, how fast."""
    if report.partitions is not None and report.all_partitions is not None:
        return f"{number(report.partitions)} of {number(report.all_partitions)} partitions"
    if report.keys is not None:
        return "1 key" if report.keys == 1 else f"{number(report.keys)} keys"
    if report.why_full not in (None, WhyFull.NO_BASE):
        return f"whole: {report.why_full}"
    is_measured = report.layer in (Layer.BRONZE, Layer.SILVER) and report.duration_s >= MEASURABLE
    return f"{number(int(report.rows / report.duration_s))} rows/s" if is_measured else ""
