"""The panel: what a figure is, its SQL and inputs, the rows behind it, down to the records of files."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import streamlit as st

from filon.dashboard.client import EXPLAINING, Row
from filon.dashboard.context import Context
from filon.dashboard.markup import plain
from filon.dashboard.numbers import measure_writer
from filon.dashboard.paging import formats_of, paged_table
from filon.dashboard.parts import provenance
from filon.dashboard.reasons import Reasons
from filon.dashboard.why import address
from filon.dashboard.why.evidence import Evidence, draw_contributions, draw_others
from filon.dashboard.why.figure import EMPTY, MEASURE, Figure
from filon.errors import ApiError
from filon.pages import parts_of

WIDTH = 760
ROWS = 10
"""Rows of a table that the panel shows at a time."""
PLACE = "why.place"
"""Where the session has which rows of which table are shown: the figure, the table, and how many are left out."""
SHORT_SQL = 30
TROUBLES = (
    "no-lake",
    "no-such-row",
    "unknown-table",
    "other-lake",
    "release-swept",
    "explanations-busy",
    "explanation-too-long",
    "scope-missing",
)
"""Problems of the API that the panel has words for."""


def draw(context: Context) -> None:
    """Draw the panel if the address names a figure."""
    if address.asked():
        title = context.language.text("why.title")
        st.dialog(title, width=WIDTH, position="right", on_dismiss=address.close)(_show)(context)


def _show(context: Context) -> None:
    figures = address.asked()
    if not figures:
        st.rerun()
    language = context.language
    # also of the first figure: the keyboard is lost with a button that vanishes under it
    st.button(
        language.text("why.back"),
        icon=":material/arrow_back:",
        on_click=address.go_back,
        type="tertiary",
        key="why.back",
    )
    try:
        with st.spinner(language.text("why.looking")):
            _explain(context, figures[-1])
    except ApiError as error:
        is_known = error.kind in TROUBLES
        with st.container(border=True, key="why-trouble"):
            st.write(language.text(f"why.trouble.{error.kind}") if is_known else language.text("why.trouble"))
            st.caption(plain(str(error)))


def _explain(context: Context, figure: Figure) -> None:
    lineage = {item["name"]: item for item in context.client.recent("lineage").data["tables"]}
    described = context.tables.get(figure.table)
    if figure.key:
        _explain_row(context, figure, lineage)
    elif described is not None and described["analysis"] is None:
        _explain_count(context, figure, described, lineage)
    else:
        _explain_cell(context, figure, lineage)


def _answer(context: Context, figure: Figure, limit: int = ROWS) -> Row:
    """The API's explanation, with the rows that the session is at."""
    shown_of, of, skip = st.session_state.get(PLACE, (None, "", 0))
    query = [*figure.choice, ("limit", str(limit))]
    if shown_of == figure.spelled and of:
        query += [("of", of), ("skip", str(skip))]
    path = f"explain/{figure.path}"
    answer = context.client.get_of_release(context.release, path, query, context.stamp, EXPLAINING)
    found: Row = answer.data
    return found


def _explain_row(context: Context, figure: Figure, lineage: Mapping[str, Row]) -> None:
    language, found = context.language, _answer(context, figure)
    described = lineage.get(figure.table, {"columns": [], "description": "", "key": [], "grain": ""})
    st.subheader(plain(language.name(figure.table)), anchor=False)
    key = zip(described["key"], figure.key, strict=False)
    st.markdown(" · ".join(f"{plain(language.name(name))} : **{plain(value)}**" for name, value in key))
    if described["description"]:
        st.caption(plain(described["description"]))
    if found["state"] != "found":
        st.warning(language.text(f"why.state.{found['state']}"), icon=":material/block:")
    if found["row"]:
        _draw_row(context, described, found["row"])
    _draw_evidence(context, figure, found, lineage)


def _draw_row(context: Context, described: Row, row: Row) -> None:
    """The values of a row beneath each other, each beside its name."""
    language = context.language
    formats = formats_of(language, described)
    lines = [
        f"| {plain(language.name(name))} | {_text(context, formats, name, value)} |" for name, value in row.items()
    ]
    st.markdown("\n".join(["| | |", "|---|---|", *lines]))


def _text(context: Context, formats: Mapping[str, Any], name: str, value: Any) -> str:
    text = context.language.text("none") if value is None else formats[name](value) if name in formats else str(value)
    return plain(" ".join(str(text).split()))


def _explain_cell(context: Context, figure: Figure, lineage: Mapping[str, Row]) -> None:
    measures = parts_of(figure.measure) if figure.measure else ("",)
    answers = [
        _answer(context, figure.of(measure) if measure else figure, ROWS if place == 0 else 1)
        for place, measure in enumerate(measures)
    ]
    measure = figure.measure or next(iter(answers[0]["row"]))
    _draw_value(context, figure, measure, [next(iter(answer["row"].values())) for answer in answers])
    _draw_choice(context, figure)
    _choose_measure(context, figure, measure)
    sql = "\n\n".join(answer["sql"] for answer in answers)
    _draw_evidence(context, figure, {**answers[0], "sql": sql}, lineage)


