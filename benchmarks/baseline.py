"""What one would write first: the same join, by the same rules, on plain confluent-kafka, fastavro and RocksDB.

Exactly once like the stage: changelogs, conversions and offsets in one transaction every 100 ms. Each record is
decoded whole by fastavro, each touch is a changelog record and a row of its own, the cyclic collector is on. It has
no dead letters, no rebalances, no restore, no duplicates, no metrics and no quiet partitions: it is good for nothing
but being compared with.
"""

from __future__ import annotations

import json
import signal
import sys
import time
from collections import defaultdict
from datetime import datetime
from decimal import Decimal
from heapq import heappop, heappush
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import Any, cast

import fastavro
import msgspec
from confluent_kafka import Consumer, Message, Producer, TopicPartition
from fastavro.types import Schema
from rocksdict import Options, Rdict, WriteBatch

from benchmarks import usage
from consumer.attribution import conversion, landing, lastclick
from consumer.attribution.channels import ChannelTable
from consumer.attribution.touch import Touch
from consumer.events import Conversion, OrderCompleted, Position, outbox_key
from consumer.settings import Settings, load
from consumer.stream.framing import single_object_prefix
from consumer.stream.schemas import Schemas, shipped_directory
from consumer.wiring.rulebook import rulebook

_COMMIT_S = 0.1
_BATCH = 5_000
_PREFIX_BYTES = 10


