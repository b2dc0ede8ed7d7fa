"""Which dead letters are replayed, and why others are not. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from msgspec import Struct

from consumer.delivery.sent import TOO_OLD
from consumer.events import Position, Receipt
from consumer.letters.book import Fate, Letter
from consumer.letters.reasons import CONFLICT, advice
from consumer.settings import Topics

REFUSED: Mapping[str, str] = {
    "replayed": "were replayed before; --force replays them again, which sends no order twice",
    "dealt_with": "are about orders that have been dealt with since: delivered, exported, or on their way",
    "superseded": "are about orders that became a dead letter again: replay that one",
    "pointless": "would be refused again; they are replayed when their reason is asked for (--reason)",
    "too_old": "are about sales that Awin would date wrongly: --too-old send, or awin-consumer export-offline",
    "truncated": "cannot be replayed: the letter does not hold the whole record",
    "elsewhere": "cannot be replayed: their records came from a topic or a partition that there is not",
    "too_large": "cannot be replayed: the record is too large to be written (topics.max_message_bytes)",
    "gone": "cannot be replayed: the letter has expired meanwhile",
}
"""Why letters that were asked for are not replayed, for people."""

DONE = frozenset({"replayed", "dealt_with", "superseded"})
"""Those of `REFUSED` after which there is nothing left to be done for the letter."""

NOTES: Mapping[str, str] = {
    "may_have_arrived": "may have reached Awin already: an attempt ended without an answer",
    "dated_today": "are sales older than delivery.max_age: Awin dates them today",
    "will_be_too_old": "are orders older than delivery.max_age: once decided, they will be dead letters, too_old",
    "past_order_delay": "are orders older than attribution.max_order_delay: where order.completed stamps records "
    "itself (LogAppendTime) they will be dead letters, order_too_late; else their oldest clicks may have expired",
}
"""What is to be known of letters that are replayed, for people."""


class Decisions(Struct, frozen=True, kw_only=True):
    """What a person has decided."""

    force: bool = False
    """Replay what was replayed before."""
    send_too_old: bool = False
    """Send sales that Awin will date wrongly."""


class Limits(Struct, frozen=True, kw_only=True):
    """How old things may be, in milliseconds."""

    max_age_ms: int
    """Sales that are sent."""
    max_order_delay_ms: int
    """Orders for which all clicks are still there."""


class Judgement:
    """Judges letters.

    Args:
        topics: where records may go.
        partitions: how many those topics have.
        asked: the reasons that were asked for by name.
        decisions: what was decided.
        limits: how old things may be.
    """

    def __init__(
        self,
        topics: Topics,
        partitions: Mapping[str, int],
        asked: frozenset[str],
        decisions: Decisions,
        limits: Limits,
    ) -> None:
        self._topics = topics
        self._partitions = partitions
        self._asked = asked
        self._decisions = decisions
        self._limits = limits

    def refusal(self, letter: Letter, fate: Fate | None, receipt: Receipt | None, now_ms: int) -> str:
        """Return why a letter is not replayed, by `REFUSED`; ``""``: it is.

        Args:
            letter: to be judged.
            fate: what became of it.
            receipt: the newest of its order, as far as that is known.
            now_ms: the wall clock.
        """
        return next(self._refusals(letter, fate, receipt, now_ms), "")

    def notes(self, letter: Letter, receipt: Receipt | None, now_ms: int) -> Iterator[str]:
        """Yield what is to be known of a letter that is replayed, by `NOTES`."""
        if receipt is not None and (receipt.unknown_attempts or receipt.possible_repeat):
            yield "may_have_arrived"
        if self._is_too_old(letter, receipt, now_ms):
            yield "dated_today"
        if letter.source.topic == self._topics.order_completed:
            age_ms = now_ms - letter.timestamp_ms
            if age_ms > self._limits.max_age_ms:
                yield "will_be_too_old"
            if age_ms > self._limits.max_order_delay_ms:
                yield "past_order_delay"

    def _refusals(self, letter: Letter, fate: Fate | None, receipt: Receipt | None, now_ms: int) -> Iterator[str]:
        """Yield everything that speaks against a replay, the most final first."""
        at = target(letter.source, self._topics)
        if at is None or not 0 <= at.partition < self._partitions.get(at.topic, 0):
            yield "elsewhere"
        if letter.truncated:
            yield "truncated"
        if fate is not None and not self._decisions.force:
            yield "replayed"
        if receipt is not None and receipt.ending != "dead_letter":
            yield "dealt_with"
        elif receipt is not None and _is_superseded(letter, receipt):
            yield "superseded"
        if not advice(letter.stage, letter.reason).helps and letter.reason not in self._asked:
            yield "pointless"
        if self._is_too_old(letter, receipt, now_ms) and not self._decisions.send_too_old:
            yield "too_old"

    def _is_too_old(self, letter: Letter, receipt: Receipt | None, now_ms: int) -> bool:
        """Whether deliver would refuse the sale for its age, now if it did not before."""
        if letter.stage != "deliver":
            return False
        if letter.reason == TOO_OLD:
            return True
        return receipt is not None and now_ms - receipt.completed_at_ms > self._limits.max_age_ms


def target(source: Position, topics: Topics) -> Position | None:
    """Return to where a record goes again that stood at ``source``: topic and partition; ``None``: nowhere.

    What deliver had put off belongs to the outbox, which has as many partitions.
    """
    if source.topic in {topics.session_landed, topics.order_completed, topics.conversion}:
        return source
    if source.topic == topics.deferred:
        return Position(topics.conversion, source.partition, source.offset)
    return None


def _is_superseded(letter: Letter, receipt: Receipt) -> bool:
    """Whether the order's dead letter is a later one; a conflict never was the order's own."""
    return letter.stage == "deliver" and letter.reason != CONFLICT and receipt.source != letter.source
