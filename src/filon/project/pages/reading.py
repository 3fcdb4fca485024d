"""The folder of a project's pages, read: each file on its own, then held to the contracts and to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from filon.errors import Problem, ProjectInvalid
from filon.pages import BUILT_IN, Page
from filon.project.document import MOST_FILES, Document, read_document, validated
from filon.project.pages.checking import checked
from filon.project.pages.subjects import Subject

FOLDER = "pages"


@dataclass(frozen=True)
class Pages:
    """The pages without a mistake by name, in the order of the menu, and the mistakes of the others."""

    pages: Mapping[str, Page]
    problems: tuple[Problem, ...] = ()


def read_pages(project: Path, subjects: Mapping[str, Subject]) -> Pages:
    """Read ``pages/*.yaml`` of a project; each page has a path, and each block names its table."""
    files = sorted(path for path in (project / FOLDER).glob("*") if path.suffix in (".yaml", ".yml"))
    if len(files) > MOST_FILES:
        what = f"the folder has {len(files):,} pages, more than {MOST_FILES:,}"
        return Pages({}, (Problem(project / FOLDER, 1, what, "divide the project"),))
    pages: dict[str, Page] = {}
    problems: list[Problem] = []
    documents: dict[str, Document] = {}
    for path in files:
        try:
            document = read_document(path)
        except ProjectInvalid as error:
            problems += error.problems
            continue
        page = validated(Page, document)
        if page is not None:
            page = checked(path.stem, page, document, subjects)
        problems += document.problems
        if document.problems or page is None:
            continue
        if path.stem in pages:
            what = f"{documents[path.stem].path.name} is the same page"
            problems.append(Problem(path, 1, what, "keep one of the two"))
        else:
            pages[path.stem], documents[path.stem] = page, document
    taken: dict[str, str] = dict.fromkeys(BUILT_IN, "Filon itself")
    for name in sorted(pages):
        other = taken.setdefault(str(pages[name].path), name)
        if other != name:
            what = f"the path `{pages[name].path}` belongs to {other if other == 'Filon itself' else f'`{other}`'}"
            line = documents[name].line(("path",))
            problems.append(Problem(documents[name].path, line, what, "give the page a `path` of its own"))
            del pages[name]
    ordered = sorted(pages, key=lambda name: (pages[name].order, name))
    return Pages({name: pages[name] for name in ordered}, tuple(problems))
