"""The command, environment, options and secrets of the dashboard's server process."""

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
LIVE = "/_stcore/health"
"""Path that succeeds once the dashboard can be opened."""

OPTIONS = {
    "server.headless": True,
    "server.maxUploadSize": 1,  # megabytes; no page takes files
    "server.fileWatcherType": "none",
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "viewer",
    "client.showErrorDetails": "none",  # errors are in the log, not on the page
    "logger.level": "warning",
    "theme.baseRadius": "medium",
    "theme.showWidgetBorder": True,
    "theme.headingFontSizes": ["2rem", "1.6rem", "1.15rem"],
    "theme.metricValueFontSize": "1.6rem",
    "theme.chartCategoricalColors": list(SERIES),
    "theme.light.primaryColor": "#1d4fae",  # darker than in charts, since it is also a colour of text
    "theme.light.backgroundColor": LIGHT_PAGE,
    "theme.light.secondaryBackgroundColor": "#f3f5f9",
    "theme.light.textColor": "#0b1016",
    "theme.dark.primaryColor": "#6ea3ff",
    "theme.dark.backgroundColor": DARK_PAGE,
    "theme.dark.secondaryBackgroundColor": "#1a212b",
    "theme.dark.textColor": "#e8ecf2",
}

NEEDED = ("redirect_uri", "cookie_secret", "client_id", "client_secret", "server_metadata_url")


def command() -> list[str]:
    """The command that serves the dashboard."""
    return [sys.executable, "-m", "filon.dashboard"]


def environment(settings: Settings) -> Mapping[str, str]:
    """The environment of the process: that of this process, and the settings that options override."""
    variables = {**os.environ, f"{PREFIX}API_URL": settings.api_url}
    variables |= {
        f"{PREFIX}DASHBOARD_HOST": settings.dashboard_host,
        f"{PREFIX}DASHBOARD_PORT": str(settings.dashboard_port),
    }
    if settings.api_key is not None:
        variables[f"{PREFIX}API_KEY"] = settings.api_key.get_secret_value()
    return variables


def read_secrets(settings: Settings) -> dict[str, Any]:
    """Read the OpenID Connect provider in Streamlit's form; empty without one.

    ConfigError when the file cannot be read, or lacks a value that sign-in needs.
    """
    file = settings.dashboard_secrets
    if file is None:
        return {}
    try:
        secrets = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"FILON_DASHBOARD_SECRETS: {file} cannot be read: {error}") from error
    auth = secrets.get("auth")
    missing = [name for name in NEEDED if not (isinstance(auth, dict) and auth.get(name))]
    if missing:
        raise ConfigError(f"FILON_DASHBOARD_SECRETS: {file} lacks, in its table [auth]: {', '.join(missing)}")
    return {"auth": auth}
