"""Logs as one JSON object per line."""

from __future__ import annotations

import datetime as dt
import logging
import re
import secrets
import sys
from collections.abc import Mapping
from itertools import count

import orjson

LOGGER = logging.getLogger("filon.api")
SANE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PROCESS, _REQUESTS = secrets.token_hex(4), count()
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+(?=@)|filon_[A-Za-z0-9_-]{20,}")


class JsonLines(logging.Formatter):
    """A record as JSON; passwords in addresses and API keys are masked, wherever they come from."""

    def format(self, record: logging.LogRecord) -> str:
        """One line."""
        document: dict[str, object] = {
            "time": dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        document |= getattr(record, "facts", {})
        if record.exc_info:
            document["exception"] = self.formatException(record.exc_info)
        return masked(orjson.dumps(document, default=str).decode())


def masked(text: str) -> str:
    """A text without credentials of addresses and API keys."""
    # most lines have none, and looking for the pattern takes twenty times as long as for how it begins
    return CREDENTIALS.sub("***", text) if "://" in text or "filon_" in text else text


def log_request(facts: Mapping[str, object]) -> None:
    """A line about a request. Where in the code it is written is not looked up, which takes longer than the rest."""
    if LOGGER.isEnabledFor(logging.INFO):
        line = LOGGER.makeRecord(LOGGER.name, logging.INFO, "", 0, "request", (), None, extra={"facts": facts})
        LOGGER.handle(line)


def request_id(given: str | None) -> str:
    """The id that the client gave, if it can stand in a log, else a new one."""
    return given if given and SANE_ID.fullmatch(given) else f"{_PROCESS}{next(_REQUESTS):08x}"


def configure_logs(level: int = logging.INFO) -> None:
    """Write the records of uvicorn and of the API to standard error as JSON lines."""
    # no line names its thread and process, and to find them takes as long as to write it
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    for name in ("filon.api", "uvicorn", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.handlers = [handler] if name != "uvicorn.error" else []
        logger.propagate = name == "uvicorn.error"
        logger.setLevel(level)