class Join:
    """Both topics of all partitions in one process."""

    def __init__(self, settings: Settings) -> None:
        names = settings.topics
        servers = {"bootstrap.servers": settings.kafka.bootstrap_servers}
        self.records = 0
        self.stopped = False
        self._names = names
        self._rules = rulebook(settings).shop
        self._table = ChannelTable(own_domains=self._rules.own_domains)
        self._session_schema = _schema("session.landed")
        self._order_schema = _schema("order.completed")
        self._conversion_schema = _schema("awin.conversion")
        self._prefix = single_object_prefix(Schemas.load().contract("awin.conversion").written.fingerprint)
        self._db = Rdict(str(settings.state.directory), Options(raw_mode=True))
        self._watermarks: dict[int, int] = defaultdict(int)
        self._pending: dict[int, list[tuple[int, int, OrderCompleted]]] = defaultdict(list)
        self._overlay: dict[bytes, bytes] = {}
        self._touches: dict[str, list[Touch]] = defaultdict(list)
        self._offsets: dict[tuple[str, int], int] = {}
        self._consumer = Consumer(
            {
                **servers,
                "group.id": f"{settings.kafka.group}-attribute",
                "isolation.level": "read_committed",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "partition.assignment.strategy": "range",
                "fetch.queue.backoff.ms": 20,
            }
        )
        self._producer = Producer({**servers, "transactional.id": settings.kafka.group, "compression.type": "lz4"})

    def run(self) -> None:
        """Work until `stopped`."""
        self._consumer.subscribe([self._names.session_landed, self._names.order_completed])
        self._producer.init_transactions(30)
        self._producer.begin_transaction()
        committed_s = time.monotonic()
        while not self.stopped:
            first = self._consumer.poll(0.05)
            if first is not None:
                for message in [first, *self._consumer.consume(_BATCH - 1, 0)]:
                    self._take(message)
                self._decide()
            if self._offsets and time.monotonic() - committed_s >= _COMMIT_S:
                self._commit()
                committed_s = time.monotonic()
        self._consumer.close()

    def _take(self, message: Message) -> None:
        if message.error() is not None:
            raise RuntimeError(str(message.error()))
        topic, partition, offset = cast(
            "tuple[str, int, int]", (message.topic(), message.partition(), message.offset())
        )
        body = BytesIO(cast("bytes", message.value())[_PREFIX_BYTES:])
        if topic == self._names.session_landed:
            event = cast("dict[str, Any]", fastavro.schemaless_reader(body, self._session_schema, None))
            self._session(partition, offset, message.timestamp()[1], event)
        else:
            event = cast("dict[str, Any]", fastavro.schemaless_reader(body, self._order_schema, None))
            self._order(partition, offset, event)
        self._offsets[topic, partition] = offset + 1
        self.records += 1

    def _session(self, partition: int, offset: int, timestamp_ms: int, event: dict[str, Any]) -> None:
        landed_at_ms = _milliseconds(event["landed_at"])
        channel, rule, awc, kind, _ = landing.read(event["landing_url"], event["referrer"], self._table)
        watermark = self._watermarks[partition]
        consent = event["consent"]
        touch = Touch(offset, landed_at_ms, watermark, event["session_id"], channel, rule, awc, kind, consent)
        visitor = event["visitor_id"]
        key = f"t/{visitor}/{landed_at_ms:015d}/{offset:015d}".encode()
        value = msgspec.msgpack.encode(touch)
        self._overlay[key] = value
        self._touches[visitor].append(touch)
        self._producer.produce(self._names.touches, value, key, partition)
        self._watermarks[partition] = max(watermark, min(landed_at_ms, timestamp_ms))

    def _order(self, partition: int, offset: int, event: dict[str, Any]) -> None:
        event["completed_at_ms"] = _milliseconds(event.pop("completed_at"))
        order = msgspec.convert(event, OrderCompleted)
        conversion.check(order, self._rules)
        heappush(self._pending[partition], (order.completed_at_ms + self._rules.grace_ms, offset, order))
        self._store(b"p/" + order.order_ref.encode(), msgspec.msgpack.encode(order), partition)

    def _decide(self) -> None:
        for partition, heap in self._pending.items():
            while heap and heap[0][0] <= self._watermarks[partition]:
                _, offset, order = heappop(heap)
                prefix = f"t/{order.visitor_id}/".encode()
                known = list(self._touches.get(str(order.visitor_id), ()))
                for row, value in self._db.items(from_key=prefix):
                    if not cast("bytes", row).startswith(prefix):
                        break
                    known.append(msgspec.msgpack.decode(cast("bytes", value), type=Touch))
                decided = lastclick.decide(order, known, self._rules)
                source = Position(self._names.order_completed, partition, offset)
                record = conversion.build(
                    order, conversion.fingerprint(order), decided, self._rules, source, None, entered_at_ms=0
                )
                key = outbox_key(record.programme, record.order_ref)
                self._producer.produce(self._names.conversion, self._encoded(record), key)
                self._store(
                    b"o/" + order.order_ref.encode(), b",".join(map(str.encode, decided.click_checksums)), partition
                )

    def _encoded(self, record: Conversion) -> bytes:
        fields = msgspec.to_builtins(record, builtin_types=(Decimal, bytes))
        for touch in (fields, *fields["evidence"]):
            for name in [name for name in touch if name.endswith("_at_ms")]:
                touch[name.removesuffix("_ms")] = touch.pop(name)
        body = BytesIO()
        fastavro.schemaless_writer(body, self._conversion_schema, fields)
        return self._prefix + body.getvalue()

    def _store(self, key: bytes, value: bytes, partition: int) -> None:
        self._overlay[key] = value
        self._producer.produce(self._names.orders, value, key, partition)

    def _commit(self) -> None:
        offsets = [TopicPartition(*at, offset) for at, offset in self._offsets.items()]
        self._producer.send_offsets_to_transaction(offsets, self._consumer.consumer_group_metadata(), 30)
        self._producer.commit_transaction(30)
        batch = WriteBatch(raw_mode=True)
        for key, value in self._overlay.items():
            batch.put(key, value)
        self._db.write(batch)
        self._overlay.clear()
        self._touches.clear()
        self._offsets.clear()
        self._producer.begin_transaction()


def main(config: Path) -> None:
    """Run until SIGTERM."""
    join = Join(load(config))

    def stop(_: int, __: FrameType | None) -> None:
        join.stopped = True

    signal.signal(signal.SIGTERM, stop)
    usage.answer(lambda: usage.Usage(usage.own_cpu_s(), usage.own_peak_rss_bytes(), join.records))
    join.run()


def _schema(topic: str) -> Schema:
    file = shipped_directory() / f"{topic}.avsc"
    return fastavro.parse_schema(json.loads(file.read_text(encoding="utf-8")))


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
