"""One line of the channel table. Source: docs/attribution.md, section 5.

Rules are data and the first that matches wins. Host patterns take these forms::

    bing.com        that host
    .facebook.com   that host, or one below it
    google.*        that name followed by one label, or by ``co`` or ``com`` and one more
    .yandex.*       such a host, or one below it
    *               any host
"""

from __future__ import annotations

from msgspec import Struct

_NOTHING: frozenset[str] = frozenset()


class Rule(Struct, frozen=True, kw_only=True):
    """One line of the table. It matches when everything that it states holds; an empty parameter counts as absent."""

    name: str
    channel: str | None
    """``None`` for landings that are internal: they never overwrite a channel."""
    given: frozenset[str] = _NOTHING
    """At least one of these query parameters is there."""
    absent: frozenset[str] = _NOTHING
    """None of these query parameters is there."""
    query: tuple[tuple[str, frozenset[str]], ...] = ()
    """Each of these query parameters has, lower-cased, one of its values."""
    referrer: frozenset[str] = _NOTHING
    """The referrer's host fits one of these patterns."""
    own_referrer: bool = False
    """The referrer's host is an own domain, or below one, or the landing's own host."""
    landing_host: frozenset[str] = _NOTHING
    """The landing's host fits one of these patterns."""
    landing_path: tuple[str, ...] = ()
    """The landing's path is one of these, or begins with one that ends in ``*``. Case counts."""

    def needs_parameters(self) -> bool:
        """Whether a landing without parameters can not match."""
        return bool(self.given or self.query)

    def needs_referrer(self) -> bool:
        """Whether a landing without referrer can not match."""
        return bool(self.referrer or self.own_referrer)
