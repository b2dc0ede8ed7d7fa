"""What was ordered of programmes, for people."""

from __future__ import annotations

from consumer.errors import TopicError, Undecodable
from consumer.events import Control
from consumer.inspect.topic_reader import TopicReader
from consumer.stream.avro import ControlDecoder
from consumer.stream.log import TopicPartition
from consumer.stream.schemas import Schemas


def orders(reader: TopicReader, topic: str, schemas: Schemas) -> dict[str, Control]:
    """Return the newest order of each programme that has one.

    Raises:
        TopicError: the topic is missing, or holds a record that cannot be read.
        Unavailable: no answer in time.
    """
    decode = ControlDecoder(schemas)
    found: dict[str, Control] = {}
    spans = {TopicPartition(topic, number): span for number, span in reader.spans(topic).items()}
    for record in reader.read(spans):
        programme = (record.key or b"").decode("utf-8", "replace")
        if record.value is None:
            found.pop(programme, None)
            continue
        try:
            found[programme] = decode(record.value, record.headers)
        except Undecodable as error:
            raise TopicError(f"{topic}[{record.partition}]@{record.offset}: {error.message}") from error
    return found
