"""The folder of a project's pages, read: each file on its own, then held to the contracts and to each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count, groupby
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from filon.errors import Problem, ProjectInvalid
from filon.pages import BUILT_IN, Entry, Page
from filon.project.document import MOST_FILES, read_document, validated
from filon.project.folder import PAGES
from filon.project.pages.checking import checked, path_of
from filon.project.pages.subjects import Subject

NO_PAGES: Mapping[str, Page] = {}


@dataclass(frozen=True)
class FaultyPage:
    """A page whose file has mistakes.

    ``entry``: its place in the menu, with a path that no other page has. ``page``: as it was before its file got the
    mistakes; None where nobody has seen it without one.
    """

    entry: Entry
    problems: tuple[Problem, ...]
    page: Page | None = None


@dataclass(frozen=True)
class Pages:
    """The pages without a mistake by name, in the order of the menu, and those with one."""

    sound: Mapping[str, Page] = field(default_factory=dict)
    faulty: Mapping[str, FaultyPage] = field(default_factory=dict)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """All mistakes, page by page."""
        return tuple(problem for page in self.faulty.values() for problem in page.problems)

    @property
    def known(self) -> Mapping[str, Page]:
        """Every page as it was last without a mistake."""
        return {**self.sound, **{name: item.page for name, item in self.faulty.items() if item.page is not None}}


def read_pages(project: Path, subjects: Mapping[str, Subject], before: Mapping[str, Page] = NO_PAGES) -> Pages:
    """Read ``pages/*.yaml`` of a project; each page has a path of its own, and each block names its table.

    ``before``: the pages as they were last without a mistake, which those with one now fall back to.
    """
    files = sorted(path for path in (project / PAGES).glob("*") if path.suffix in (".yaml", ".yml"))
    if len(files) > MOST_FILES:
        what = f"the folder has {len(files):,} pages, more than {MOST_FILES:,}"
        problem = Problem(project / PAGES, 1, what, "divide the project")
        return Pages(faulty={PAGES: FaultyPage(Entry(title=PAGES, path=PAGES), (problem,))})
    sound: dict[str, Page] = {}
    faulty: dict[str, FaultyPage] = {}
    owners: dict[str | None, str] = dict.fromkeys(BUILT_IN, "Filon itself")
    for name, paths in groupby(files, key=lambda path: path.stem):
        page, data, problems = _read(name, list(paths), subjects, owners)
        if page is None or problems:
            faulty[name] = FaultyPage(_entry(name, data), tuple(problems))
        else:
            sound[name] = page
            owners[page.path] = f"`{name}`"
    ordered = sorted(sound, key=lambda name: (sound[name].order, name))
    return Pages({name: sound[name] for name in ordered}, _placed(faulty, sound, before))


def _read(
    name: str, paths: Sequence[Path], subjects: Mapping[str, Subject], owners: Mapping[str | None, str]
) -> tuple[Page | None, Any, list[Problem]]:
    """The page of a name, the data of its file, and what is wrong; ``owners``: who has which paths already."""
    first, *others = paths
    problems = [Problem(path, 1, f"{first.name} is the same page", "keep one of the two") for path in others]
    try:
        document = read_document(first)
    except ProjectInvalid as error:
        return None, None, [*error.problems, *problems]
    page = validated(Page, document)
    if page is not None:
        page = checked(name, page, document, subjects)
        if page.path in owners:
            what = f"the path `{page.path}` belongs to {owners[page.path]}"
            document.report(("path",), what, "give the page a `path` of its own")
    return page, document.data, [*document.problems, *problems]


def _entry(name: str, data: object) -> Entry:
    """What a file with mistakes says without one of its entry in the menu; the title is its name where it says none."""
    words = {word: data[word] for word in Entry.model_fields if word in data} if isinstance(data, dict) else {}
    try:
        return Entry.model_validate({"title": name, **words})
    except ValidationError as error:
        wrong = {mistake["loc"][0] for mistake in error.errors()}
        return Entry.model_validate(
            {"title": name, **{word: value for word, value in words.items() if word not in wrong}}
        )


def _placed(
    faulty: Mapping[str, FaultyPage], sound: Mapping[str, Page], before: Mapping[str, Page]
) -> dict[str, FaultyPage]:
    """The pages with mistakes as they were before, each with a path that no other page has."""
    taken = {*BUILT_IN, *(page.path for page in sound.values())}
    placed = {}
    for name in sorted(faulty, key=lambda name: (name not in before, name)):  # who had an address keeps it
        item, page = faulty[name], before.get(name)
        entry = item.entry if page is None else Entry(**page.model_dump(include=set(Entry.model_fields)))
        path = next(path for path in _paths(name, entry) if path not in taken)
        taken.add(path)
        own = {"path": path}
        placed[name] = FaultyPage(entry.model_copy(update=own), item.problems, page and page.model_copy(update=own))
    return placed


def _paths(name: str, entry: Entry) -> Iterator[str]:
    """Paths that a page may have, the best one first."""
    own = path_of(name)
    yield entry.path or own
    yield own
    yield from (f"{own}-{number}" for number in count(2))
