"""Where a request comes from: the peer, or what a proxy of ours says.

X-Forwarded-For is written by whoever likes to; only as many entries from its right end are
believed as there are proxies of ours (VITRINE_TRUSTED_PROXIES).
"""

from ipaddress import IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """The visitor's address, or None if it cannot be known."""
    chain = [part.strip() for part in request.headers.get("X-Forwarded-For", "").split(",") if part.strip()]
    chain.append(request.META.get("REMOTE_ADDR") or "")
    candidate = chain[max(0, len(chain) - 1 - settings.TRUSTED_PROXIES)]
    try:
        return str(ip_address(candidate))
    except ValueError:
        return None


def client_network(request: HttpRequest) -> str | None:
    """What limits count by: an address of version 4, or the /64 that one customer has of version 6."""
    found = client_address(request)
    address = ip_address(found) if found else None
    if not isinstance(address, IPv6Address):
        return found
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False).network_address)
