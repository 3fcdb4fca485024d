"""Who counts as one client."""

from __future__ import annotations

import pytest

from filon.errors import ConfigError
from filon.web.clients import client_of, networks_of

PROXIES = networks_of("127.0.0.1, 10.0.0.0/8, fd00::/8")


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("192.0.2.1", ["198.51.100.1"], "192.0.2.1"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["203.0.113.9", " 198.51.100.1 "], "198.51.100.1"),
        ("127.0.0.1", ["203.0.113.9", "198.51.100.1", "10.1.2.3"], "198.51.100.1"),
        ("127.0.0.1", ["10.1.2.3", "10.1.2.4"], "10.1.2.3"),
        ("127.0.0.1", ["198.51.100.1", "unknown"], "127.0.0.1"),
        ("127.0.0.1", [""], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("127.0.0.1", ["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        ("::ffff:127.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("2001:db8:1:2:3::4", [], "2001:db8:1:2::/64"),
        ("fe80::1%eth0", [], "fe80::/64"),
        ("", ["198.51.100.1"], ""),
        ("/run/filon.sock", ["198.51.100.1"], ""),
    ],
)
def test_the_client_is_the_last_address_that_is_no_proxy(peer: str, forwarded: list[str], client: str) -> None:
    assert client_of(peer, forwarded, PROXIES) == client


@pytest.mark.parametrize("text", ["everybody", "*", "10.0.0.1/8", "1.2.3", "127.0.0.1;10.0.0.1"])
def test_what_names_no_proxies_is_said_at_the_start(text: str) -> None:
    with pytest.raises(ConfigError, match="FILON_TRUSTED_PROXIES"):
        networks_of(text)
