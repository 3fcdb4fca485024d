"""Charts of gold tables: what their contracts say, checked against their columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from filon.errors import Problem
from filon.pages import DEMANDS, ChartKind
from filon.project.contract import Contract
from filon.project.document import Place
from filon.project.models import Model
from filon.project.vocabulary import ChartSpec
from filon.suggestions import suggestion


def chart_problems(models: Mapping[str, Model]) -> Iterator[Problem]:
    """What contracts say of charts and cannot be drawn."""
    for model in models.values():
        if model.chart is not None:
            document = model.contract.document
            for word, what, fix in _mistakes(model.contract, model.chart):
                yield Problem(document.path, document.line((*_place(model.contract), *word)), f"chart: {what}", fix)


def _place(contract: Contract) -> Place:
    """Where the chart stands in its contract."""
    properties = contract.document.data["schema"][0]["customProperties"]
    ours = [entry.get("property") if entry.get("vendor") in (None, "filon") else None for entry in properties]
    index = ours.index("chart")
    return ("schema", 0, "customProperties", index, "value")


def _mistakes(contract: Contract, chart: ChartSpec) -> Iterator[tuple[Place, str, str]]:
    names = contract.column_names
    named = [("x", chart.x), *(("y", name) for name in chart.y), ("color", chart.color)]
    for word, name in named:
        if name is not None and name not in names:
            yield (word,), f"`{word}` names the unknown column `{name}`", suggestion(name, names)
    for name in chart.y:
        if name in names and not contract.column(name).type.is_number:
            yield ("y",), f"`y` names `{name}`, which is no number", "name a column of numbers"
    if chart.kind is ChartKind.TABLE:
        return
    if chart.x is None or not chart.y:
        yield (), f"`{chart.kind}` needs `x` and `y`", "name a column for each, or say `kind: table`"
    elif chart.kind is ChartKind.BOX:
        yield ("kind",), "`box` needs single values, which an analysis has", "choose another kind"
    elif chart.kind is not ChartKind.SCATTER and len(chart.y) > DEMANDS[chart.kind].most:
        yield ("y",), f"`{chart.kind}` shows one `y`", "keep one column"
