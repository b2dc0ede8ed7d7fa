"""Which dead letters somebody asks for. Pure."""

from __future__ import annotations

from msgspec import Struct

from consumer.events import DeadLetter
from consumer.inspect.traces import needle


class Asked(Struct, frozen=True, kw_only=True):
    """What holds for all letters asked for; empty or ``None``: anything."""

    reasons: frozenset[str] = frozenset()
    stage: str | None = None
    since_ms: int | None = None
    """Refused then or later."""
    until_ms: int | None = None
    """Refused before."""
    programmes: frozenset[str] = frozenset()
    order_ref: str | None = None
    """Also letters that do not say of which order they are, but whose record's bytes hold this reference."""

    def takes(self, letter: DeadLetter) -> bool:
        """Say whether a letter is asked for."""
        return (
            (not self.reasons or letter.reason in self.reasons)
            and (self.stage is None or letter.stage == self.stage)
            and (self.since_ms is None or letter.failed_at_ms >= self.since_ms)
            and (self.until_ms is None or letter.failed_at_ms < self.until_ms)
            and (not self.programmes or letter.programme in self.programmes)
            and (self.order_ref is None or _is_about(letter, self.order_ref))
        )


def _is_about(letter: DeadLetter, order_ref: str) -> bool:
    if letter.order_ref is not None:
        return letter.order_ref == order_ref
    return letter.value is not None and needle(order_ref) in letter.value
