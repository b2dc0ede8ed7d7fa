"""Hosts and paths of addresses, and the patterns that hosts fit. Source: docs/attribution.md, section 5."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

from consumer.errors import SettingsError

MAX_HOST_CHARACTERS = 253
"""What the DNS allows; longer ones are no hosts."""

_BEFORE_COUNTRIES = frozenset({"co", "com"})
_OWN_DOMAIN = re.compile(r"(?:www\.)?([^\s./:@?#*]+(?:\.[^\s./:@?#*]+)*)(?::[0-9]+)?")
_AUTHORITY = re.compile(
    r"\s*(?:[A-Za-z][A-Za-z0-9+.-]*:)?//(?>(?:[^/?#]*@)?)(\[[^/?#\[\]\s]+\]|[^/?#:\s\[\]]*)(?=[/?#:]|\s*\Z)"
)


def host_of(url: str) -> str:
    """Return the host of an address, ``""`` when it has none.

    In lower case, an IDN in its ``xn--`` form, without port, a leading ``www.`` and one dot at the end.
    """
    authority = _AUTHORITY.match(url)
    if authority is None or len(authority[1]) > MAX_HOST_CHARACTERS:
        return ""
    host = authority[1].lower().removeprefix("www.").removesuffix(".")
    return host if host.isascii() else _ascii(host)


def path_of(url: str) -> str:
    """Return the path of an address as it stands there; ``/`` when it has none, or no host."""
    authority = _AUTHORITY.match(url)
    rest = url[authority.end() :] if authority and host_of(url) else ""
    path = rest.partition("#")[0].partition("?")[0]
    return path[path.find("/") :] if "/" in path else "/"


def own_host(domain: str) -> str:
    """Return an own domain as `host_of` finds it in what browsers send, so an IDN in its ``xn--`` form (RFC 5891).

    Raises:
        SettingsError: it is no host name.
    """
    bare = _OWN_DOMAIN.fullmatch(unicodedata.normalize("NFC", domain.strip().lower()))
    if bare is None:
        raise SettingsError(f"channels.own_domains: {domain!r} is no host name; write one like shop.example")
    return _ascii(bare[1])


def _ascii(host: str) -> str:
    """Return a lower-case host with every label in the form that browsers send (RFC 5891)."""
    labels = unicodedata.normalize("NFC", host).split(".")
    return ".".join(label if label.isascii() else f"xn--{_punycode(label)}" for label in labels)


def _punycode(label: str) -> str:
    return label.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode("punycode").decode()


@lru_cache(4096)
def patterns_of(host: str, depth: int) -> frozenset[str]:
    """Return every pattern, of at most ``depth`` labels, that fits a host; so a rule costs one set comparison.

    Most referrers are of a few hosts.
    """
    if not host:
        return frozenset()
    fitting = ["*", host, *_it_and_above(host, depth)]
    for name in _names(host):
        fitting += [f"{name}.*", *(f"{above}.*" for above in _it_and_above(name, depth))]
    return frozenset(fitting)


def _it_and_above(host: str, depth: int) -> Iterator[str]:
    """Yield the patterns that stand for a host and all below it, of which the given one is one."""
    below = ""
    for label in reversed(host.rsplit(".", depth)):
        below = f".{label}{below}"
        yield below


def _names(host: str) -> Iterator[str]:
    """Yield what a pattern may name before its star: all but the last label, or but ``co`` or ``com`` and the last."""
    name, dot, _ = host.rpartition(".")
    if dot:
        yield name
    name, dot, second = name.rpartition(".")
    if dot and second in _BEFORE_COUNTRIES:
        yield name
