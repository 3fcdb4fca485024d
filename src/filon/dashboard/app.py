"""The script that Streamlit runs on every change of a user: language, sign-in, filters, then one page."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from filon.dashboard import access, sidebar, states
from filon.dashboard.client import ApiClient
from filon.dashboard.context import Context
from filon.dashboard.language import Language
from filon.dashboard.markup import language_script
from filon.dashboard.views import VIEWS, View
from filon.errors import ApiError
from filon.settings import Settings, read_settings

LOOK_EVERY = dt.timedelta(seconds=10)
FIRST = "accueil"
ICON = Path(__file__).with_name("icon.svg")


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
    st.set_page_config(page_title="Filon", page_icon=str(ICON), layout="wide")
    language = Language(sidebar.choose_language())
    # screen readers use the language of the document, which Streamlit sets to English
    st.html(f"<script>{language_script(language.code)}</script>", unsafe_allow_javascript=True)
    if not access.admit(language, settings_of_server()):
        return
    client = client_of_server()
    try:
        project = client.get("project").data
        language = Language(language.code, project["currency"], project["timezone"])
        context = Context(client, language, project, client.release())
        views = [view for view in VIEWS if not context.unserved(view.tables)]
    except ApiError as error:
        _navigate(language, list(VIEWS))
        states.show_error(language, error)
        _refresh_on_change(client, None)
        return
    view = _navigate(language, views)
    _refresh_on_change(client, context.release, client.newest_run() if view.follows_runs else None)
    _draw(context, view)


def _navigate(language: Language, views: list[View]) -> View:
    """Draw the menu; returns the chosen page."""
    chosen: list[View] = []

    def page(view: View, path: str, *, default: bool = False, hidden: bool = False) -> StreamlitPage:
        return st.Page(
            lambda: chosen.append(view),
            title=language.text(f"{view.name}.page"),
            icon=view.icon,
            url_path=path,
            default=default,
            visibility="hidden" if hidden else "visible",
        )

    # Streamlit serves the first page only at the root; links from other projects may use its path
    first, *following = views
    pages = [page(first, FIRST, default=True), *(page(view, view.path) for view in following)]
    if first.path:
        pages.append(page(first, first.path, hidden=True))
    st.navigation(pages).run()
    return chosen[0]


def _draw(context: Context, view: View) -> None:
    """Draw the page, or the reason why it cannot be drawn."""
    language = context.language
    st.title(language.text(f"{view.name}.page"), anchor=False)
    try:
        if missing := context.unmet_needs(view.needs):
            states.show_lacking(language, missing)
            return
        if view.is_filtered:
            context = context.with_filters(sidebar.choose_filters(context))
        _warn_if_stale(context, view)
        view.show(context)
    except ApiError as error:
        states.show_error(language, error)


def _warn_if_stale(context: Context, view: View) -> None:
    stale = [name for name in view.tables if context.tables[name].get("fresh") is False]
    if stale:
        oldest = min(dt.datetime.fromisoformat(context.tables[name]["checked_at"]) for name in stale)
        ago = context.language.ago((dt.datetime.now(dt.UTC) - oldest).total_seconds())
        states.show_stale(context.language, stale, ago)


@st.fragment(run_every=LOOK_EVERY)
def _refresh_on_change(client: ApiClient, shown: int | None, last_run: str | None = None) -> None:
    """Draw the page again when the served release changes, or a newer run than ``last_run`` has ended.

    ``shown``: the release on the page; None when the page shows an error.
    """
    try:
        now = client.release()
        newest = client.newest_run() if last_run is not None else None
    except ApiError:
        return  # the page stays valid; the next change of the user shows the error
    if (now, newest) != (shown, last_run):
        st.rerun(scope="app")


main()
