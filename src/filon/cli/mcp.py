"""``filon mcp``: the API for models and agents."""

from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from filon.cli.processes import HOST, require_free
from filon.errors import ConfigError
from filon.settings import read_settings


def mcp(
    api: Annotated[str | None, typer.Option("--api", metavar="URL", help="Address of the API [FILON_API_URL]")] = None,
    port: Annotated[
        int | None, typer.Option("--port", min=1, max=65535, help="Serve HTTP on this machine at a port instead")
    ] = None,
) -> None:
    """Serve the Model Context Protocol on standard input and output, over an API that runs already."""
    settings = read_settings(api_url=api)
    try:
        from filon.mcp.server import http_app, serve
    except ImportError as error:
        if error.name is None or error.name.partition(".")[0] not in ("mcp", "mcp_types"):
            raise
        raise ConfigError("the SDK of the protocol is not installed: pip install 'filon[mcp]'") from None
    if port is None:
        asyncio.run(serve(settings))
        return
    import uvicorn

    from filon.web.connections import server_options

    require_free("MCP server", HOST, port)
    typer.echo(f"MCP server on http://{HOST}:{port}/mcp, over {settings.api_url}")
    sys.stdout.flush()
    options = server_options(settings)
    uvicorn.run(http_app(settings), host=HOST, port=port, log_config=None, ws="none", **options)
