"""The pages of the project, for whoever draws or exports them. Nothing of them needs the store.

The files are looked at for each answer, and read again when one of them changed: who writes a page sees it at once. A
mistake in a file leaves the page as it was, and is in the answer.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Mapping
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from filon.api.parameters import Nothing, Parameters
from filon.api.problems import ERRORS, documented
from filon.api.responder import respond
from filon.api.service import Service
from filon.errors import Problem
from filon.pages import Page
from filon.project import Project
from filon.project.pages import FOLDER, Pages, read_pages, subjects_of

Signature = tuple[tuple[str, int, int], ...]


class NamedPage(BaseModel):
    """A page under its name. Each chart and table has its table in ``of``, and the page a ``path``."""

    name: str
    page: Page


class PageProblem(BaseModel):
    """A mistake in a file of a page, which is served as it was before."""

    file: str = Field(description="Below the folder of the project")
    line: int
    what: str
    fix: str


class PageList(BaseModel):
    """The pages of the project in the order of the menu."""

    data: list[NamedPage]
    problems: list[PageProblem]


class PageLibrary:
    """The pages of a project as its files are now."""

    def __init__(self, project: Project) -> None:
        self._folder = project.folder
        self._subjects = subjects_of(project.datasets, project.models, project.api)
        self._pages: Mapping[str, Page] = project.pages
        self._signature = self._signed()
        self._problems: tuple[Problem, ...] = ()
        self._lock = threading.Lock()

    def current(self) -> PageList:
        """The pages; those whose files have a mistake now are as they were."""
        with self._lock:
            signature = self._signed()
            if signature != self._signature:
                self._signature = signature
                self._renew(read_pages(self._folder, self._subjects))
            return PageList(
                data=[NamedPage(name=name, page=page) for name, page in self._pages.items()],
                problems=[self._spelled(problem) for problem in self._problems],
            )

    def _renew(self, read: Pages) -> None:
        broken = {problem.file.stem for problem in read.problems}
        kept = {name: page for name, page in self._pages.items() if name in broken and name not in read.pages}
        pages = {**kept, **read.pages}
        order = sorted(pages, key=lambda name: (pages[name].order, name))
        self._pages, self._problems = {name: pages[name] for name in order}, read.problems

    def _signed(self) -> Signature:
        """Names, times and sizes of the files."""
        files = []
        for path in sorted((self._folder / FOLDER).glob("*.y*ml")):
            try:
                status = path.stat()
            except FileNotFoundError:  # deleted meanwhile
                continue
            files.append((path.name, status.st_mtime_ns, status.st_size))
        return tuple(files)

    def _spelled(self, problem: Problem) -> PageProblem:
        return PageProblem(
            file=Path(problem.file).relative_to(self._folder).as_posix(),
            line=problem.line,
            what=problem.what,
            fix=problem.fix,
        )


def pages_router(service: Service, prefix: str) -> APIRouter:
    """The endpoint ``/pages``."""
    router = APIRouter(tags=["Project"])
    parameters = Parameters(Nothing)
    library = PageLibrary(service.project)

    async def pages(request: Request) -> Response:
        parameters.read(request)
        found = await asyncio.to_thread(library.current)
        return await respond(request, found.model_dump(mode="json"))

    router.add_api_route(
        f"{prefix}/pages",
        pages,
        response_model=PageList,
        responses=documented(*ERRORS),
        summary="The pages of the project",
        operation_id="pages",
    )
    return router
