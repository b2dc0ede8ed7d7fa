"""A replay that kills itself, as `kill -9` would, in its second transaction; run by ``test_letters``.

Its argument is the configuration. Everything is as in `awin-consumer dead-letters replay --all`, but that a transaction
has five records.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from consumer import settings
from consumer.letters.asked import Asked
from consumer.letters.judgement import Decisions, Limits
from consumer.letters.replay import Batch, Replays
from consumer.stream.log import Record, TopicPartition
from consumer.stream.schemas import Schemas
from consumer.stream.transaction import KafkaTransaction
from consumer.wiring.attribute import now_ms
from consumer.wiring.operator import open_reader, writer_of


class KilledInTheSecond:
    """A writer whose second commit is never asked for, though its records are there."""

    def __init__(self, writer: KafkaTransaction) -> None:
        self._writer = writer
        self._commits = 0

    def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        """Send."""
        self._writer.send(topic, key, value, partition)

    def send_record(self, record: Record) -> None:
        """Send."""
        self._writer.send_record(record)

    def commit_alone(self) -> Mapping[TopicPartition, int]:
        """Commit, or die."""
        self._commits += 1
        if self._commits == 2:
            self._writer._flush(self._writer._begun())
            os.kill(os.getpid(), signal.SIGKILL)
        return self._writer.commit_alone()


if __name__ == "__main__":
    chosen = settings.load(Path(sys.argv[1]))
    with ExitStack() as stack:
        open_writer = writer_of(chosen, stack)
        replays = Replays(
            open_reader(chosen),
            lambda: KilledInTheSecond(open_writer()),
            Schemas.load(),
            chosen.topics,
            Asked(),
            Decisions(send_too_old=True),
            Limits(max_age_ms=1, max_order_delay_ms=1),
            now_ms=now_ms,
            batch=Batch(records=5),
        )
        replays.plan()
        replays.run()
