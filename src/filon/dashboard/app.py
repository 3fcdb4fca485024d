"""The script that Streamlit runs on every change of a user: language, sign-in, filters, then one page."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import streamlit as st
from streamlit.errors import StreamlitAPIException
from streamlit.navigation.page import StreamlitPage

from filon.dashboard import access, chips, sidebar, states
from filon.dashboard.blocks import draw_page, lacking, limits_of, prepared
from filon.dashboard.client import ApiClient, Row
from filon.dashboard.context import Context
from filon.dashboard.language import Code, Language
from filon.dashboard.markup import language_script, plain, title_style
from filon.dashboard.parts import draw_provenance
from filon.dashboard.takeaway import menu
from filon.dashboard.views import VIEWS, View
from filon.dashboard.why import panel
from filon.errors import ApiError
from filon.pages import HOME, ICON, Entry, Page, read_page
from filon.settings import Settings, read_settings

LOOK_EVERY = dt.timedelta(seconds=10)
OWN = "language.own"
LOGO = Path(__file__).with_name("icon.svg")


@st.cache_resource
def settings_of_server() -> Settings:
    """The settings, read once per process."""
    return read_settings()


@st.cache_resource(on_release=ApiClient.close)
def client_of_server() -> ApiClient:
    """The API client that all users share."""
    settings = settings_of_server()
    key = settings.api_key.get_secret_value() if settings.api_key else None
    return ApiClient(settings.api_url, key)


def main() -> None:
    """Draw the page of the address."""
    st.set_page_config(page_title="Filon", page_icon=str(LOGO), layout="wide")
    language = Language(sidebar.choose_language(_own_language()))
    # screen readers use the language of the document, which Streamlit sets to English
    st.html(f"<script>{language_script(language.code)}</script>", unsafe_allow_javascript=True)
    if not access.admit(language, settings_of_server()):
        return
    client = client_of_server()
    try:
        project, pages = client.recent("project").data, client.get("pages").data
        language = Language(
            language.code, project["currency"], project["timezone"], project["labels"], project["locale"]
        )
        served, pinned = client.release(), menu.pinned_release()
        context = Context(client, language, project, served if pinned is None else pinned)
        shown: list[Shown] = [*_pages_of(pages), *VIEWS]
        newest = client.newest_run()
        has_failed = _has_failed(context, newest)
    except ApiError as error:
        _navigate(language, list(VIEWS), urlsplit(st.context.url or "").path.strip("/"))
        states.show_error(language, error)
        _refresh_on_change(client, iter([True]), None, None)
        return
    chosen = _navigate(language, shown, title=project["title"])
    st.set_page_config(page_title=f"{_title(language, chosen)} · {project['title']}")
    if project.get("logo"):
        st.logo(_image(project["logo"]), size="large")
    _refresh_on_change(client, iter([True]), served, pages, newest.get("run_id"), context if has_failed else None)
    if pinned is not None:
        menu.draw_pin(language, pinned)
    _draw(context, chosen, newest if has_failed else None)
    panel.draw(context)


def _own_language() -> Code:
    """The language of the project, in which pages begin; French while nobody knows the project."""
    if OWN not in st.session_state:
        try:
            locale = str(client_of_server().recent("project").data["locale"])
        except ApiError:
            return Code.FRENCH
        st.session_state[OWN] = next((code for code in Code if code == locale[:2]), Code.ENGLISH)
    own: Code = st.session_state[OWN]
    return own


@dataclass(frozen=True)
class ProjectPage:
    """A page of the project in the menu.

    ``page``: None where its file has mistakes, the ``problems``, and nobody knows it without them.
    """

    entry: Entry
    page: Page | None
    problems: Sequence[Row] = ()

    @property
    def path(self) -> str:
        """Its address; that of the first page is also the root."""
        return str(self.entry.path)

    @property
    def icon(self) -> str:
        """Its icon, as Streamlit spells it."""
        return f":material/{self.entry.icon}:"


Shown = View | ProjectPage


def _pages_of(answer: Row) -> list[ProjectPage]:
    """The pages of the project in the order of the menu, those with mistakes between the others."""
    pages = {item["name"]: read_page(item["page"]) for item in answer["data"]}
    shown = {name: ProjectPage(page, page) for name, page in pages.items()}
    for item in answer["faulty"]:
        page = read_page(item["page"]) if item["page"] else None
        shown[item["name"]] = ProjectPage(Entry.model_validate(item["entry"]), page, item["problems"])
    return [shown[name] for name in sorted(shown, key=lambda name: (shown[name].entry.order, name))]


def _image(address: str) -> bytes | str:
    """The content of an image whose address holds it; Streamlit takes drawings as text."""
    kind, _, content = address.partition(",")
    image = base64.b64decode(content)
    return image.decode("utf-8") if "svg" in kind else image


def _title(language: Language, shown: Shown) -> str:
    return language.said(shown.entry.title) if isinstance(shown, ProjectPage) else language.text(f"{shown.name}.page")


def _navigate(language: Language, entries: Sequence[Shown], asked: str = "", title: str = "") -> Shown:
    """Draw the menu under the ``title`` of the project; returns the chosen page.

    ``asked``: the path of the address, where nobody knows which pages the project has.
    """
    chosen: list[Shown] = []

    def page(entry: Shown, path: str, *, default: bool = False, hidden: bool = False) -> StreamlitPage:
        make = partial(
            st.Page,
            lambda: chosen.append(entry),
            title=_title(language, entry),
            url_path=path,
            default=default,
            visibility="hidden" if hidden else "visible",
        )
        try:
            return make(icon=entry.icon)
        except StreamlitAPIException:  # a file names an icon that Streamlit does not have
            return make(icon=f":material/{ICON}:")

    # Streamlit serves the first page only at the root; links from other projects may use its path
    first, *following = entries
    pages = [page(first, HOME, default=True), *(page(entry, entry.path) for entry in following)]
    others = {first.path, asked} - {"", HOME, *(entry.path for entry in following)}
    pages += [page(first, path, hidden=True) for path in sorted(others)]
    if title:  # a heading of Streamlit's own would be in a list, where screen readers expect the items of one
        st.html(f"<style>{title_style(title)}</style>")
    st.navigation(pages).run()
    return chosen[0]


def _draw(context: Context, shown: Shown, failed: Row | None) -> None:
    """Draw the page, or the reason why it cannot be drawn; above it, the newest run if it ``failed``."""
    language = context.language
    st.title(_title(language, shown), anchor=False)
    try:
        if failed is not None:
            states.show_failed_run(language, context.release, failed)
        if isinstance(shown, View):
            if shown.filters is not None:
                context = context.with_filters(sidebar.choose_filters(context, shown.filters(context)))
                chips.draw(context)
            draw_provenance(context, ())
            shown.show(context)
            return
        if shown.problems:
            states.show_faults(language, shown.problems, is_drawn=shown.page is not None)
        if shown.page is not None:
            _draw_project_page(context, shown.page)
    except ApiError as error:
        states.show_error(language, error)


def _has_failed(context: Context, run: Row) -> bool:
    """Whether a run failed and none found the release up to date since: such a run leaves no record of its own."""
    if run.get("status") != "failed":
        return False
    started = dt.datetime.fromisoformat(run["started_at"])
    checked = (entry["checked_at"] for entry in context.tables.values() if entry["checked_at"] is not None)
    return all(dt.datetime.fromisoformat(text) <= started for text in checked)


def _draw_project_page(context: Context, page: Page) -> None:
    if missing := lacking(context, page):
        states.show_lacking(context.language, missing)
        return
    _warn_if_stale(context, page.tables)
    context = context.with_filters(sidebar.choose_filters(context, page.filters))
    chips.draw(context)
    draw_provenance(context, page.tables)
    if page.about is not None:
        st.caption(plain(context.language.said(page.about)))
    with st.container(horizontal=True, vertical_alignment="bottom", horizontal_alignment="distribute"):
        context = prepared(context, page)
        menu.draw(context, page, limits_of(page))
    draw_page(context, page)


def _warn_if_stale(context: Context, tables: Iterable[str]) -> None:
    stale = [name for name in tables if context.tables[name].get("fresh") is False]
    if stale:
        oldest = min(dt.datetime.fromisoformat(context.tables[name]["checked_at"]) for name in stale)
        ago = context.language.ago((dt.datetime.now(dt.UTC) - oldest).total_seconds())
        states.show_stale(context.language, stale, ago)


@st.fragment(run_every=LOOK_EVERY)
def _refresh_on_change(
    client: ApiClient,
    drawing: Iterator[bool],
    shown: int | None,
    pages: Row | None,
    last_run: str | None = None,
    failed: Context | None = None,
) -> None:
    """Draw the page again when the release or the file of a page changes, or a newer run than ``last_run`` has ended.

    Also when a run that left no record found the release up to date, where the newest recorded one had ``failed``.

    ``drawing`` yields while the page itself is drawn, when nothing has changed yet. ``shown`` is the release on the
    page, ``pages`` are those of the menu; None when the page shows an error.
    """
    if next(drawing, False):
        return
    try:
        now, files, newest = client.release(), client.get("pages").data, client.newest_run()
    except ApiError:
        return  # the page stays valid; the next change of the user shows the error
    is_mended = failed is not None and not _has_failed(replace(failed), newest)
    if is_mended or (now, files, newest.get("run_id")) != (shown, pages, last_run):
        st.rerun(scope="app")


main()
