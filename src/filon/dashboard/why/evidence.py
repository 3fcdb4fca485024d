"""What a figure was computed from: rows of tables, records of files, and records that do not count."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from filon.dashboard.client import Row
from filon.dashboard.context import Context
from filon.dashboard.markup import plain
from filon.dashboard.paging import formats_of
from filon.dashboard.parts import table
from filon.dashboard.reasons import Reasons
from filon.dashboard.why import address
from filon.dashboard.why.figure import Figure, figure_of_row

MOST_SKIPPED = 10_000
"""The most rows that the API leaves out before those that it shows."""


@dataclass(frozen=True)
class Evidence:
    """What all parts of an explanation are drawn with; ``size``: rows at a time."""

    context: Context
    lineage: Mapping[str, Row]
    reasons: Reasons
    size: int


def draw_contributions(evidence: Evidence, found: Row, turn: Callable[[str, int], None]) -> None:
    """Draw the rows behind a figure, the nearest table first; ``turn`` is called with a table and rows to leave out."""
    language = evidence.context.language
    for part in found["contributions"]:
        _draw_contribution(evidence, part, turn)
    for part in found["not_followed"]:
        reason = language.text(f"why.not_followed.{part['code']}", model=plain(part["read_by"]))
        st.caption(language.text("why.not_followed", table=plain(part["table"]), reason=reason))


def _draw_contribution(evidence: Evidence, part: Row, turn: Callable[[str, int], None]) -> None:
    context, name = evidence.context, part["table"]
    language = context.language
    key = f"why.{part['read_by'] or ''}.{name}"
    with st.container(border=True, key=key.replace(".", "-")):
        heading = language.text("why.rows", count=language.number(part["rows"]), table=name)
        st.subheader(plain(heading), anchor=False)
        said = [] if part["exact"] else [language.text("why.among")]
        said += [language.text("why.of_shown")] if part["of_shown"] else []
        if part["read_by"]:
            said.append(language.text("why.read_by", table=part["read_by"]))
        if said:
            st.caption(plain(" · ".join(said)))
        if part["data"]:
            described = evidence.lineage.get(name, {"name": name, "key": [], "columns": []})
            table(context, key, part["data"], formats_of(language, described), explain=_follower(described, part))
            _draw_turning(evidence, part, key, turn)
        for record in part["records"]:
            draw_record(evidence, record)
        if part["condition"]:
            with st.expander(language.text("why.condition"), icon=":material/filter_alt:"):
                st.code(part["condition"], language="sql", wrap_lines=True)


def _follower(described: Mapping[str, Any], part: Row) -> Callable[[int], None] | None:
    """What explains a row of these; None where it has no key, or where its records already stand beneath it."""
    figures = [figure_of_row(described, row) for row in part["data"]]
    if None in figures or (part["read_by"] is None and part["records"]):
        return None
    return lambda place: address.follow(figures[place] or Figure(part["table"]))


def _draw_turning(evidence: Evidence, part: Row, key: str, turn: Callable[[str, int], None]) -> None:
    """Draw the buttons to the rows before and after those that are shown."""
    language, skip, shown = evidence.context.language, part["skip"], len(part["data"])
    if part["rows"] <= shown and not skip:
        return
    first, last, total = (language.number(number) for number in (skip + 1, skip + shown, part["rows"]))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(language.text("paging.place", first=first, last=last, total=total), width="content")
        with st.container(horizontal=True, width="content"):
            for word, place, is_end in (
                ("previous", max(skip - evidence.size, 0), skip == 0),
                ("next", skip + shown, skip + shown >= part["rows"] or skip + shown > MOST_SKIPPED),
            ):
                st.button(
                    language.text(f"paging.{word}"),
                    key=f"{key}.{word}",
                    disabled=is_end,
                    on_click=turn,
                    args=[part["table"], place],
                )
    if skip + shown > MOST_SKIPPED:
        st.caption(language.text("why.too_far", most=language.number(MOST_SKIPPED)))


def draw_record(evidence: Evidence, record: Row) -> None:
    """Draw a record of a file as it was received."""
    language = evidence.context.language
    number = language.number(record["record"])
    st.caption(
        plain(language.text("why.record", file=record["file"], record=number, version=record["version"])),
        help=f"SHA-256 {record['sha256']}",
    )
    if record["text"] is not None:
        st.code(record["text"], language=None, wrap_lines=True)


def draw_others(evidence: Evidence, found: Row) -> None:
    """Draw the records of the same key that were rejected or superseded."""
    if not found["others"]:
        return
    language = evidence.context.language
    with st.container(border=True, key="why-others"):
        title = language.text("why.others", count=language.number(found["others_total"]))
        st.subheader(plain(title), anchor=False)
        for other in found["others"]:
            words = [evidence.reasons.words(other["table"], reason) for reason in other["reasons"]]
            state = language.text(f"why.other.{other['state']}")
            st.markdown(f"**{state}**" + "".join(f"\n* {plain(word)}" for word in words))
            draw_record(evidence, other["record"])
        if found["others_total"] > len(found["others"]):
            st.caption(language.text("why.others.more", count=language.number(len(found["others"]))))
