"""Which hosts a server is asked under: what headers may say, and which origins may open a websocket."""

from __future__ import annotations

from typing import Any

import pytest

from filon.errors import ConfigError
from filon.hosts import AllowedHosts, Host, names_of, parsed_host, read_hosts
from filon.settings import read_settings

OWN = ["localhost", "LocalHost:8501", "localhost.", "localhost:", " localhost\t", "shop.localhost"]
OWN += ["127.0.0.1:1", "127.9.8.7", "[::1]:80", "[0::1]", "[::ffff:127.0.0.1]"]
OWN += ["dash.example.com", "DASH.example.com.:443", "10.1.2.3:8000", "[FD00:0::7]", "192.168.7.5:8000"]
OTHERS = ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "dash.example.com.evil.example"]
OTHERS += ["notlocalhost", "x.dash.example.com", "example.com", "2130706433", "0x7f.1", "127.1", "10.1.2.4"]
OTHERS += ["[fd00::8]", "[::]", "0.0.0.0"]  # noqa: S104
MALFORMED = ["", "localhost@evil.example", "user:pass@localhost", "localhost:80x", "localhost:65536", "localhost:-1"]
MALFORMED += ["::1", "[::1%25lo]", "[127.0.0.1]", "[localhost]", "[::1", "localhost/evil", "localhost, evil.example"]
MALFORMED += ["lo calhost", "localhost..", ".localhost", "http://localhost", "localhost\x00"]
MALFORMED += ["\xef\xbd\x8cocalhost", "b\xfccher.localhost"]
GIVEN = AllowedHosts(read_hosts("dash.example.com, 10.1.2.3, fd00::7"))


def scope(host: str | None, origin: str | None = None, kind: str = "http", **more: Any) -> dict[str, Any]:
    """A request as servers hand it over."""
    headers = {b"host": host, b"origin": origin}
    encoded = [(name, value.encode("latin-1")) for name, value in headers.items() if value is not None]
    return {"type": kind, "headers": encoded, "server": ("192.168.7.5", 8000), **more}


def status(request: dict[str, Any]) -> int:
    refusal = GIVEN.refusal(request)
    return 200 if refusal is None else int(refusal.status)


@pytest.mark.parametrize("host", OWN)
def test_hosts_of_this_machine_and_those_given_are_answered(host: str) -> None:
    assert status(scope(host)) == 200


@pytest.mark.parametrize("host", OTHERS)
def test_other_hosts_are_misdirected(host: str) -> None:
    assert status(scope(host)) == 421


@pytest.mark.parametrize("host", MALFORMED)
def test_what_is_no_host_is_a_bad_request(host: str) -> None:
    assert status(scope(host)) == 400


def test_a_request_has_one_host() -> None:
    assert status(scope(None)) == 400
    twice = scope("localhost")
    twice["headers"] *= 2
    assert status(twice) == 400


def test_no_other_header_stands_in_for_the_host() -> None:
    forwarded = scope("evil.example")
    forwarded["headers"] += [(b"x-forwarded-host", b"localhost"), (b"forwarded", b"host=localhost")]
    assert status(forwarded) == 421


def test_the_address_that_a_request_came_in_on_is_the_server_s_own() -> None:
    assert status(scope("10.9.9.9", server=("10.9.9.9", 8000))) == 200
    assert status(scope("[fe80::1]", server=("fe80::1", 8000))) == 200
    assert status(scope("evil.example", server=("evil.example", 8000))) == 421
    assert status(scope("10.9.9.9", server=("/run/filon.sock", None))) == 421
    assert status(scope("10.9.9.9", server=None)) == 421


@pytest.mark.parametrize(
    ("host", "origin", "expected"),
    [
        ("localhost:8501", None, 200),  # no browser
        ("localhost:8501", "http://localhost:8501", 200),
        ("dash.example.com", "https://dash.example.com", 200),  # TLS ends at a proxy
        ("dash.example.com:443", "https://dash.example.com", 200),
        ("localhost:8501", "http://localhost:3000", 403),
        ("localhost:8501", "http://127.0.0.1:8501", 403),
        ("localhost:8501", "https://evil.example", 403),
        ("localhost:8501", "http://localhost:8501@evil.example", 403),
        ("localhost:8501", "http://localhost:8501.evil.example", 403),
        ("localhost:8501", "http://localhost:8501/", 403),
        ("localhost:8501", "null", 403),
        ("localhost:8501", "", 403),
        ("localhost:8501", "file://", 403),
        ("evil.example:8501", "http://evil.example:8501", 421),
    ],
)
def test_only_pages_of_the_server_open_websockets(host: str, origin: str | None, expected: int) -> None:
    assert status(scope(host, origin, "websocket")) == expected
    if expected == 403:
        assert status(scope(host, origin)) == 200  # what other pages may read over HTTP is up to CORS


def test_a_websocket_has_one_origin() -> None:
    twice = scope("localhost", "http://localhost", "websocket")
    twice["headers"].append((b"origin", b"https://evil.example"))
    assert status(twice) == 403


def test_names_follow_from_addresses() -> None:
    names = names_of("0.0.0.0", "https://user:secret@Dash.Example.com:8443/x", None, "http://[fd00::1]:80")  # noqa: S104
    assert names == {"dash.example.com", "fd00::1"}
    assert names_of("10.0.0.4") == {"10.0.0.4"}
    assert names_of("fe80::2") == {"fe80::2"}
    assert names_of("::") == frozenset()


def test_a_host_is_kept_with_its_port() -> None:
    assert parsed_host("A.example:0080") == Host("a.example", 80)


@pytest.mark.parametrize(
    "text", ["*", "https://dash.example.com", "dash.example.com:80", "a b", "bücher.example", "*.x"]
)
def test_a_setting_that_no_host_could_match_is_refused(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FILON_ALLOWED_HOSTS", f"good.example, {text}")
    with pytest.raises(ConfigError, match="FILON_ALLOWED_HOSTS"):
        read_settings()
