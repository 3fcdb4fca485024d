"""First pages of a new project: total, over time, by each dimension, and the latest rows."""

from __future__ import annotations

from filon.project.vocabulary import ApiSpec
from filon.scaffold.analysis import FirstAnalysis

Words = dict[str, object]
LABELS = {"en": "Rows", "fr": "Lignes"}
OVER_TIME = {"en": "Over time", "fr": "Dans le temps"}
LATEST = {"en": "The latest rows", "fr": "Les dernières lignes"}
ROWS_SHOWN, GROUPS_SHOWN = 25, 15


def first_page(title: str, table: str, order: int, analysis: FirstAnalysis | None) -> Words:
    """The page of a table; of one without an analysis, how many rows it has, and these."""
    page: Words = {"title": title, "order": order, "of": table}
    if analysis is None:
        count, shown = {"title": dict(LABELS), "count": table}, {"title": dict(LABELS), "limit": ROWS_SHOWN}
        return {**page, "rows": [{"cards": [count]}, {"table": shown}]}
    main, time = analysis.measures[0], ApiSpec()
    cards = [{"measure": name, "compare": "last_year", "spark": time.month} for name in analysis.measures]
    drill = [time.year, time.month, time.day, "rows"]
    chart = {"kind": "bar", "title": OVER_TIME, "measure": main, "by": time.month, "compare": "last_year"}
    rankings: list[Words] = [
        {"chart": {"kind": "ranking", "measure": main, "by": name, "sort": f"-{main}", "limit": GROUPS_SHOWN}}
        for name in analysis.dimensions
    ]
    pairs: list[Words] = [{"columns": rankings[start : start + 2]} for start in range(0, len(rankings), 2)]
    rows = [
        {"cards": cards},
        {"chart": {**chart, "drill": drill}},
        *pairs,
        {"table": {"title": LATEST, "sort": f"-{analysis.time}", "limit": ROWS_SHOWN}},
    ]
    return {**page, "filters": [analysis.time, *analysis.dimensions], "rows": rows}
