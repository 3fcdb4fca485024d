"""The menu of a page by which it is taken away, and a link that stays with its release."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from urllib.parse import urlencode, urlsplit, urlunsplit

import streamlit as st

from filon.dashboard.address import RELEASE
from filon.dashboard.context import Context
from filon.dashboard.language import Language
from filon.dashboard.takeaway.content import Report
from filon.dashboard.takeaway.csvs import as_zip
from filon.dashboard.takeaway.pages import report_of
from filon.dashboard.takeaway.pdf import as_pdf
from filon.dashboard.takeaway.xlsx import XLSX, as_xlsx
from filon.pages import Page

PINNED = "release.pinned"
FORMATS: dict[str, tuple[Callable[[Report], bytes], str]] = {
    "xlsx": (as_xlsx, XLSX),
    "pdf": (as_pdf, "application/pdf"),
    "zip": (as_zip, "application/zip"),
}


def draw(context: Context, page: Page, limits: Sequence[int | None]) -> None:
    """Draw the menu: a file of each format, made when it is asked for, and the link."""
    language = context.language
    with st.popover(language.text("takeaway.title"), icon=":material/download:", type="tertiary"):
        for kind, (write, media) in FORMATS.items():
            st.download_button(
                language.text(f"takeaway.{kind}"),
                lambda write=write: write(report_of(context, page, limits, dt.datetime.now(dt.UTC))),  # type: ignore[misc]
                file_name=f"{page.path}-{context.release}.{kind}",
                mime=media,
                key=f"takeaway.{kind}",
                on_click="ignore",
                width="stretch",
            )
        st.caption(language.text("takeaway.link", release=context.release))
        st.code(_pinned(st.context.url or "", context.release), language=None, wrap_lines=True)


def pinned_release() -> int | None:
    """The release that the address names, or named on the page before; None when pages follow the newest one."""
    asked = st.query_params.get(RELEASE, "")
    if asked.isdecimal():
        st.session_state[PINNED] = int(asked)
    release: int | None = st.session_state.get(PINNED)
    if release is not None:
        st.query_params[RELEASE] = str(release)
    return release


def draw_pin(language: Language, release: int) -> None:
    """Draw a button that leaves the release that pages stay with."""
    label = language.text("takeaway.pinned", release=release)
    st.button(
        label, icon=":material/close:", key="takeaway.unpin", on_click=_unpin, help=language.text("takeaway.unpin")
    )


def _unpin() -> None:
    st.session_state.pop(PINNED, None)
    st.query_params.pop(RELEASE, None)


def _pinned(url: str, release: int) -> str:
    """The address of the page as it is filtered, with its release."""
    chosen = [(name, value) for name in st.query_params if name != RELEASE for value in st.query_params.get_all(name)]
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=parts.path or "/", query=urlencode([*chosen, (RELEASE, str(release))])))
