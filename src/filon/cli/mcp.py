"""``filon mcp``: the API for models and agents."""

from __future__ import annotations

import asyncio
from typing import Annotated

import typer

from filon.errors import ConfigError
from filon.settings import read_settings


def mcp(
    api: Annotated[str | None, typer.Option("--api", metavar="URL", help="Address of the API [FILON_API_URL]")] = None,
) -> None:
    """Serve the Model Context Protocol on standard input and output, over an API that runs already."""
    settings = read_settings(api_url=api)
    try:
        from filon.mcp.server import serve
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise ConfigError("the SDK of the protocol is not installed: pip install 'filon[mcp]'") from None
    asyncio.run(serve(settings))
