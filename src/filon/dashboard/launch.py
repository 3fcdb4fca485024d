"""How Streamlit is started: the script, its settings, and its colours."""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filon.dashboard.colours import DARK_PAGE, LIGHT_PAGE, SERIES
from filon.errors import ConfigError
from filon.settings import PREFIX, Settings

SCRIPT = Path(__file__).with_name("app.py")
SERVER = SCRIPT.with_name("server.py")
LIVE = "/_stcore/health"
"""Answers once the dashboard can be opened."""

OPTIONS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",  # what went wrong stands in the log, not on the page
    "logger.level": "warning",
    "theme.baseRadius": "medium",
    "theme.showWidgetBorder": "true",
    "theme.headingFontSizes": '["2rem", "1.6rem", "1.15rem"]',
    "theme.metricValueFontSize": "1.6rem",
    "theme.chartCategoricalColors": str(list(SERIES)).replace("'", '"'),
    "theme.light.primaryColor": "#1d4fae",  # darker than the charts: it is also the colour of text
    "theme.light.backgroundColor": LIGHT_PAGE,
    "theme.light.secondaryBackgroundColor": "#f3f5f9",
    "theme.light.textColor": "#0b1016",
    "theme.dark.primaryColor": "#6ea3ff",
    "theme.dark.backgroundColor": DARK_PAGE,
    "theme.dark.secondaryBackgroundColor": "#1a212b",
    "theme.dark.textColor": "#e8ecf2",
}

NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")


def command(settings: Settings) -> list[str]:
    """The command that serves the dashboard."""
    options = {
        **OPTIONS,
        "server.address": settings.dashboard_host,
        "server.port": str(settings.dashboard_port),
    }
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(SERVER), *flags]


def environment(settings: Settings) -> Mapping[str, str]:
    """The variables that it reads: those of this process, and what was given as options."""
    found = {**os.environ, f"{PREFIX}API_URL": settings.api_url, f"{PREFIX}DASHBOARD_HOST": settings.dashboard_host}
    if settings.api_key is not None:
        found[f"{PREFIX}API_KEY"] = settings.api_key.get_secret_value()
    return found


def read_secrets(settings: Settings) -> dict[str, Any]:
    """The provider that the settings name, as Streamlit takes it; ConfigError when it could not sign anybody in."""
    file = settings.dashboard_secrets
    if file is None:
        return {}
    try:
        found = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"FILON_DASHBOARD_SECRETS: {file} cannot be read: {error}") from error
    auth = found.get("auth")
    missing = [name for name in NEEDED if not (isinstance(auth, dict) and auth.get(name))]
    if missing:
        raise ConfigError(f"FILON_DASHBOARD_SECRETS: {file} lacks, in its table [auth]: {', '.join(missing)}")
    return {"auth": auth}
