"""How a run shows itself while it goes: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from filon.cli.render import number
from filon.lake import Layer
from filon.stages.context import TableReport, TableStatus

MEASURABLE = 0.05  # seconds
SYMBOLS = {
    TableStatus.BUILT: "built",
    TableStatus.REUSED: "reused",
    TableStatus.UNCHANGED: "unchanged",
    TableStatus.FAILED: "FAILED",
}


class LiveWatch:
    """Tells a console what a run is doing. Use as a context manager."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[layer]:<10} {task.description:<28} {task.fields[expected]}"),
            TimeElapsedColumn(),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )

    def __enter__(self) -> LiveWatch:
        self._progress.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._progress.stop()

    def started(self, layer: Layer, table: str, expected: int | None) -> None:
        """Show what is being worked on."""
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        rows = f"{number(expected)} rows" if expected else ""
        self._progress.add_task(table, layer=layer.value, expected=rows)

    def finished(self, report: TableReport) -> None:
        """Show what came of it; tables that did not have to be built are left to the summary."""
        if report.status in (TableStatus.UNCHANGED, TableStatus.REUSED):
            return
        is_measured = report.layer in (Layer.BRONZE, Layer.SILVER) and report.duration_s >= MEASURABLE
        rate = f"{number(int(report.rows / report.duration_s))} rows/s" if is_measured else ""
        text = (
            f"{report.layer:<10} {report.table:<24} {SYMBOLS[report.status]:<9} "
            f"{number(report.rows):>13} rows  {report.duration_s:7.2f} s  {rate}"
        )
        self._console.print(text.rstrip(), highlight=False, style="red" if report.message else None)
