"""What was ordered of programmes: the newest record of each in ``awin.control``, read by every instance for itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, cast

import structlog

from consumer.errors import TopicError, Undecodable
from consumer.events import Control, ProgrammeState
from consumer.stream.framing import Headers
from consumer.stream.log import Record

_log = cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(__name__))


class Feed(Protocol):
    """A whole topic of one partition, from its beginning and for ever. One thread makes all calls.

    Adapters: `consumer.stream.feed_kafka` and `consumer.stream.feed_memory`; one contract suite tests both.
    """

    def advance(self) -> Sequence[Record]:
        """Return what has come since the last call, without waiting.

        Raises:
            TopicError: the topic may not be read.
        """

    @property
    def caught_up(self) -> bool:
        """Whether everything was returned that was there when the feed was opened."""

    def close(self) -> None:
        """Let go of connections."""


class Orders:
    """Follows what is ordered, and gives the orders of this instance: to halt a programme, everywhere.

    Args:
        feed: the topic.
        decode: reads a record; raises `Undecodable`.
        encode: writes one.
        instance: who we are, for others who read what we order.
        monotonic_s: the clock for looking.
        now_ms: the wall clock.
        interval_s: from one look to the next.
    """

    def __init__(
        self,
        feed: Feed,
        decode: Callable[[bytes | None, Headers], Control],
        encode: Callable[[Control], bytes],
        *,
        instance: str,
        monotonic_s: Callable[[], float],
        now_ms: Callable[[], int],
        interval_s: float = 0.25,
    ) -> None:
        self._feed = feed
        self._decode = decode
        self._encode = encode
        self._instance = instance
        self._monotonic_s = monotonic_s
        self._now_ms = now_ms
        self._interval_s = interval_s
        self._due_s = monotonic_s()
        self._given: dict[bytes, bytes] = {}

    @property
    def known(self) -> bool:
        """Whether all orders are known that were given before we began."""
        return self._feed.caught_up

    def advance(self) -> dict[str, ProgrammeState]:
        """Return what was ordered since the last call, by programme; mostly nothing.

        Raises:
            TopicError: a record is none of ours, so it cannot be told what was ordered; or the topic is missing.
        """
        now_s = self._monotonic_s()
        if self.known and now_s < self._due_s:
            return {}
        self._due_s = now_s + self._interval_s
        return dict(map(self._order, self._feed.advance()))

    def halt(self, programme: str, reason: str) -> None:
        """Order that a programme halt."""
        _log.error("deliver.programme_halted", programme=programme, reason=reason)
        control = Control(
            programme=programme,
            state="halted",
            reason=reason,
            changed_at_ms=self._now_ms(),
            changed_by=self._instance,
        )
        self._given[programme.encode()] = self._encode(control)

    def given(self) -> dict[bytes, bytes]:
        """Return the orders of this instance that are not committed yet, by key."""
        return dict(self._given)

    def committed(self) -> None:
        """Take note that they are."""
        self._given.clear()

    def close(self) -> None:
        """Let go of connections."""
        self._feed.close()

    def _order(self, record: Record) -> tuple[str, ProgrammeState]:
        if record.value is None:
            return (record.key or b"").decode("utf-8", "replace"), "running"
        try:
            control = self._decode(record.value, record.headers)
        except Undecodable as error:
            raise TopicError(
                f"{record.topic}[{record.partition}]@{record.offset}: {error.message}. Whether a programme may be sent "
                "is not known without it; did a newer release write it?"
            ) from error
        return control.programme, control.state
