"""Receipts read back."""

from __future__ import annotations

from collections.abc import Collection

from confluent_kafka import murmur2

from consumer.errors import TopicError, Undecodable
from consumer.events import Receipt
from consumer.inspect.progress import Progress, read_pieces
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.stream.avro import ReceiptDecoder
from consumer.stream.log import Record
from consumer.stream.schemas import Schemas


def receipt_in(record: Record, decode: ReceiptDecoder) -> Receipt | None:
    """Return the receipt in a record; ``None``: it deletes that of its key.

    Raises:
        TopicError: it cannot be decoded.
    """
    if record.value is None:
        return None
    try:
        return decode(record.value, record.headers)
    except Undecodable as error:
        raise TopicError(
            f"{record.topic}[{record.partition}]@{record.offset}: {error.message}. Without this receipt it cannot be "
            "told what became of its order; did a newer release write it?"
        ) from error


class NewestReceipts:
    """The newest receipts of some orders.

    Args:
        reader: where to read.
        schemas: how receipts are written.
        topic: theirs.
        keys: of the orders (`consumer.events.outbox_key`).
        progress: told of the reading.
    """

    def __init__(
        self, reader: TopicReader, schemas: Schemas, topic: str, keys: Collection[bytes], progress: Progress
    ) -> None:
        self._reader = reader
        self._decode = ReceiptDecoder(schemas)
        self._topic = topic
        self._keys = frozenset(keys)
        self._progress = progress
        self._read_to: dict[int, int] = {}
        self._found: dict[bytes, Receipt] = {}

    def read(self) -> None:
        """Take what was not there at the last call.

        Raises:
            KafkaError: the topic cannot be read, or a receipt in it.
        """
        if not self._keys:
            return
        spans = self._reader.spans(self._topic)
        numbers = {murmur2(key, len(spans)) for key in self._keys}
        new = {
            number: Span(max(span.start, self._read_to.get(number, 0)), span.end)
            for number, span in spans.items()
            if number in numbers
        }
        for record in read_pieces(self._reader, self._topic, new, self._progress, self._keys):
            key, receipt = record.key or b"", receipt_in(record, self._decode)
            self._found.pop(key, None)
            if receipt is not None:
                self._found[key] = receipt
        self._read_to = {number: span.end for number, span in new.items()}

    def of(self, key: bytes | None) -> Receipt | None:
        """Return an order's newest receipt."""
        return None if key is None else self._found.get(key)
