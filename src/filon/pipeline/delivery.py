"""Tell people and programs: by the services that Apprise knows, or by a command of the operator."""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

COMMAND, FOLDER = "command:", "folder:"
LONGEST_S, LONGEST = 30, 200
"""Seconds that a program may take, and characters of a reason."""


def token_of(address: str) -> str:
    """What an address is known by in the lake, which must not hold its secrets."""
    return hashlib.sha256(address.encode()).hexdigest()[:16]


def deliver_to_all(
    addresses: SecretStr | None,
    reached: tuple[str, ...],
    title: str,
    body: str,
    facts: dict[str, object],
    attached: Path | None = None,
) -> tuple[tuple[str, ...], list[str]]:
    """Send a message to the addresses of a setting that it did not reach yet; see ``deliver``.

    Returns:
        The tokens of those that it has reached by now, and why others did not take it.

    """
    every = addresses.get_secret_value().split() if addresses is not None else []
    waiting = {token_of(address): address for address in every if token_of(address) not in reached}
    answers = {token: deliver(address, title, body, facts, attached) for token, address in waiting.items()}
    has = tuple(token for token, problem in answers.items() if problem is None)
    return (*reached, *has), [problem for problem in answers.values() if problem is not None]


def deliver(address: str, title: str, body: str, facts: dict[str, object], attached: Path | None = None) -> str | None:
    """Send a message to an address; returns why it did not take it, None when it did.

    Args:
        address: one of those of the setting
        title: the line that people read first
        body: the rest
        facts: the same for programs; a command reads them as JSON
        attached: a file that goes along; a command finds its path as ``file``

    """
    if address.startswith(COMMAND):
        more = {"file": str(attached)} if attached is not None else {}
        return _call(Path(address.removeprefix(COMMAND)), {**facts, **more})
    if address.startswith(FOLDER):
        return _put(Path(address.removeprefix(FOLDER)), attached)
    # Apprise knows 160 services and is slow to import
    from apprise import Apprise

    notifier = Apprise()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of modules that its services import
        if not notifier.add(address):
            return f"{_name(address)}: no address that Apprise knows"
        with _listening() as words:
            is_taken = notifier.notify(title=title, body=body, attach=str(attached) if attached is not None else None)
    return None if is_taken else f"{_name(address)}: {words[0][:LONGEST] if words else 'was not taken'}"


class _Words(logging.Handler):
    """Keeps what is logged."""

    def __init__(self, words: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._words = words

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a message."""
        self._words.append(record.getMessage())


@contextmanager
def _listening() -> Iterator[list[str]]:
    """What Apprise logs meanwhile: it says why an address did not take a message nowhere else."""
    words: list[str] = []
    logger, handler = logging.getLogger("apprise"), _Words(words)
    logger.addHandler(handler)
    try:
        yield words
    finally:
        logger.removeHandler(handler)


def _put(folder: Path, attached: Path | None) -> str | None:
    """Put a file into a folder, whole or not at all."""
    if attached is None:
        return f"{FOLDER}{folder}: takes files only"
    unfinished = folder / f".{attached.name}.unfinished"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(attached, unfinished)
        unfinished.replace(folder / attached.name)
    except OSError as error:
        return f"{FOLDER}{folder}: {error.strerror or error}"
    return None


def _call(program: Path, facts: dict[str, object]) -> str | None:
    """Call a program with the facts on its standard input."""
    try:
        done = subprocess.run(  # noqa: S603 - the operator names it, never a project
            [str(program)], input=json.dumps(facts), text=True, capture_output=True, timeout=LONGEST_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{COMMAND}{program}: {error}"
    if done.returncode:
        return f"{COMMAND}{program}: exit code {done.returncode} {done.stderr.strip()[:LONGEST]}".rstrip()
    return None


def _name(address: str) -> str:
    """An address without what may be secret in it: of many services that is all but the scheme."""
    return f"{address.partition('://')[0]}://…"
