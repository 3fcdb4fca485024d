"""A process that explains figures to the API: ``python -m filon.access.explainer``.

It reads the lake, which the API does not. Questions arrive on its standard input, answers leave by its standard output,
each as 4 bytes that say how long it is, and so many bytes of JSON. It ends with its input. What it was asked of a
release before makes later answers faster: footers of files, and the keys of rejected records, stay in its engine.
"""

from __future__ import annotations

import signal
import sys
from collections import OrderedDict
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, BinaryIO

import orjson

from filon.errors import EngineError, FilonError, NotFound, ReleaseMissing
from filon.explain.cells import explain_cell
from filon.explain.question import Question, Trouble
from filon.explain.report import Explanation
from filon.explain.rows import Explainer, Page
from filon.pipeline.engine import open_engine
from filon.pipeline.resources import lake_of, open_project
from filon.settings import Settings, read_settings

HEAD_BYTES = 4
MOST_RELEASES = 2
"""Releases for which an engine is kept open."""


class Refused(Exception):
    """A question that cannot be answered."""

    def __init__(self, trouble: Trouble, detail: str) -> None:
        self.trouble = trouble
        self.detail = detail
        super().__init__(detail)


@dataclass(frozen=True)
class Opened:
    """An explainer of a release, and what closes its engine."""

    explainer: Explainer
    closing: ExitStack


class Explanations:
    """Answers questions on the releases of a lake."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._opened: OrderedDict[int, Opened] = OrderedDict()

    def answer(self, question: Question) -> Explanation:
        """The explanation that is asked for.

        Raises:
            Refused: the release or the row is not there, or the lake is another one

        """
        try:
            return self._explanation(question)
        except EngineError:
            # now and then DuckDB fails a query with an internal error that it answers the next time
            return self._explanation(question)

    def close(self, *releases: int) -> None:
        """Close the engines of these releases."""
        for release in releases:
            if opened := self._opened.pop(release, None):
                opened.closing.close()

    def shut(self) -> None:
        """Close all engines."""
        self.close(*self._opened)

    def _explanation(self, question: Question) -> Explanation:
        explainer = self._explainer(question.release)
        self._require_same(explainer, question.builds)
        page = Page(question.of, question.skip, question.limit)
        asked = replace(explainer, page=page, every_way=False, whole=False)
        try:
            if question.cell is not None:
                return explain_cell(asked, question.table, question.cell)
            return asked.explain(question.table, question.key)
        except NotFound as error:
            raise Refused(Trouble.NOT_FOUND, str(error)) from error
        except FilonError:
            self.close(question.release)
            if question.release not in explainer.lake.releases.numbers():  # a sweep deletes releases before files
                raise self._gone(question.release) from None
            raise

    def _explainer(self, release: int) -> Explainer:
        if release in self._opened:
            self._opened.move_to_end(release)
            return self._opened[release].explainer
        if len(self._opened) == MOST_RELEASES:
            self.close(next(iter(self._opened)))
        project = open_project(self._settings)
        lake = lake_of(self._settings, project)
        try:
            found = lake.release(release)
        except ReleaseMissing as error:
            if not lake.releases.numbers():
                raise Refused(Trouble.NO_LAKE, "There is no release in the lake.") from error
            raise self._gone(release) from error
        if found is None:
            raise self._gone(release)
        ledger = lake.ledgers.get(found.ledger)
        with ExitStack() as stack:
            engine = stack.enter_context(open_engine(self._settings, project, found.as_of, lake.places))
            explainer = Explainer(engine, project, lake, found, ledger)
            self._opened[release] = Opened(explainer, stack.pop_all())
        return explainer

    @staticmethod
    def _require_same(explainer: Explainer, builds: Mapping[str, str]) -> None:
        """Refused when the tables that the store was loaded from are not those of the lake's release."""
        for table, fingerprint in builds.items():
            build = explainer.release.named(table)
            if build is None or build.fingerprint != fingerprint:
                number = explainer.release.number
                raise Refused(Trouble.OTHER_LAKE, f"Release {number} of the lake holds another {table}.")

    @staticmethod
    def _gone(release: int) -> Refused:
        return Refused(Trouble.GONE, f"The lake no longer keeps release {release}.")


def serve(settings: Settings, questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer questions until there are no more."""
    explanations = Explanations(settings)
    try:
        while head := questions.read(HEAD_BYTES):
            question = Question.model_validate_json(questions.read(int.from_bytes(head)))
            answer = orjson.dumps(_reply(explanations, question), default=_exact)
            answers.write(len(answer).to_bytes(HEAD_BYTES) + answer)
            answers.flush()
    finally:
        explanations.shut()


def _reply(explanations: Explanations, question: Question) -> dict[str, Any]:
    try:
        return {"explanation": explanations.answer(question).as_dict()}
    except Refused as error:
        return {"trouble": error.trouble, "detail": error.detail}
    except FilonError as error:  # its message may name places, and is for the log
        return {"trouble": Trouble.FAILED, "detail": str(error)}


def _exact(value: object) -> object:
    if isinstance(value, Decimal):
        return orjson.Fragment(format(value, "f"))
    raise TypeError(f"{type(value).__name__} has no JSON")


def main() -> None:
    """Serve the API that started this process."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    serve(read_settings(), sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