def _draw_value(context: Context, figure: Figure, measure: str, values: list[Any]) -> None:
    """The number, and how it follows from others where it does."""
    language = context.language
    writers = [measure_writer(context, figure.table, part) for part in (measure, *parts_of(measure))]
    value = values[0]
    steps = ""
    if len(values) > 1:
        value = values[0] / values[1] if values[1] and values[0] is not None else None
        steps = " / ".join(write(number) for write, number in zip(writers[1:], values, strict=True))
    if figure.periods and value is not None:
        steps = language.text("why.mean", total=writers[0](value), count=language.number(figure.periods))
        value = value / figure.periods
    text = writers[0](value)
    if figure.is_share:
        whole = _whole(context, figure, measure)
        steps = f"{text} / {writers[0](whole)}"
        text = language.percent(value / whole if whole and value is not None else None)
    st.metric(plain(language.name(measure)), text)
    if steps:
        st.caption(plain(f"{text} = {steps}"))


def _whole(context: Context, figure: Figure, measure: str) -> Any:
    """The measure of all groups, of which those of the figure have a share."""
    analysis = context.tables[figure.table]["analysis"]
    known = {*analysis["dimensions"], context.words["firstDay"], context.words["lastDay"]}
    query = [pair for pair in figure.choice if pair[0] in known]
    return context.rows(analysis["path"], query)[0][measure]


def _draw_choice(context: Context, figure: Figure) -> None:
    """What the facts of a cell have in common."""
    language, periods = context.language, {context.words[step] for step in ("day", "month", "year")}
    words = []
    for name, value in figure.choice:
        if name == MEASURE:
            continue
        if name == EMPTY:
            words += [f"{language.name(part)} : {language.text('none')}" for part in value.split(",")]
        elif name in periods or name in (context.words["firstDay"], context.words["lastDay"]):
            words.append(f"{_bound_name(context, name)} {language.period(value)}")
        else:
            words.append(f"{language.name(name)} : {value}")
    st.markdown(plain(" · ".join(words)) if words else language.text("why.everything"))


def _bound_name(context: Context, name: str) -> str:
    language = context.language
    ends = {context.words["firstDay"]: language.text("why.from"), context.words["lastDay"]: language.text("why.to")}
    return ends.get(name, f"{language.name(name)} :")


def _choose_measure(context: Context, figure: Figure, measure: str) -> None:
    """Draw the choice of the measure: the facts are the same."""
    described = context.tables.get(figure.table)
    if described is None or described["analysis"] is None or figure.periods or figure.is_share:
        return
    options = list(dict.fromkeys([measure, *described["analysis"]["measures"]]))
    if len(options) > 1:
        key = f"why.measure.{figure.spelled}"
        st.pills(
            context.language.text("why.measure"),
            options,
            default=measure,
            format_func=context.language.name,
            required=True,
            key=key,
            on_change=lambda: address.change(figure.of(st.session_state[key] or measure)),
        )


def _explain_count(context: Context, figure: Figure, described: Row, lineage: Mapping[str, Row]) -> None:
    """How many rows a table has: its SQL, and the rows."""
    language = context.language
    total = context.answer(described["path"], [*figure.choice, ("limit", "1")]).data["total"]
    st.metric(plain(language.name(figure.table)), language.number(total))
    _draw_choice(context, figure)
    st.caption(language.text("why.count"))
    item = lineage[figure.table]
    _draw_sql(context, item["sql"], item["inputs"])
    paged_table(context, "why.rows", described, figure.choice, ROWS, explain=address.follow)


def _draw_sql(context: Context, sql: str | None, inputs: list[str]) -> None:
    language = context.language
    if sql is None:
        return
    reads = language.text("why.reads", tables=", ".join(map(plain, inputs))) if inputs else ""
    with st.expander(language.text("why.sql"), icon=":material/code:", expanded=sql.count("\n") < SHORT_SQL):
        st.code(sql, language="sql", wrap_lines=True)
    if reads:
        st.caption(reads)


def _draw_evidence(context: Context, figure: Figure, found: Row, lineage: Mapping[str, Row]) -> None:
    _draw_sql(context, found["sql"], found["inputs"])
    evidence = Evidence(context, lineage, Reasons(context.language, lineage.values()), ROWS)
    draw_others(evidence, found)
    draw_contributions(evidence, found, partial(_turn, figure))
    if found["withheld"]:
        st.caption(f":material/lock: {context.language.text('why.withheld')}")
    st.caption(provenance(context, [figure.table] if figure.table in context.tables else []))


def _turn(figure: Figure, of: str, skip: int) -> None:
    """Show other rows of a table."""
    st.session_state[PLACE] = (figure.spelled, of, skip)
