"""Access to the dashboard: everybody who reaches it, or users who sign in with an OpenID Connect provider."""

from __future__ import annotations

import streamlit as st

from filon.dashboard.language import Language
from filon.dashboard.markup import plain
from filon.settings import Settings


def admit(language: Language, settings: Settings) -> bool:
    """Whether the user has access; else draw the sign-in or refusal. Without a provider, everybody has access."""
    if settings.dashboard_secrets is None:
        return True
    if not st.user.is_logged_in:
        with st.container(border=True):
            st.subheader(f":material/login: {language.text('access.title')}", anchor=False)
            st.write(language.text("access.fix"))
            st.button(language.text("access.sign_in"), on_click=st.login, type="primary")
        return False
    mail = str(st.user.get("email") or "")
    is_verified = str(st.user.get("email_verified", True)).lower() != "false"  # some providers send it as text
    st.sidebar.caption(plain(mail))
    st.sidebar.button(language.text("access.sign_out"), on_click=st.logout, icon=":material/logout:")
    if is_verified and is_listed(mail, settings.dashboard_users):
        return True
    with st.container(border=True):
        st.subheader(f":material/lock: {language.text('state.refused.title')}", anchor=False)
        st.write(language.text("access.unknown", mail=plain(mail)))
    return False


def is_listed(mail: str, users: str | None) -> bool:
    """Whether a mail address matches a comma-separated list of addresses and @domains; None matches all."""
    if users is None:
        return True
    listed = {part.strip().casefold() for part in users.split(",") if part.strip()}
    address = mail.casefold()
    return "@" in address and (address in listed or f"@{address.rpartition('@')[2]}" in listed)
