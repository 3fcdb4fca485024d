"""Who asks: the address of a client, behind proxies that are trusted or without one."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

from filon.errors import ConfigError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network
SITE_BITS = 64
"""Whoever has one address of IPv6 has 2^64 of them."""


def networks_of(text: str | None) -> tuple[Network, ...]:
    """Addresses and networks, comma between; ConfigError for anything else."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in (text or "").split(",") if part.strip())
    except ValueError as error:
        raise ConfigError(
            f"FILON_TRUSTED_PROXIES: {error}. Write addresses and networks, comma between: 127.0.0.1, 10.0.0.0/8"
        ) from None


def address_of(text: str) -> Address | None:
    """An address, with a port or without; one of IPv4 that IPv6 wraps is one of IPv4."""
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
    """Whether an address is that of a proxy whose word counts."""
    return address is not None and any(address in network for network in trusted)


def client_of(peer: str, forwarded: Sequence[str], trusted: Sequence[Network]) -> str:
    """The client behind a connection: the last address of ``X-Forwarded-For`` that no trusted proxy has.

    Every proxy adds whom it was asked by at the end, so what stands before an untrusted address is only said by it.
    """
    client = address_of(peer)
    for entry in reversed(forwarded):
        before = address_of(entry) if is_trusted(client, trusted) else None
        if before is None:
            break
        client = before
    return "" if client is None else site_of(client)


def site_of(address: Address) -> str:
    """What a limit counts as one client: an address of IPv4, or a network of IPv6 that one site has."""
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, SITE_BITS), strict=False))
