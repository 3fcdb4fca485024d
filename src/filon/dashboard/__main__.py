"""``python -m filon.dashboard``: the server process of the dashboard, with the same limits as the API."""

from __future__ import annotations

import uvicorn
from streamlit.web.bootstrap import load_config_options

from filon.dashboard.launch import OPTIONS
from filon.settings import read_settings
from filon.web.connections import raise_descriptors, server_options

APP = "filon.dashboard.server:app"
LARGEST_MESSAGE = 1_000_000
"""The largest websocket message of a browser, in bytes: a changed widget, and the address of the page."""
PING_S = 30


def main() -> None:
    """Serve until a signal ends the process."""
    settings = read_settings()
    address = {"server.address": settings.dashboard_host, "server.port": settings.dashboard_port}
    load_config_options({**OPTIONS, **address})
    raise_descriptors()
    uvicorn.run(
        APP,
        host=settings.dashboard_host,
        port=settings.dashboard_port,
        ws="websockets-sansio",  # the implementation that Streamlit is tested with
        ws_max_size=LARGEST_MESSAGE,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,
        use_colors=False,
        **server_options(settings),
    )


if __name__ == "__main__":
    main()
