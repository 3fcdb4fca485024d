"""The process that explains figures, as the API uses it: it alone reads the lake, within limits of time and memory.

It is started by the first question, asked one question at a time, stopped when nobody asked for a while, and killed
when an answer takes too long. Questions beyond what may wait are refused.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import Process
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from decimal import Decimal
from typing import Any

from filon.api.logs import LOGGER
from filon.api.problems import RETRY_AFTER_S, HttpProblem
from filon.explain.question import Question, Trouble
from filon.settings import PREFIX, Settings

COMMAND = (sys.executable, "-m", "filon.access.explainer")
HEAD_BYTES = 4
LONGEST_ANSWER_S = 20.0
LONGEST_FIRST_ANSWER_S = 90.0
"""Seconds for the first answer of a release: files are verified and keys of rejected records read, which later answers
need no more. Given up at the usual time, it would begin from nothing again and again."""
IDLE_S = 600.0
"""Seconds without a question after which the process is stopped, which gives back its memory."""
MOST_WAITING = 8
MOST_OF_CLIENT = 2
MEMORY = "512MB"
OWN_SETTINGS = ("project", "lake", "workspace", "threads")


class ExplainerProcess:
    """Asks the process. One of each process of the API: its worker's clients wait for each other, nobody else does.

    Args:
        settings: name the project and the lake
        longest_s: seconds that one answer may take
        longest_first_s: seconds that the first answer of a release may take, the start of the process included
        idle_s: seconds without a question after which the process is stopped

    """

    def __init__(
        self,
        settings: Settings,
        *,
        longest_s: float = LONGEST_ANSWER_S,
        longest_first_s: float = LONGEST_FIRST_ANSWER_S,
        idle_s: float = IDLE_S,
    ) -> None:
        self._environment = _environment(settings)
        self._longest_s = longest_s
        self._longest_first_s = longest_first_s
        self._idle_s = idle_s
        self._process: Process | None = None
        self._known: set[int] = set()
        self._turn = asyncio.Lock()
        self._waiting: Counter[str] = Counter()
        self._idle: asyncio.TimerHandle | None = None

    async def ask(self, question: Question, client: str) -> dict[str, Any]:
        """The explanation that is asked for; numbers with a decimal point are Decimal.

        HttpProblem when there is none, when ``client`` waits for others already, or when it takes too long.
        """
        if self._waiting[client] >= MOST_OF_CLIENT:
            detail = f"{MOST_OF_CLIENT} explanations are being made for you. Ask again when one is there."
            raise HttpProblem(429, "too-many-requests", detail, headers={"Retry-After": str(RETRY_AFTER_S)})
        if self._waiting.total() >= MOST_WAITING:
            raise _busy("Too many explanations are asked for. Try again soon.")
        self._waiting[client] += 1
        try:
            async with self._turn:
                reply = await self._answer(question)
        finally:
            self._waiting[client] -= 1
            self._waiting += Counter()  # forgets clients that wait for nothing
        if "explanation" not in reply:
            raise _refusal(reply)
        explanation: dict[str, Any] = reply["explanation"]
        return explanation

    async def shut(self) -> None:
        """Stop the process, if it runs."""
        if self._idle is not None:
            self._idle.cancel()
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def _answer(self, question: Question) -> dict[str, Any]:
        if self._idle is not None:
            self._idle.cancel()
        process = await self._running()
        patience_s = self._longest_s if question.release in self._known else self._longest_first_s
        try:
            async with asyncio.timeout(patience_s):
                reply: dict[str, Any] = json.loads(await _exchange(process, question), parse_float=Decimal)
                self._known.add(question.release)
                return reply
        except TimeoutError:
            await self.shut()
            LOGGER.warning("an explanation of %s took more than %s s", question.table, patience_s)
            detail = f"This needs more than {patience_s:.0f} s. `filon explain` on the machine of the lake does it."
            raise HttpProblem(503, "explanation-too-long", detail) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.shut()
            LOGGER.error("the process that explains figures ended unexpectedly")
            raise _busy("Explanations cannot be made now. Try again soon.") from None
        except asyncio.CancelledError:  # the client left: its answer must not become that of the next question
            await self.shut()
            raise
        finally:
            self._idle = asyncio.get_running_loop().call_later(self._idle_s, self._stop_idle)

    async def _running(self) -> Process:
        """The process, started if it does not run."""
        if self._process is None or self._process.returncode is not None:
            self._known.clear()
            self._process = await asyncio.create_subprocess_exec(
                *COMMAND,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                env=self._environment,
                start_new_session=True,
            )
        return self._process

    def _stop_idle(self) -> None:
        """Close the input of the process, which then ends."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            process.stdin.close()


async def _exchange(process: Process, question: Question) -> bytes:
    questions, answers = process.stdin, process.stdout
    if questions is None or answers is None:
        raise ConnectionError("the process was started without pipes")
    text = question.model_dump_json().encode()
    questions.write(len(text).to_bytes(HEAD_BYTES) + text)
    await questions.drain()
    return await answers.readexactly(int.from_bytes(await answers.readexactly(HEAD_BYTES)))


def _environment(settings: Settings) -> dict[str, str]:
    """The variables of the process: where the lake is and how to reach it, and no secret of the API."""
    own = {name: getattr(settings, name) for name in OWN_SETTINGS}
    given = {PREFIX + name.upper(): str(value) for name, value in own.items() if value is not None}
    others = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    return {**others, **given, f"{PREFIX}MEMORY_LIMIT": MEMORY}


def _busy(detail: str) -> HttpProblem:
    return HttpProblem(503, "explanations-busy", detail, headers={"Retry-After": str(RETRY_AFTER_S)})


def _refusal(reply: Mapping[str, Any]) -> HttpProblem:
    trouble, detail = Trouble(reply["trouble"]), reply["detail"]
    if trouble is Trouble.NOT_FOUND:
        return HttpProblem(404, "no-such-row", f"{detail}.")
    if trouble is Trouble.GONE:
        fix = "The newest release can be explained: leave `release` out, or run `filon run`."
        return HttpProblem(410, "release-swept", f"{detail} {fix}")
    if trouble is Trouble.OTHER_LAKE:
        return HttpProblem(409, "other-lake", f"{detail} Give the API the lake that its store was loaded from.")
    if trouble is Trouble.NO_LAKE:
        return HttpProblem(404, "no-lake", f"{detail} The API explains figures from the lake that FILON_LAKE names.")
    LOGGER.error("an explanation failed: %s", detail)
    return _busy("The lake cannot be read now. Try again soon.")
