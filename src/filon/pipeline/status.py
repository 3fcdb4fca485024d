"""The state of a lake: its published release, its files, its last run, and its damage."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from filon.errors import Damage
from filon.lake import FileState, Lake, Release, RunDocument
from filon.lake.inspect import inspect_documents, inspect_release

if TYPE_CHECKING:
    from filon.pipeline.report import RunReport


@dataclass(frozen=True)
class LakeStatus:
    """The state of a lake.

    Attributes:
        release: the published release; None before the first one
        files: number of file versions in every state
        last_run: the last run that the lake keeps
        damages: objects that the published release needs, or documents, that are not as they were written

    """

    release: Release | None
    files: Mapping[FileState, int]
    last_run: RunDocument | None
    damages: tuple[Damage, ...]

    @property
    def last_report(self) -> RunReport | None:
        """The whole report of that run."""
        from filon.pipeline.report import RunReport  # brings all that reports hold

        return RunReport.model_validate(self.last_run.report) if self.last_run else None


def read_status(lake: Lake) -> LakeStatus:
    """Read the state of a lake; LakeDamaged when its newest release or ledger is lost."""
    release, ledger, run = lake.release(), lake.ledger(), lake.last_run()
    counts = Counter(version.state for version in ledger.versions)
    return LakeStatus(
        release,
        {state: counts[state] for state in FileState},
        run,
        (*inspect_documents(lake), *(inspect_release(lake, release) if release else ())),
    )


def kept_releases(lake: Lake) -> list[Release]:
    """The releases that the lake keeps, newest first; LakeDamaged when the newest one is lost."""
    lake.release()  # without the newest release, the list would show an older one as the published one
    return [lake.releases.get(number) for number in reversed(lake.releases.numbers())]
