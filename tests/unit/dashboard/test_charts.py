"""Figures of awkward rows."""

from __future__ import annotations

from filon.dashboard import charts
from filon.dashboard.language import Code, Language

STYLE = charts.Style(Language(Code.ENGLISH))


def test_parts_of_a_treemap_may_share_a_name_and_have_none() -> None:
    rows = [{"x": name, "y": 1} for name in ("a", "a", "", None)]
    trace = charts.treemap(STYLE, rows, "x", "y", {}).data[0]
    assert len(set(trace.ids)) == 4
    assert list(trace.labels) == ["a", "a", "", "—"]


def test_boxes_of_names_that_begin_alike_stand_apart() -> None:
    stats = dict.fromkeys(("25%", "50%", "75%", "min", "max", "mean"), 1)
    rows = [{"p": "A product with a very long name " + end, "stats": stats} for end in "xy"]
    figure = charts.boxes(STYLE, rows, "p", "stats", {})
    assert len({trace.x[0] for trace in figure.data}) == 2


def test_html_in_the_data_is_shown() -> None:
    rows = [{"x": "<a href='http://e'>l</a>", "y": 1}]
    bars = charts.ranked(STYLE, rows, "x", "y")
    assert bars.layout.yaxis.ticktext[0].startswith("&lt;a")
    assert bars.data[0].customdata[0].startswith("&lt;a")
    assert charts.shares(STYLE, rows, "x", "y", {}).data[0].labels[0].startswith("&lt;a")
