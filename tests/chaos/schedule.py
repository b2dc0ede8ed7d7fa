"""Which fault strikes when, and for how long: the same for the same seed. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

FIRST_S = 5.0
"""From the beginning of the load to the first fault."""
_OVERLAP = 0.4
"""How often a fault strikes while the one before it lasts."""
_GAP_S = (7.0, 12.0)
"""From one fault's end to the next one's beginning, where they do not overlap."""
_LONG_GAP_S = (18.0, 24.0)
_BURST_GAP_S = (0.3, 1.5)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault."""

    lasts_s: tuple[float, float]
    """From the least to the most."""
    claims: frozenset[str]
    """What it works on. Two faults that claim the same are never there at the same time."""
    burst: int = 1
    """So many follow each other at once."""


class Strike(NamedTuple):
    """One fault of a schedule. Times count from the beginning of the load."""

    at_s: float
    lasts_s: float
    kind: str
    number: int
    """Chooses the victim, where there is a choice."""

    @property
    def end_s(self) -> float:
        """When it is healed."""
        return self.at_s + self.lasts_s


def _kind(lasts_s: tuple[float, float], *claims: str, burst: int = 1) -> Kind:
    return Kind(lasts_s, frozenset(claims), burst)


KINDS: Mapping[str, Kind] = {
    "attribute killed": _kind((0.0, 3.0), "attribute"),
    "deliver killed": _kind((0.0, 3.0), "deliver"),
    "all members killed": _kind((0.0, 3.0), "attribute", "deliver"),
    "attribute stopped": _kind((0.5, 3.0), "attribute"),
    "deliver stopped": _kind((0.5, 3.0), "deliver"),
    # Longer than the session timeout, and on either side of the transaction timeout. A deliver that sleeps cannot obey.
    "attribute frozen": _kind((5.0, 9.0), "attribute"),
    "deliver frozen": _kind((5.0, 9.0), "deliver", "control"),
    "attribute state deleted": _kind((0.0, 2.0), "attribute"),
    "deliver state deleted": _kind((0.0, 2.0), "deliver"),
    "attribute state stale": _kind((5.0, 10.0), "attribute"),
    "deliver state stale": _kind((5.0, 10.0), "deliver"),
    "attribute rebalanced": _kind((2.5, 4.0), "attribute", burst=3),
    "deliver rebalanced": _kind((2.5, 4.0), "deliver", burst=3),
    "leader killed": _kind((2.0, 7.0), "brokers"),
    "controller killed": _kind((2.0, 7.0), "brokers"),
    "all brokers down": _kind((2.0, 10.0), "brokers"),
    # The broker aborts it after six seconds.
    "transaction left open": _kind((6.0, 7.0), "brokers"),
    # Orders go by a topic: whoever waits for obedience must not take the brokers away.
    "programme paused": _kind((9.0, 14.0), "control", "brokers"),
    "programme halted": _kind((6.0, 10.0), "control", "brokers", "awin"),
    "key revoked": _kind((5.0, 10.0), "control", "brokers"),
    "Awin refuses": _kind((3.0, 9.0), "awin"),
    "Awin hangs": _kind((3.0, 9.0), "awin"),
    "Awin fails": _kind((3.0, 9.0), "awin"),
    "Awin throttles": _kind((3.0, 9.0), "awin"),
    "calls spoilt": _kind((4.0, 9.0), "rejections"),
}


FIXED = (
    Strike(5.0, 1.0, "deliver killed", 0),
    Strike(13.0, 6.0, "attribute frozen", 1),
    Strike(17.0, 5.0, "leader killed", 2),
    Strike(30.0, 1.0, "deliver state deleted", 1),
    Strike(38.0, 7.0, "attribute state stale", 0),
    Strike(41.0, 3.0, "deliver rebalanced", 0),
    Strike(52.0, 9.0, "programme paused", 0),
    Strike(68.0, 5.0, "transaction left open", 0),
)
"""The short run's."""


def schedule(seed: int, seconds: float, only: Collection[str] = ()) -> list[Strike]:
    """Return the faults of a run that ends so long after the beginning of the load, each healed before.

    No kind comes again before each of the others has come once.

    Args:
        seed: whose schedule.
        seconds: how long the run is.
        only: kinds to choose from, instead of all; then each has time to be recovered from.
    """
    random = Random(f"chaos {seed}")
    strikes: list[Strike] = []
    at_s, overlaps = FIRST_S, False
    gap_s = _LONG_GAP_S if only else _GAP_S
    for kind in _decks(random, sorted(only) or list(KINDS)):
        last = strikes[-1] if strikes else None
        may_overlap = last is not None and not overlaps and not KINDS[last.kind].claims & KINDS[kind].claims
        overlaps = may_overlap and random.random() < _OVERLAP and not only
        if last is not None and overlaps:
            at_s = random.uniform(last.at_s, last.end_s)
        elif strikes:
            at_s = max(strike.end_s for strike in strikes) + random.uniform(*gap_s)
        for _ in range(KINDS[kind].burst):
            strike = Strike(at_s, random.uniform(*KINDS[kind].lasts_s), kind, random.getrandbits(32))
            if strike.end_s > seconds:
                return strikes
            strikes.append(strike)
            at_s = strike.end_s + random.uniform(*_BURST_GAP_S)
    raise AssertionError("decks never end")


def _decks(random: Random, kinds: Sequence[str]) -> Iterator[str]:
    while True:
        yield from random.sample(kinds, len(kinds))
