"""The server: the tools, over the protocol of the SDK."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import mcp_types as types
from mcp.server import Server, ServerRequestContext
from mcp.server.stdio import stdio_server
from mcp.shared.exceptions import MCPError
from starlette.types import ASGIApp

from filon.errors import ApiError
from filon.mcp.catalogue import Catalogue, read_catalogue
from filon.mcp.client import Api
from filon.mcp.tools import Mistaken, Tool, tools_of
from filon.settings import Settings
from filon.suggestions import suggestion
from filon.version import __version__

NAME = "filon"
MOST_CALLERS = 100
"""Keys under which the catalogue is remembered: who may not ask the API learns no names either."""
INSTRUCTIONS = (
    "Figures that a pipeline published, read only. Ask `tables` first for what there is, an `analyse_…` tool for "
    "measures by time or dimension, `rows` for single rows, `explain` and `explain_…` for where a figure comes from, "
    "and `quality` for how far to trust it. Give `release` to go on with the figures of an answer before."
)


class _Handlers:
    """Lists and calls tools. The catalogue is read whenever a caller lists tools, and before its first call."""

    def __init__(self, settings: Settings, *, shared: bool) -> None:
        key = settings.api_key.get_secret_value() if settings.api_key and not shared else None
        self.api = Api(settings.api_url, key)
        self._shared = shared
        self._catalogues: OrderedDict[str | None, Catalogue] = OrderedDict()

    async def list_tools(
        self, context: ServerRequestContext[Any], _params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        """All tools."""
        try:
            tools = await self._tools(self._api_of(context), refresh=True)
        except ApiError as error:
            raise MCPError(types.INTERNAL_ERROR, str(error)) from error
        return types.ListToolsResult(tools=[_described(tool) for tool in tools.values()])

    async def call_tool(
        self, context: ServerRequestContext[Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        """The answer of a tool; what is wrong is an answer too, so that a model can mend it."""
        try:
            tools = await self._tools(self._api_of(context), refresh=False)
            if (tool := tools.get(params.name)) is None:
                return _result(f"there is no tool {params.name}; {suggestion(params.name, tools)}", is_error=True)
            return _result(await tool.answer(params.arguments or {}))
        except (Mistaken, ApiError) as error:
            return _result(str(error), is_error=True)

    async def _tools(self, api: Api, *, refresh: bool) -> Mapping[str, Tool]:
        if refresh or api.key not in self._catalogues:
            self._catalogues[api.key] = await read_catalogue(api)
            if len(self._catalogues) > MOST_CALLERS:
                self._catalogues.popitem(last=False)
        return tools_of(api, self._catalogues[api.key])

    def _api_of(self, context: ServerRequestContext[Any]) -> Api:
        """The API as the caller may ask it: with the key of the request, where several callers share the server."""
        if not self._shared or context.request is None:
            return self.api
        kind, _, key = context.request.headers.get("authorization", "").partition(" ")
        return self.api.as_caller(key.strip() if kind.lower() == "bearer" else None)


def make_server(settings: Settings, *, shared: bool = False) -> Server[Any]:
    """A server over the API that the settings name.

    Args:
        settings: address and key of the API
        shared: whether callers bring keys of their own, as over HTTP; the key of the settings is then not used

    """
    handlers = _Handlers(settings, shared=shared)

    @asynccontextmanager
    async def lifespan(_server: Server[Any]) -> AsyncIterator[Mapping[str, object]]:
        try:
            yield {}
        finally:
            await handlers.api.close()

    return Server(
        NAME,
        version=__version__,
        instructions=INSTRUCTIONS,
        lifespan=lifespan,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
    )


async def serve(settings: Settings) -> None:
    """Serve on standard input and output until the input ends."""
    server = make_server(settings)
    async with stdio_server() as (incoming, outgoing):
        await server.run(incoming, outgoing, server.create_initialization_options())


def http_app(settings: Settings) -> ASGIApp:
    """The server over streamable HTTP, at ``/mcp``, for callers on this machine."""
    return make_server(settings, shared=True).streamable_http_app(stateless_http=True, json_response=True)


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
