"""Messages of a page that cannot show its data, with what to do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from filon.dashboard.language import Language
from filon.dashboard.markup import plain
from filon.errors import ApiBusy, ApiEmpty, ApiError, ApiMissing, ApiRefused, ApiUnreachable

KINDS: dict[type[ApiError], tuple[str, str]] = {
    ApiUnreachable: ("unreachable", ":material/cloud_off:"),
    ApiEmpty: ("empty", ":material/inbox:"),
    ApiRefused: ("refused", ":material/lock:"),
    ApiMissing: ("missing", ":material/search_off:"),
    ApiBusy: ("busy", ":material/hourglass_empty:"),
    ApiError: ("failed", ":material/error:"),
}


def show_error(language: Language, error: ApiError) -> None:
    """Draw the message of a kind of error, the API's detail, and a button to try again."""
    name, icon = KINDS[type(error)]
    with st.container(border=True):
        st.subheader(f"{icon} {language.text(f'state.{name}.title')}", anchor=False)
        st.write(language.text(f"state.{name}.fix"))
        st.caption(plain(str(error)))
        st.button(language.text("state.retry"), icon=":material/refresh:", key=f"retry.{name}")


def show_no_rows(language: Language, *, is_filtered: bool) -> None:
    """Draw that there are no rows, and what to do about it where filters may have left none."""
    icon, text = ("filter_alt_off", "state.no_rows") if is_filtered else ("inbox", "state.nothing")
    st.info(language.text(text), icon=f":material/{icon}:")


def show_defect(language: Language) -> None:
    """Draw the message of an unexpected error, whose details are in the log."""
    st.error(language.text("state.defect"), icon=":material/error:")


def show_faults(language: Language, problems: Sequence[Mapping[str, object]], *, is_drawn: bool) -> None:
    """Draw the mistakes in the file of a page: where each is, what is wrong, and what to do.

    ``is_drawn``: the page follows, as it was before them.
    """
    with st.container(border=True):
        st.subheader(f":material/edit_note: {language.text('state.faulty.title')}", anchor=False)
        st.write(language.text("state.faulty.before" if is_drawn else "state.faulty.fix"))
        for problem in problems:
            st.caption(plain("{file}:{line}: {what}; {fix}".format(**problem)))


def show_lacking(language: Language, missing: Mapping[str, Sequence[str]]) -> None:
    """Draw what the page requires and the contracts of the project lack, by table."""
    with st.container(border=True):
        st.subheader(f":material/extension_off: {language.text('state.lacking.title')}", anchor=False)
        st.write(language.text("state.lacking.fix"))
        for table, names in missing.items():
            st.caption(plain(f"{table}: {', '.join(names)}"))


def show_failed_run(language: Language, release: int, run: Mapping[str, str]) -> None:
    """Draw a warning that the newest run failed, so that the figures are those of a release before it."""
    lines = run["error"].splitlines() or [""]
    at, error = language.moment(run["started_at"]), plain(" ".join(lines[:2]))
    st.error(language.text("run.banner", release=release, at=at, error=error), icon=":material/report:")


def show_stale(language: Language, tables: list[str], ago: str) -> None:
    """Draw a warning that tables are older than their contracts promise."""
    st.warning(language.text("state.stale", tables=plain(", ".join(tables)), ago=ago), icon=":material/schedule:")
