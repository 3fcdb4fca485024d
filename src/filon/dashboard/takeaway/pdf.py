"""A report as a PDF: its numbers, a drawing of each chart, and its tables; texts are texts, which readers search."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from reportlab.graphics.shapes import Drawing, Group, Line, PolyLine, Rect, String  # type: ignore[import-untyped]
from reportlab.lib.colors import HexColor  # type: ignore[import-untyped]
from reportlab.lib.enums import TA_LEFT, TA_RIGHT  # type: ignore[import-untyped]
from reportlab.lib.pagesizes import A4  # type: ignore[import-untyped]
from reportlab.lib.styles import ParagraphStyle  # type: ignore[import-untyped]
from reportlab.lib.units import mm  # type: ignore[import-untyped]
from reportlab.pdfgen.canvas import Canvas  # type: ignore[import-untyped]
from reportlab.platypus import (  # type: ignore[import-untyped]
    CondPageBreak,
    Flowable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from filon.dashboard.colours import MAIN
from filon.dashboard.takeaway.content import Part, Report
from filon.dashboard.takeaway.signs import BOLD, FONT, Run, Signs

MARGIN = 15 * mm
PADDING = 6
"""Points that reportlab leaves inside the margins."""
WIDTH = A4[0] - 2 * (MARGIN + PADDING)
MOST_ROWS, MOST_COLUMNS, MOST_MARKS = 60, 8, 30
CARDS_ABREAST = 4
QUIET, RULE = HexColor("#5b6470"), HexColor("#d5dae1")
SMALL = 7
ANCHORS = {"start": 0.0, "middle": 0.5, "end": 1.0}
"""The part of a text that lies before the point at which it is anchored."""
MOST_NAMED = 12
BAR, GAP, HIGH = 11, 5, 130
"""Points: the height of a bar and the gap below it, and the height of a drawing along time."""


def as_pdf(report: Report) -> bytes:
    """The bytes of the document."""
    return _Draft(report, Signs()).content()


@dataclass(frozen=True)
class _Draft:
    """A report while it is composed, in the fonts of its document."""

    report: Report
    signs: Signs

    def content(self) -> bytes:
        content = io.BytesIO()
        document = SimpleDocTemplate(
            content, pagesize=A4, title=self.report.title, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN,
            bottomMargin=MARGIN + 5 * mm, lang=self.report.language.code.value,
        )  # fmt: skip
        story: list[Flowable] = [self._text(self.report.title, 18, bold=True), Spacer(1, 4)]
        story.append(self._text(" · ".join(f"{name}: {text}" for name, text in self.report.facts), 8, quiet=True))
        story += [Spacer(1, 8), *self._cards()]
        for part in self.report.parts:
            story += [
                CondPageBreak(60 * mm),
                Spacer(1, 12),
                self._text(part.title, 12, bold=True),
                Spacer(1, 4),
                *self._part(part),
            ]
        title = self.signs.runs(self.report.title)
        story[2:2] = self._unsaid()

        def number(canvas: Canvas, page: Any) -> None:
            canvas.setFillColor(QUIET)
            runs = [*title, Run(FONT, f" · {page.page}")]
            x = A4[0] - MARGIN - sum(run.width(SMALL) for run in runs)
            for run in runs:
                canvas.setFont(run.font, SMALL)
                canvas.drawString(x, MARGIN, run.text)
                x += run.width(SMALL)

        document.build(story, onFirstPage=number, onLaterPages=number)
        return content.getvalue()

    def _unsaid(self) -> list[Flowable]:
        """What the fonts cannot show, in words."""
        language, notes = self.report.language, []
        if self.signs.is_borrowing:
            notes.append(language.text("takeaway.borrowed"))
        if self.signs.missing:
            names = list(self.signs.named())
            more = "…" if len(names) > MOST_NAMED else ""
            notes.append(language.text("takeaway.missing", signs=", ".join(names[:MOST_NAMED]) + more))
        return [self._text(note, 8, quiet=True) for note in notes]

    def _text(
        self, text: str, size: float, *, bold: bool = False, quiet: bool = False, right: bool = False
    ) -> Paragraph:
        style = ParagraphStyle(
            "",
            fontName=BOLD if bold else FONT,
            fontSize=size,
            leading=size * 1.25,
            alignment=TA_RIGHT if right else TA_LEFT,
        )
        style.textColor = QUIET if quiet else HexColor("#0b1016")
        runs = self.signs.runs(text, style.fontName)
        return Paragraph("".join(f'<font name="{run.font}">{escape(run.text)}</font>' for run in runs), style)

    def _cards(self) -> list[Flowable]:
        cards = [
            [self._text(column.title, 8, quiet=True), self._text(self.report.write(column, value), 13, bold=True)]
            for column, value in self.report.cards
        ]
        if not cards:
            return []
        lines = [cards[start : start + CARDS_ABREAST] for start in range(0, len(cards), CARDS_ABREAST)]
        lines[-1] += [[] for _ in range(CARDS_ABREAST - len(lines[-1]))]
        grid = TableStyle(
            [
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
                ("BOX", (0, 0), (-1, -1), 0.5, RULE),
                ("INNERGRID", (0, 0), (-1, -1), 0.5, RULE),
            ]
        )
        return [Table(lines, colWidths=[WIDTH / CARDS_ABREAST] * CARDS_ABREAST, style=grid)]

    def _part(self, part: Part) -> list[Flowable]:
        if not part.rows:
            return [self._text(self.report.language.text("state.no_rows"), 9, quiet=True)]
        flowables: list[Flowable] = []
        if part.measures and part.by:
            flowables += [self._along_time(part) if part.is_time else self._ranked(part), Spacer(1, 6)]
        note = part.note
        if len(part.rows) > MOST_ROWS:
            numbers = self.report.language.number(MOST_ROWS), self.report.language.number(len(part.rows))
            note = note or self.report.language.text("takeaway.first", shown=numbers[0], total=numbers[1])
        flowables.append(self._table(part))
        return [*flowables, self._text(note, 8, quiet=True)] if note else flowables

    def _string(self, x: float, y: float, text: str, anchor: str = "start") -> Group:
        """A line of small text, in one string for each font."""
        runs = self.signs.runs(text)
        x -= sum(run.width(SMALL) for run in runs) * ANCHORS[anchor]
        strings = Group()
        for run in runs:
            strings.add(String(x, y, run.text, fontName=run.font, fontSize=SMALL, fillColor=QUIET))
            x += run.width(SMALL)
        return strings

    def _ranked(self, part: Part) -> Drawing:
        """Horizontal bars with their names and values, the first row on top."""
        named, measure = part.column(part.by), part.column(part.measures[0])
        values = _numbers(part, measure.name)[:MOST_MARKS]
        height = len(values) * (BAR + GAP)
        drawing = Drawing(WIDTH, height)
        left, right = WIDTH * 0.25, WIDTH * 0.82
        low, high = min(*values, 0), max(*values, 0) or 1
        scale = (right - left) / (high - low)
        for place, (row, value) in enumerate(zip(part.rows, values, strict=False)):
            y = height - (place + 1) * (BAR + GAP) + GAP
            name = self.report.write(named, named.value_of(row))
            drawing.add(self._string(left - 5, y + 3, self.signs.short(name, SMALL, left - 10), "end"))
            start = left + (min(value, 0) - low) * scale
            drawing.add(Rect(start, y, max(abs(value) * scale, 0.5), BAR, fillColor=HexColor(MAIN), strokeColor=None))
            drawing.add(self._string(right + 5, y + 3, self.report.write(measure, measure.value_of(row))))
        return drawing

    def _along_time(self, part: Part) -> Drawing:
        """A line per measure along the periods, with the largest value and some of the periods beside it."""
        named, first = part.column(part.by), part.column(part.measures[0])
        drawing = Drawing(WIDTH, HIGH + 28)
        series = [_numbers(part, name) for name in part.measures]
        low, high = min(0.0, *(min(values) for values in series)), max(0.0, *(max(values) for values in series)) or 1.0
        step = WIDTH / max(len(part.rows) - 1, 1)
        drawing.add(Line(0, 14 - low / (high - low) * HIGH, WIDTH, 14 - low / (high - low) * HIGH, strokeColor=RULE))
        for place, values in enumerate(series):
            points = [
                xy for x, value in enumerate(values) for xy in (x * step, 14 + (value - low) / (high - low) * HIGH)
            ]
            colour = HexColor(MAIN) if place == 0 else QUIET
            drawing.add(
                PolyLine(
                    points if len(values) > 1 else [*points, WIDTH, points[1]], strokeColor=colour, strokeWidth=1.5
                )
            )
        largest = max(range(len(part.rows)), key=series[0].__getitem__)
        at = largest * step
        anchor = "start" if at < WIDTH / 3 else "end" if at > WIDTH * 2 / 3 else "middle"
        drawing.add(self._string(at, HIGH + 18, self.report.write(first, first.value_of(part.rows[largest])), anchor))
        every = -(-len(part.rows) // 8)
        for place in range(0, len(part.rows), every):
            text = self.report.write(named, named.value_of(part.rows[place]))
            drawing.add(self._string(place * step, 2, text, "start" if place == 0 else "middle"))
        return drawing

    def _table(self, part: Part) -> Table:
        columns = part.columns[:MOST_COLUMNS]
        lines: list[Sequence[Paragraph]] = [
            [self._text(column.title, 7, bold=True, right=column.is_number) for column in columns]
        ]
        lines += [
            [
                self._text(self.report.write(column, column.value_of(row)), 7, right=column.is_number)
                for column in columns
            ]
            for row in part.rows[:MOST_ROWS]
        ]
        rule = TableStyle(
            [
                ("LINEBELOW", (0, 0), (-1, 0), 0.8, QUIET),
                ("LINEBELOW", (0, 1), (-1, -1), 0.25, RULE),
                ("VALIGN", (0, 0), (-1, -1), "TOP"),
            ]
        )
        rule.add("TOPPADDING", (0, 0), (-1, -1), 1.5)
        rule.add("BOTTOMPADDING", (0, 0), (-1, -1), 1.5)
        return Table(lines, colWidths=[WIDTH / len(columns)] * len(columns), style=rule, repeatRows=1)


def _numbers(part: Part, measure: str) -> list[float]:
    return [float(row[measure] or 0) for row in part.rows]
