"""Where a request comes from, and whether the tenant allows that place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

Network = IPv4Network | IPv6Network


def client_address(request: HttpRequest) -> str | None:
    """The address of the browser or system that asked; None where the server was given none (a socket file).

    Each of our ``TRUSTED_PROXIES`` appends the address that it was asked from to ``X-Forwarded-For``. What stands left
    of their entries was written by the client and proves nothing.
    """
    hops = [hop.strip() for hop in request.headers.get("X-Forwarded-For", "").split(",") if hop.strip()]
    hops.append(request.META.get("REMOTE_ADDR", ""))
    proxies: int = settings.TRUSTED_PROXIES
    found = hops[-1 - proxies] if len(hops) > proxies else hops[-1]
    return plain_address(found)


def plain_address(text: str) -> str | None:
    """An address in its usual writing, IPv4 within IPv6 unwrapped; None when it is none."""
    try:
        address = ip_address(text.strip().strip("[]"))
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Address(int(address)))
    return str(address)


def address_block(address: str | None) -> str:
    """What one line of a provider holds: an IPv4 address, or the /64 of an IPv6 address."""
    if address is None:
        return ""
    if ":" not in address:
        return address
    return str(ip_network(f"{address}/64", strict=False))


def is_allowed(address: str | None, networks: Sequence[str]) -> bool:
    """Whether ``address`` lies in one of ``networks``; an empty list allows every place."""
    if not networks:
        return True
    if address is None:
        return False
    found = ip_address(address)
    return any(found in ip_network(network) for network in networks)


def read_networks(lines: Iterable[str]) -> list[str]:
    """Networks and single addresses in their usual writing, each once, in order. Raises ``ValueError`` with the line."""
    found: dict[str, None] = {}
    for line in lines:
        text = line.partition("#")[0].strip()
        if not text:
            continue
        try:
            network = ip_network(text, strict=False)
        except ValueError as exc:
            raise ValueError(text) from exc
        found[str(network)] = None
    return list(found)
