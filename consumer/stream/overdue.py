"""An end to waiting for calls into librdkafka that ignore their own time-out."""

from __future__ import annotations

from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import Thread

from confluent_kafka import KafkaException


class Overdue(Exception):
    """Raised when a call has not returned in time. It may still do so, with any effect: let go of its client."""


def call(function: Callable[[], object], timeout_s: float) -> None:
    """Make the call on a thread of its own, which is left behind if it does not come back in time.

    Raises:
        KafkaException: whatever the call raised.
        Overdue: no end within ``timeout_s``.
    """
    ends: SimpleQueue[KafkaException | None] = SimpleQueue()

    def run() -> None:
        try:
            function()
        except KafkaException as error:
            ends.put(error)
        else:
            ends.put(None)

    Thread(target=run, name="librdkafka", daemon=True).start()
    try:
        error = ends.get(timeout=timeout_s)
    except Empty:
        raise Overdue from None
    if error is not None:
        raise error
