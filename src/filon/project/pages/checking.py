"""A page, held to the contracts of the tables that it shows; mistakes are reported at their lines."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from filon.pages import DEMANDS, ROWS, Card, Chart, ChartKind, Page, Row, Table, parts_of
from filon.project.document import Document, Place
from filon.project.pages.subjects import Subject
from filon.suggestions import suggestion

RATIO = 2
"""The measures of a ratio."""
Block = TypeVar("Block", Chart, Table)


def checked(name: str, page: Page, document: Document, subjects: Mapping[str, Subject]) -> Page:
    """The page with a path, and a table in each block that it can tell; what is wrong is reported to the document."""
    checker = _Checker(page, document, subjects)
    rows = tuple(checker.row(row, ("rows", index)) for index, row in enumerate(page.rows))
    whole = page.model_copy(update={"path": page.path or path_of(name), "rows": rows})
    checker.filters(whole)
    return whole


def path_of(name: str) -> str:
    """The path of a page that says none, from the name of its file."""
    return re.sub("[^a-z0-9]+", "-", name.lower()).strip("-") or "page"


@dataclass(frozen=True)
class _Checker:
    page: Page
    document: Document
    subjects: Mapping[str, Subject]

    def row(self, row: Row, place: Place) -> Row:
        if row.cards is not None:
            cards = tuple(self._card(card, (*place, "cards", index)) for index, card in enumerate(row.cards))
            return row.model_copy(update={"cards": cards})
        if row.chart is not None:
            return row.model_copy(update={"chart": self._chart(row.chart, (*place, "chart"))})
        if row.table is not None:
            return row.model_copy(update={"table": self._table(row.table, (*place, "table"))})
        if row.columns is not None:
            rows = tuple(self.row(part, (*place, "columns", index)) for index, part in enumerate(row.columns))
            return row.model_copy(update={"columns": rows})
        return row

    def filters(self, page: Page) -> None:
        """Every filter acts on a block; the granularity is a period."""
        shown = [self.subjects[name] for name in page.tables if name in self.subjects]
        known = {name for subject in self.subjects.values() for name in subject.choices}
        for index, name in enumerate(page.filters):
            if name not in known:
                self.document.report(("filters", index), f"unknown filter `{name}`", suggestion(name, known))
            elif not any(name in subject.choices for subject in shown):
                what = f"no block of the page can be filtered by `{name}`"
                self.document.report(
                    ("filters", index), what, "take it away, or open it in the `filters` of a table that is shown"
                )
        self._once((), "filters", page.filters)
        periods = {name for subject in shown for name in subject.periods}
        if page.granularity is not None and page.granularity not in periods:
            what = f"`granularity` is `{page.granularity}`, which is no period"
            self.document.report(("granularity",), what, suggestion(page.granularity, periods))

    def _subject(self, name: str | None, place: Place, word: str = "of") -> Subject | None:
        """The table of a block: its own, else the page's, else the only one with an analysis."""
        name = name or self.page.of
        analysed = [subject for subject in self.subjects.values() if subject.analysis]
        if name is None and len(analysed) == 1:
            return analysed[0]
        if name is None:
            self.document.report(place, "the block names no table", f"add `of:` one of {', '.join(self.subjects)}")
            return None
        if name not in self.subjects:
            what = f"`{word}` names `{name}`, which is no table that is served"
            self.document.report((*place, word), what, suggestion(name, self.subjects))
            return None
        return self.subjects[name]

    def _known(self, place: Place, word: str, names: Iterable[str | None], known: Iterable[str], what: str) -> None:
        """Report each name that is unknown; ``what`` says what was expected."""
        choices = list(known)
        for name in names:
            if name is not None and name not in choices:
                fix = suggestion(name, choices) if choices else f"the table has no {what}"
                self.document.report((*place, word), f"`{word}` names `{name}`, which is no {what}", fix)

    def _card(self, card: Card, place: Place) -> Card:
        if card.count is not None:
            self._subject(card.count, place, "count")
            return card
        subject = self._subject(card.of, place)
        if subject is None:
            return card
        self._measures(place, [card.measure] if card.measure else [], subject)
        grouped = (*subject.periods, subject.words.granularity)
        self._known(place, "spark", [card.spark], subject.periods, "period")
        self._known(place, "by", [card.by], grouped, "period")
        if card.share is not None:
            self._known((*place, "share"), "by", [card.share.by], subject.groups, "dimension")
        return card.model_copy(update={"of": subject.name})

    def _measures(self, place: Place, measures: Iterable[str], subject: Subject) -> None:
        if not subject.analysis:
            what = f"`{subject.name}` has no analysis, and so no measures"
            self.document.report(place, what, "open one in its `aggregations`, or name a table that has one")
            return
        for measure in measures:
            parts = parts_of(measure)
            self._known(place, "measure", parts, subject.measures, f"measure of `{subject.name}`")
            if len(parts) > RATIO:
                what = f"`{measure}` is a ratio of {len(parts)} measures"
                self.document.report((*place, "measure"), what, f"divide two: {' / '.join(parts[:RATIO])}")

    def _once(self, place: Place, word: str, names: Iterable[str | None]) -> None:
        """Report what is named twice."""
        for name, times in Counter(name for name in names if name is not None).items():
            if times > 1:
                self.document.report((*place, word), f"`{word}` names `{name}` twice", "name it once")

    def _chart(self, chart: Chart, place: Place) -> Chart:
        subject = self._subject(chart.of, place)
        if chart.kind is ChartKind.TABLE:
            self.document.report((*place, "kind"), "a chart draws; rows are a `table`", "write `table:`")
            return chart
        demand = DEMANDS[chart.kind]
        if not demand.fewest <= len(chart.measure) <= demand.most:
            wanted = str(demand.most) if demand.fewest == demand.most else f"{demand.fewest} to {demand.most}"
            what = f"`{chart.kind}` draws {wanted} measures, not {len(chart.measure)}"
            self.document.report((*place, "measure"), what, "name as many under `measure`")
        if len(chart.by) != demand.by:
            what = f"`{chart.kind}` is drawn by {demand.by} names, not {len(chart.by)}"
            self.document.report((*place, "by"), what, "name as many under `by`")
        if chart.color is not None and not demand.colour:
            self.document.report((*place, "color"), f"`{chart.kind}` has no `color`", "take it away")
        if subject is None:
            return chart
        if subject.analysis:
            self._analysed_chart(chart, place, subject)
        else:
            self._chart_of_rows(chart, place, subject)
        self._once(place, "measure", chart.measure)
        self._once(place, "color" if chart.color in chart.by else "by", (*chart.by, chart.color))
        return self._common(chart, place, subject, (*chart.by, chart.color))

    def _analysed_chart(self, chart: Chart, place: Place, subject: Subject) -> None:
        self._measures(place, chart.measure, subject)
        groups = (*subject.periods, subject.words.granularity, *subject.groups)
        self._known(place, "by", chart.by, groups, "period or dimension")
        self._known(place, "color", [chart.color], subject.groups, "dimension")
        if chart.color is not None and len(chart.measure) > 1 and chart.kind is not ChartKind.SCATTER:
            self.document.report((*place, "color"), "several measures have their colours already", "take `color` away")
        if chart.kind is ChartKind.BOX:
            self._known(place, "measure", chart.measure, subject.sums, "sum of single values")
        if chart.label is not None or chart.detail is not None:
            self._labels(chart, place, subject)

    def _labels(self, chart: Chart, place: Place, subject: Subject) -> None:
        by = chart.by[0] if chart.by else ""
        columns = subject.contract.column_names
        reference = subject.contract.column(by).reference if by in columns else None
        target = self.subjects.get(reference.table) if reference else None
        if reference is None or target is None or not target.filtered(reference.column):
            what = f"`{by}` refers to no served table that is filtered by its key"
            self.document.report((*place, "label"), what, "add the relationship and the filter, or leave `label` out")
            return
        for word, name in (("label", chart.label), ("detail", chart.detail)):
            self._known(place, word, [name], target.contract.column_names, f"column of `{target.name}`")

    def _chart_of_rows(self, chart: Chart, place: Place, subject: Subject) -> None:
        columns = subject.contract.columns
        numbers = [column.name for column in columns if column.type.is_number]
        self._known(place, "measure", chart.measure, numbers, f"column of numbers of `{subject.name}`")
        names = subject.contract.column_names
        self._known(place, "by", chart.by, names, f"column of `{subject.name}`")
        self._known(place, "color", [chart.color], names, f"column of `{subject.name}`")
        for word in ("compare", "drill", "label", "detail"):
            if getattr(chart, word):
                self.document.report((*place, word), f"`{word}` needs an analysis", f"take `{word}` away")
        if chart.kind is ChartKind.BOX:
            self.document.report((*place, "kind"), "`box` needs an analysis", "choose another kind")

    def _table(self, table: Table, place: Place) -> Table:
        subject = self._subject(table.of, place)
        if subject is None:
            return table
        if not (table.by or table.measure or table.stats):
            names = subject.contract.column_names
            self._known(place, "columns", table.columns, names, f"column of `{subject.name}`")
            self._once(place, "columns", table.columns)
            for word in ("drill", "share"):
                if getattr(table, word):
                    self.document.report((*place, word), f"`{word}` needs measures `by` something", "add `by`")
            return self._common(table, place, subject, table.columns or names)
        self._measures(place, table.measure, subject)
        self._once(place, "measure", table.measure)
        self._once(place, "by", table.by)
        if subject.analysis:
            groups = (*subject.periods, subject.words.granularity, *subject.groups)
            self._known(place, "by", table.by, groups, "period or dimension")
            self._known(place, "stats", [table.stats], subject.sums, "sum of single values")
        if table.columns:
            self.document.report((*place, "columns"), "the columns are those of `by` and `measure`", "take it away")
        if not table.by or not (table.measure or table.stats):
            self.document.report(place, "measures stand beside what they are `by`", "add `by` and `measure`")
        return self._common(table, place, subject, table.by)

    def _common(self, block: Block, place: Place, subject: Subject, names: Iterable[str | None]) -> Block:
        """What charts and tables have in common: order, drill, and what a click chooses."""
        is_of_rows = not subject.analysis or not block.by
        if block.sort is not None:
            known = subject.sortable if is_of_rows else (*subject.measures, "value")
            self._known(place, "sort", [block.sort.removeprefix("-")], sorted(known), "order of the table")
        levels = (*reversed(subject.periods), ROWS)
        self._known(place, "drill", block.drill, levels, "period or `rows`")
        shown = [level for level in levels if level in block.drill]
        if list(block.drill) != shown and set(block.drill) <= set(levels):
            self.document.report((*place, "drill"), "`drill` does not go from long to short", f"write {shown}")
        time = subject.analysis.time if subject.analysis else ""
        if ROWS in block.drill and f"{time}_min" not in subject.filters:
            what = f"`drill` ends with rows, and those of `{subject.name}` are not filtered by `{time}`"
            self.document.report((*place, "drill"), what, f"add `{time}` to its filters, or leave `rows` out")
        if block.select is not None:
            chosen = [name for name in names if name in self.page.filters]
            self._known(place, "select", [block.select], chosen, "filter of the page that the block shows")
        return block.model_copy(update={"of": subject.name})
