"""When an attempt may be repeated, and when an order has been tried often enough. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random

from consumer.events import Outcome

_MAX_DOUBLINGS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long to back off and how often to try; times in milliseconds."""

    base_ms: int
    cap_ms: int
    max_attempts: int


@dataclass(slots=True)
class Trial:
    """The failures of one order so far."""

    programme: str
    successes_seen: int
    """Successes of the programme when the order was taken in, or at its latest failure."""
    failures: int = 0
    counted: int = 0
    """Failures that say something about the order itself, since others got through in the meantime."""


class Retries:
    """Exponential back-off with full jitter that an outage never exhausts.

    A failure counts towards ``max_attempts`` only if another order of the programme succeeded since the order's
    previous attempt (for the first one: since it was taken in). An attempt that was not sent never counts.
    """

    def __init__(self, policy: RetryPolicy, random: Random) -> None:
        self._policy = policy
        self._random = random
        self._successes: Counter[str] = Counter()

    def begin(self, programme: str, counted: int = 0) -> Trial:
        """Return the record of an order that was just taken in, with so many failures that counted before."""
        return Trial(programme, self._successes[programme], counted=counted)

    def succeeded(self, programme: str) -> None:
        """Take note that an order of this programme was delivered."""
        self._successes[programme] += 1

    def failed(self, trial: Trial, outcome: Outcome, retry_after_s: float | None) -> int | None:
        """Take note of a failure; return the milliseconds to wait, or ``None`` when the order is exhausted.

        The wait is at least ``retry_after_s`` and never longer than the cap.
        """
        successes = self._successes[trial.programme]
        if outcome != "not_sent" and successes > trial.successes_seen:
            trial.counted += 1
        trial.successes_seen = successes
        trial.failures += 1
        if trial.counted >= self._policy.max_attempts:
            return None
        ceiling = min(self._policy.cap_ms, self._policy.base_ms << min(trial.failures - 1, _MAX_DOUBLINGS))
        jittered = self._random.randint(0, ceiling)
        wished = 0 if retry_after_s is None else int(retry_after_s * 1000)
        return min(max(jittered, wished), self._policy.cap_ms)
