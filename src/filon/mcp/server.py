"""The server: the tools, over the protocol of the SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server

from filon.errors import ApiError
from filon.mcp.catalogue import read_catalogue
from filon.mcp.client import Api
from filon.mcp.tools import Mistaken, Tool, tools_of
from filon.settings import Settings
from filon.suggestions import suggestion
from filon.version import __version__

NAME = "filon"
INSTRUCTIONS = (
    "Figures that a pipeline published, read only. Ask `tables` first for what there is, an `analyse_…` tool for "
    "measures by time or dimension, `rows` for single rows, `explain` and `explain_…` for where a figure comes from, "
    "and `quality` for how far to trust it. Give `release` to go on with the figures of an answer before."
)


def make_server(settings: Settings) -> Server[Any]:
    """A server over the API that the settings name. Its tools are made anew whenever they are listed."""
    key = settings.api_key.get_secret_value() if settings.api_key else None
    api = Api(settings.api_url, key)
    known: dict[str, Tool] = {}

    @asynccontextmanager
    async def lifespan(_server: Server[Any]) -> AsyncIterator[Mapping[str, object]]:
        try:
            yield {}
        finally:
            await api.close()

    async def refresh() -> None:
        found = tools_of(api, await read_catalogue(api))
        known.clear()
        known.update(found)

    async def list_tools(
        _context: ServerRequestContext[Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        await refresh()
        return types.ListToolsResult(tools=[_described(tool) for tool in known.values()])

    async def call_tool(
        _context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        try:
            if params.name not in known:
                await refresh()
            if (tool := known.get(params.name)) is None:
                return _result(f"there is no tool {params.name}; {suggestion(params.name, known)}", is_error=True)
            return _result(await tool.answer(params.arguments or {}))
        except (Mistaken, ApiError) as error:
            return _result(str(error), is_error=True)

    return Server(
        NAME,
        version=__version__,
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
    )


async def serve(settings: Settings) -> None:
    """Serve on standard input and output until the input ends."""
    server = make_server(settings)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def _described(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        input_schema=dict(tool.schema),
        annotations=types.ToolAnnotations(
            title=tool.title, read_only_hint=True, destructive_hint=False, idempotent_hint=True, open_world_hint=False
        ),
    )


def _result(text: str, *, is_error: bool = False) -> types.CallToolResult:
    return types.CallToolResult(content=[types.TextContent(type="text", text=text)], is_error=is_error)
