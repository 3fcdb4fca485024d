"""The application: its parts, put together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache, partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response

from filon.api.aggregations import aggregation_router
from filon.api.alerts import alerts_router
from filon.api.analysis import Analyses
from filon.api.catalogue import catalogue_router
from filon.api.cursor import kept_secret
from filon.api.deprecation import Announcements, announcements
from filon.api.explainer import ExplainerProcess
from filon.api.explanations import Explanations
from filon.api.headers import Heads, SafeAnswers
from filon.api.health import health_router
from filon.api.logs import LOGGER
from filon.api.metrics import CONTENT_TYPE, Metrics
from filon.api.middleware import METRICS_PATH, RequestMiddleware
from filon.api.page import page_router
from filon.api.pages import pages_router
from filon.api.pipeline import pipeline_router
from filon.api.problems import HANDLERS, ProblemSchema, documented
from filon.api.project import project_router
from filon.api.quality import quality_router
from filon.api.rates import Rates
from filon.api.requirement import is_noted_in
from filon.api.routing import Directory, make_router
from filon.api.runs import runs_router
from filon.api.security import Guard, KeyFile
from filon.api.service import PREFIX, Service, make_service
from filon.api.tables import table_router
from filon.hosts import AllowedHosts, HostCheck, names_of, read_hosts
from filon.project import Project
from filon.serving.protocol import Store
from filon.settings import STATE, Settings
from filon.version import __version__
from filon.web.clients import networks_of

EXPOSED = [
    "Deprecation",
    "ETag",
    "Link",
    "Sunset",
    "RateLimit-Limit",
    "RateLimit-Remaining",
    "RateLimit-Reset",
    "Retry-After",
]
EXPOSED += ["X-Filon-Age", "X-Filon-Quality", "X-Filon-Release", "X-Request-ID"]
SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An API key, if the server wants one"},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same"},
}
OPTIONAL_KEY: list[dict[str, list[str]]] = [{}, {"bearer": []}, {"header": []}]


def keys_path(settings: Settings, project: Project) -> Path:
    """Where the API keys of a project are."""
    return settings.api_keys or STATE / project.name / "apikeys.json"


def secret_of(settings: Settings, keys: Path) -> bytes:
    """What signs cursors: the text of the settings, else a random secret beside the API keys."""
    if settings.api_secret is not None:
        return settings.api_secret.get_secret_value().encode()
    return kept_secret(keys.with_name("cursors.secret"))


def create_app(project: Project, store: Store, settings: Settings) -> FastAPI:
    """The API of a project, served from a store; the store is closed when the application ends."""
    keys = keys_path(settings, project)
    service, metrics = make_service(project, store, cache(partial(secret_of, settings, keys))), Metrics()
    analyses, explanations = Analyses(service), Explanations(service, ExplainerProcess(settings))
    guard = Guard(
        KeyFile(keys),
        required=settings.api_auth == "required",
        noted=lambda: service.reader.ask(is_noted_in),
    )
    trusted = networks_of(settings.trusted_proxies)
    rates = Rates(settings.api_rate_limit, keys.with_name("rates.db"))

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with analyses.following():
            yield
        await explanations.shut()
        await service.reader.shut()
        rates.shut()

    app = FastAPI(
        title=project.title,
        version=__version__,
        lifespan=lifespan,
        exception_handlers=dict(HANDLERS),  # type: ignore[arg-type]
        docs_url=None,
        redoc_url=None,
    )
    for router in (
        catalogue_router(service, PREFIX),
        table_router(service, PREFIX),
        aggregation_router(service, PREFIX),
        analyses.router(PREFIX),
        explanations.router(PREFIX),
        pipeline_router(service, PREFIX),
        runs_router(service, PREFIX),
        alerts_router(service, PREFIX),
        quality_router(service, PREFIX),
        project_router(service, PREFIX),
        pages_router(service, PREFIX),
        health_router(service),
        metrics_router(service, metrics),
        page_router(project.title),
    ):
        app.router.routes.extend(router.routes)
    app.router.routes.insert(0, Directory(app.routes))
    if announced := announcements(service.served, PREFIX):
        app.add_middleware(Announcements, headers=announced)
    app.add_middleware(Heads)
    app.add_middleware(RequestMiddleware, guard=guard, rates=rates, metrics=metrics, trusted=trusted)
    origins = [part.strip() for part in (settings.api_cors or "").split(",") if part.strip()]
    if origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET"],
            allow_headers=["Authorization", "X-API-Key", "X-Request-ID", "If-None-Match"],
            expose_headers=EXPOSED,
        )
    app.add_middleware(SafeAnswers)
    given = read_hosts(settings.allowed_hosts or "")
    hosts = AllowedHosts(given | names_of(settings.api_host, settings.api_url))
    app.add_middleware(HostCheck, hosts=hosts, logger=LOGGER)  # the last one added is the first one asked
    document: dict[str, Any] = {}

    def openapi() -> dict[str, Any]:
        if not document:
            document.update(_described(app))
        return document

    app.openapi = openapi  # type: ignore[method-assign]
    return app


def metrics_router(service: Service, metrics: Metrics) -> APIRouter:
    """The endpoint ``/metrics``."""
    router = make_router(tags=["Health"])

    async def answer(_request: Request) -> Response:
        states = await service.snapshots.known()
        # some milliseconds for each hundred series, in which the event loop answers others
        text = await asyncio.to_thread(metrics.text, states[0] if states else None)
        return Response(text, media_type=CONTENT_TYPE)

    router.add_api_route(
        METRICS_PATH,
        answer,
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}}, **documented(401, 403, 429, 500, 503)},
        summary="Metrics for Prometheus",
        operation_id="metrics",
    )
    return router


def _described(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(title=app.title, version=app.version, routes=app.routes)
    components = document.setdefault("components", {})
    _, shapes = models_json_schema([(ProblemSchema, "serialization")], ref_template="#/components/schemas/{model}")
    schemas = components.setdefault("schemas", {})
    schemas |= {name.removesuffix("Schema"): schema for name, schema in _renamed(shapes["$defs"]).items()}
    components["securitySchemes"] = SECURITY
    for path, operations in document["paths"].items():
        if path.startswith(PREFIX) or path == METRICS_PATH:
            for operation in operations.values():
                operation["security"] = OPTIONAL_KEY
    return document


def _renamed(schemas: dict[str, Any]) -> dict[str, Any]:
    schemas["ProblemSchema"]["properties"]["errors"]["items"] = {"$ref": "#/components/schemas/Mistake"}
    return schemas
