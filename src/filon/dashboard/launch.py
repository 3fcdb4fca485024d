"""How Streamlit is started: the script, its settings, and its colours."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from filon.dashboard.colours import DARK_PAGE, LIGHT_PAGE, SERIES
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


def command(settings: Settings) -> list[str]:
    """The command that serves the dashboard."""
    options = {
        **OPTIONS,
        "server.address": settings.dashboard_host,
        "server.port": str(settings.dashboard_port),
    }
    if settings.dashboard_secrets is not None:
        options["secrets.files"] = f'["{settings.dashboard_secrets.absolute()}"]'
    flags = [f"--{name}={value}" for name, value in options.items()]
    return [sys.executable, "-m", "streamlit", "run", str(SERVER), *flags]


def environment(settings: Settings) -> Mapping[str, str]:
    """The variables that it reads: those of this process, and what was given as options."""
    found = {**os.environ, f"{PREFIX}API_URL": settings.api_url}
    if settings.api_key is not None:
        found[f"{PREFIX}API_KEY"] = settings.api_key.get_secret_value()
    return found
