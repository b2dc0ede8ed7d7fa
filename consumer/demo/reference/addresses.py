"""Section 5 of ``docs/attribution.md``: hosts, their patterns, and paths."""

from __future__ import annotations

import re
from functools import lru_cache
from unicodedata import normalize

LONGEST_HOST = 253


def authority_and_rest(url: str) -> tuple[str, str]:
    """What stands between ``scheme://`` and the path, and what follows; nothing in an address of another form."""
    scheme, slashes, rest = url.lstrip().partition("//")
    if not slashes or not re.fullmatch("([A-Za-z][A-Za-z0-9+.-]*:)?", scheme):
        return "", ""
    authority = re.split("[/?#]", rest)[0]
    return authority, rest.removeprefix(authority)


def host_of(url: str) -> str:
    """The host in lower case, without port and a leading ``www.``; ``""`` when there is none to be read."""
    authority, _ = authority_and_rest(url.rstrip())
    host_and_port = re.fullmatch(r"(\[[^\[\]\s]+\]|[^:\[\]\s]*)(:.*)?", authority.rpartition("@")[2], re.DOTALL)
    if host_and_port is None or len(host_and_port[1]) > LONGEST_HOST:
        return ""
    return with_ascii_labels(host_and_port[1].lower().removeprefix("www.").removesuffix("."))


def path_of(url: str) -> str:
    """The path as it stands in the URL; ``/`` when there is none, or no host."""
    _, rest = authority_and_rest(url)
    path = re.split("[?#]", rest)[0]
    return path if path != "" and host_of(url) != "" else "/"


def own_host(domain: str) -> str:
    """An own domain as browsers write it: in lower case, an IDN label by label as ``xn--``, no port, no ``www.``."""
    host = domain.strip().lower().split(":")[0].removeprefix("www.")
    return with_ascii_labels(host)


def with_ascii_labels(host: str) -> str:
    """A host with its labels beyond ASCII as ``xn--``; lone surrogates, which no address can hold, as U+FFFD."""
    labels = []
    for label in normalize("NFC", host).split("."):
        whole = "".join("\N{REPLACEMENT CHARACTER}" if "\ud800" <= c <= "\udfff" else c for c in label)
        labels.append(label if label.isascii() else "xn--" + str(whole.encode("punycode"), "ascii"))
    return ".".join(labels)


def is_or_is_below(host: str, domain: str) -> bool:
    """Is this the domain, or a host below it?"""
    return host == domain or host.endswith("." + domain)


def without_suffix(host: str) -> list[str]:
    """What stands before one label at the end, and before ``co`` or ``com`` and one more where they are there."""
    labels = host.split(".")
    found = [labels[:-1]]
    if len(labels) > 2 and labels[-2] in ("co", "com"):
        found.append(labels[:-2])
    return [".".join(rest) for rest in found if rest]


@lru_cache(100_000)  # long runs ask again and again of a few hosts
def fits(host: str, pattern: str) -> bool:
    """Does a host fit a pattern: ``bing.com``, ``.facebook.com``, ``google.*``, ``.yandex.*``, ``*``? No host none."""
    if host == "":
        return False
    if pattern == "*":
        return True
    if pattern.endswith(".*"):
        return any(fits(rest, pattern.removesuffix(".*")) for rest in without_suffix(host))
    if pattern.startswith("."):
        return is_or_is_below(host, pattern.removeprefix("."))
    return host == pattern.removeprefix("www.")
