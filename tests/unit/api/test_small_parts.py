from __future__ import annotations

import json
import logging

import pytest
from starlette.requests import Request

from filon.api.logs import JsonLines, log_request, masked, request_id
from filon.api.pipeline import human
from filon.api.problems import shown
from filon.api.responder import accepts_gzip
from filon.settings import Settings


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.0123, "12 ms"), (1.25, "1.2 s"), (65, "1 min 5 s"), (3600, "1 h"), (90061, "1 d 1 h 1 min 1 s")],
)
def test_a_duration_for_people(seconds: float, text: str) -> None:
    assert human(seconds) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("mongodb://api:s3cret@db:27017/analytics", "mongodb://***@db:27017/analytics"),
        ("key filon_AbCdEfGhIjKlMnOpQrStUv rejected", "key *** rejected"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_credentials_are_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


def test_credentials_are_masked_in_tracebacks() -> None:
    with pytest.raises(ValueError, match="s3cret") as failure:
        int("mongodb://api:s3cret@db")
    facts = (failure.type, failure.value, failure.tb)
    record = logging.LogRecord("x", logging.ERROR, "", 1, "failed", (), facts)
    assert "s3cret" not in JsonLines().format(record)
    assert "ValueError" in JsonLines().format(record)


def test_ids_of_requests() -> None:
    assert request_id("abc-1") == "abc-1"
    assert request_id("a\nb") != "a\nb"
    assert request_id(None) != request_id(None)


def test_what_is_repeated_is_harmless_and_short() -> None:
    assert shown("<b>é`") == "\\x3cb\\x3e\\xe9\\x60"
    assert len(shown("x" * 999)) == 61


@pytest.mark.parametrize(
    ("header", "expected"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("gzip; q=0", False), ("br", False), ("", False)],
)
def test_who_accepts_gzip(header: str, expected: bool) -> None:
    request = Request({"type": "http", "headers": [(b"accept-encoding", header.encode())]})
    assert accepts_gzip(request) is expected


def test_no_setting_opens_the_api_by_default() -> None:
    settings = Settings()
    assert (settings.api_host, settings.api_cors, settings.api_auth) == ("127.0.0.1", None, "auto")


def test_a_line_about_a_request_holds_its_facts_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "filon.api")
    log_request({"path": "/api/v1/ventes", "key": "filon_0123456789abcdefghij"})
    [record] = caplog.records
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["level"], line["path"]) == ("request", "info", "/api/v1/ventes")
    assert line["key"] == "***"
    caplog.set_level(logging.WARNING, "filon.api")
    log_request({"path": "/api/v1/ventes"})
    assert len(caplog.records) == 1
