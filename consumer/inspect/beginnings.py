"""Where a partition begins: what is left of it, and from where on its orders are ours."""

from __future__ import annotations

from contextlib import closing

from consumer.inspect.topic_reader import Span, TopicReader
from consumer.replay_header import replay_in
from consumer.state import orders
from consumer.state.orders import Ledger
from consumer.stream.log import Record, TopicPartition

_LEDGER_WITHIN = 5_000


def first_record(reader: TopicReader, at: TopicPartition, span: Span) -> Record | None:
    """Return the first record of a piece that is no replay, ``None`` when there is none.

    A replayed record may have a time long before that of its neighbours.
    """
    with closing(reader.read({at: span})) as records:
        return next((record for record in records if replay_in(record.headers) is None), None)


def ledger(reader: TopicReader, at: TopicPartition, span: Span) -> Ledger | None:
    """Return a ledger of a partition of the orders' changelog; ``None`` when the partition was never worked on.

    Every commit has one, and all say the same facts; the counts may be out of date.
    """
    for piece in (span.newest(_LEDGER_WITHIN), span):
        with closing(reader.read({at: piece}, {orders.LEDGER_KEY})) as records:
            value = next((record.value for record in records if record.value is not None), None)
            if value is not None:
                return orders.decode_ledger(value)
    return None
