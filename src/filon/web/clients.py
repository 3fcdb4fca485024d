"""The address of a client, behind trusted proxies or without one."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from functools import lru_cache

from filon.errors import ConfigError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SITE_BITS = 64
"""Bits of the network prefix of an IPv6 site; one site has all 2^64 addresses below it."""


def networks_of(text: str | None) -> tuple[Network, ...]:
    """Parse a comma-separated list of addresses and networks; ConfigError for anything else."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in (text or "").split(",") if part.strip())
    except ValueError as error:
        raise ConfigError(
            f"FILON_TRUSTED_PROXIES: {error}. Write addresses and networks, comma between: 127.0.0.1, 10.0.0.0/8"
        ) from None


@lru_cache(maxsize=1_000)
def address_of(text: str) -> Address | None:
    """Parse an address with or without a port; an IPv4-mapped IPv6 address becomes the IPv4 address."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def is_trusted(address: Address | None, trusted: Sequence[Network]) -> bool:
    """Whether an address is that of a trusted proxy."""
    return address is not None and any(address in network for network in trusted)


def client_of(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The client of a connection, as limits count it: the last address of ``X-Forwarded-For`` of no trusted proxy.

    Every proxy appends the address of its peer, so entries before an untrusted address cannot be relied on.

    Args:
        peer: the address of the connection
        forwarded: the entries of ``X-Forwarded-For``, in order
        trusted: addresses and networks of proxies

    Returns:
        An IPv4 address or an IPv6 network; empty when ``peer`` is no address.

    """
    client = address_of(peer)
    for entry in reversed(forwarded):
        before = address_of(entry) if is_trusted(client, trusted) else None
        if before is None:
            break
        client = before
    return "" if client is None else site_of(client)


def site_of(address: Address) -> str:
    """The key under which limits count a client: its IPv4 address, or the IPv6 network of its site."""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, SITE_BITS), strict=False))
