"""What a project may do otherwise than was meant, although it compiles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from filon.errors import Problem
from filon.project import Project


def undecided_keys(project: Project, files: Mapping[str, Sequence[str]]) -> Iterator[Problem]:
    """The datasets with a key and several files, of which nothing but the order of arrival says which row is newer.

    Args:
        project: the contracts
        files: by dataset, the paths that its pattern matches

    """
    for name, dataset in project.datasets.items():
        paths = files.get(name, ())
        if len(paths) > 1 and dataset.contract.key and dataset.newest is None:
            key = ", ".join(dataset.contract.key)
            what = (
                f"{len(paths)} files match `{dataset.pattern}`: of two with the same {key}, the file that arrives "
                "later wins, even if it is older"
            )
            fix = "name the column that tells: `- {property: newest, value: {by: COLUMN}}`"
            yield Problem(dataset.contract.document.path, dataset.contract.document.line(("schema", 0)), what, fix)
