"""``python -m filon.dashboard``: the dashboard as a process, under the limits that the API has too."""

from __future__ import annotations

import uvicorn
from streamlit.web.bootstrap import load_config_options

from filon.dashboard.launch import OPTIONS
from filon.settings import read_settings
from filon.web.connections import raise_descriptors, server_options

APP = "filon.dashboard.server:app"
LARGEST_MESSAGE = 1_000_000
"""Bytes of what a browser says at once: which widget was changed, and the address of the page."""
PING_S = 30


def main() -> None:
    """Serve until a signal ends it."""
    settings = read_settings()
    address = {"server.address": settings.dashboard_host, "server.port": settings.dashboard_port}
    load_config_options({**OPTIONS, **address})
    raise_descriptors()
    uvicorn.run(
        APP,
        host=settings.dashboard_host,
        port=settings.dashboard_port,
        ws="websockets-sansio",  # the one that Streamlit is made for
        ws_max_size=LARGEST_MESSAGE,
        ws_ping_interval=PING_S,
        ws_ping_timeout=PING_S,
        ws_per_message_deflate=False,
        use_colors=False,
        **server_options(settings),
    )


if __name__ == "__main__":
    main()
