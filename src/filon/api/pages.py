"""The pages of the project, for whoever draws or exports them. Nothing of them needs the store.

The files are looked at for each answer, and read again when one of them changed: who writes a page sees it at once.
Mistakes in a file are in the answer, with the page as it was before them.
"""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from fastapi import APIRouter
from pydantic import BaseModel, Field
from starlette.requests import Request
from starlette.responses import Response

from filon.api.parameters import Nothing, Parameters
from filon.api.problems import ERRORS, documented
from filon.api.responder import respond
from filon.api.routing import make_router
from filon.api.service import Service
from filon.errors import Problem
from filon.pages import Entry, Page
from filon.project import Project
from filon.project.folder import PAGES
from filon.project.pages import FaultyPage, Pages, read_pages, subjects_of

Signature = tuple[tuple[str, int, int], ...]


class NamedPage(BaseModel):
    """A page under its name. Each chart and table has its table in ``of``, and the page a ``path``."""

    name: str
    page: Page


class PageProblem(BaseModel):
    """A mistake in a file of a page."""

    file: str = Field(description="Below the folder of the project")
    line: int
    what: str
    fix: str


class PageFault(BaseModel):
    """A page whose file has mistakes, under its name; it has a place in the menu like any other."""

    name: str
    entry: Entry
    page: Page | None = Field(description="The page before its file got the mistakes, if this server has seen it")
    problems: list[PageProblem]


class PageList(BaseModel):
    """The pages of the project: those without a mistake in the order of the menu, and the others."""

    data: list[NamedPage]
    faulty: list[PageFault]


class PageLibrary:
    """The pages of a project as its files are now."""

    def __init__(self, project: Project) -> None:
        self._folder = project.folder
        self._subjects = subjects_of(project.datasets, project.models, project.api)
        self._pages = Pages(project.pages)
        self._signature: Signature | None = None
        self._lock = threading.Lock()

    def current(self) -> PageList:
        """The pages, read again when a file changed."""
        with self._lock:
            signature = self._signed()
            if signature != self._signature:
                self._signature = signature
                self._pages = read_pages(self._folder, self._subjects, self._pages.known)
            return PageList(
                data=[NamedPage(name=name, page=page) for name, page in self._pages.sound.items()],
                faulty=[self._faulty(name, page) for name, page in self._pages.faulty.items()],
            )

    def _faulty(self, name: str, found: FaultyPage) -> PageFault:
        problems = [self._spelled(problem) for problem in found.problems]
        return PageFault(name=name, entry=found.entry, page=found.page, problems=problems)

    def _signed(self) -> Signature:
        """Names, times and sizes of the files."""
        files = []
        for path in sorted((self._folder / PAGES).glob("*.y*ml")):
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
    router = make_router(tags=["Project"])
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
