"""The address that a request comes from."""

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address


@lru_cache(10_000)
def network_of(address: str) -> str:
    """Return an address of IPv4, or the /64 network of IPv6: one line gets at least that many.

    The address is the one that uvicorn determines: it believes `X-Forwarded-For` of the proxies in
    FORWARDED_ALLOW_IPS only.
    """
    try:
        ip = ip_address(address)
    except ValueError:
        return address[:64] or "unknown"  # a Unix socket has no address
    if not isinstance(ip, IPv6Address):
        return str(ip)
    return str(ip.ipv4_mapped or IPv6Network((int(ip), 64), strict=False))
