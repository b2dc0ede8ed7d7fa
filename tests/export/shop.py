"""Topics on an in-memory log as deliver leaves them, and exports from them that may die at any step."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import date
from io import StringIO
from itertools import count
from random import Random

from msgspec.structs import replace

from consumer import dead_letter
from consumer.awin.offline import Layout
from consumer.delivery.endings import Endings
from consumer.delivery.outstanding import Outstanding
from consumer.errors import Reject
from consumer.events import Conversion, Receipt
from consumer.export.outcome import Outcome
from consumer.export.ports import Folder
from consumer.export.run import Export, run_name
from consumer.export.selection import Selection
from consumer.settings import Topics
from consumer.stream.avro import DeadLetterDecoder
from consumer.stream.log import LoneWriter, Record, TopicPartition
from consumer.stream.memory import MemoryLog, MemoryTransaction
from tests.delivery.conversions import T0_MS, codecs, encoded, in_hand, key_of, sale, schemas
from tests.export.memory_folder import Dying, DyingFolder, MemoryFolder
from tests.inspect.log_reader import LogReader

NAMES = Topics()
PARTITIONS = 2
WRITER = "group-operator"
EVERYTHING = Selection(first=date(2000, 1, 1), last=date(2099, 12, 31))
HOUR_MS = 3_600_000


def offline_sale(order_ref: str, *, at_ms: int = T0_MS, programme: str = "1001") -> Conversion:
    """Return a conversion of a programme whose method is ``offline``."""
    return replace(sale(order_ref, at_ms=at_ms), method="offline", programme=programme)


class Shop:
    """The topics of the outbox, and what is written to them."""

    def __init__(self, names: Topics = NAMES) -> None:
        self.names = names
        self.log = MemoryLog({names.conversion: PARTITIONS, names.receipt: PARTITIONS, names.dead_letter: 1})
        self.now_ms = T0_MS + 48 * HOUR_MS
        self._tokens = count()
        self._endings = Endings(codecs(), 1_000_000, lambda: self.now_ms)

    def leave(self, *conversions: Conversion) -> None:
        """Append conversions of method ``offline``, and deliver's receipts for them."""
        for conversion in conversions:
            item = self._outstanding(conversion)
            self.receipt(item.record.partition, item.key, self._endings.left_for_export(item).receipt)

    def put_aside(self, conversion: Conversion, reason: str = "too_old", *, truncated: bool = False) -> None:
        """Append a conversion, and deliver's receipt and dead letter of it."""
        item = self._outstanding(conversion)
        ended = self._endings.rejected(item, Reject(reason, "", "see above"))
        self.receipt(item.record.partition, item.key, ended.receipt)
        letter = ended.dead_letter or b""
        if truncated:
            whole = DeadLetterDecoder(schemas())(letter)
            letter = codecs().write_dead_letter(dead_letter.cut(whole, 20))
        self.log.produce(self.names.dead_letter, ended.dead_letter_key, letter)

    def deliver(self, conversion: Conversion) -> None:
        """Append a conversion, and the receipt that says that Awin has it."""
        item = self._outstanding(conversion)
        self.receipt(item.record.partition, item.key, self._endings.delivered(item).receipt)

    def receipt(self, partition: int, key: bytes, value: bytes | None) -> None:
        """Append a receipt."""
        self.log.produce(self.names.receipt, key, value, partition)

    def receipts(self) -> dict[str, Receipt]:
        """Return the newest receipt of each order."""
        return {receipt.order_ref: receipt for receipt in self._all_receipts()}

    def exported(self) -> Counter[str]:
        """Return how many receipts of each order, old ones included, say that it is exported."""
        return Counter(receipt.order_ref for receipt in self._all_receipts() if receipt.ending == "exported")

    def export(
        self,
        folder: MemoryFolder,
        selection: Selection = EVERYTHING,
        *,
        layout: Layout | None = None,
        dying: Dying | None = None,
        random: Random | None = None,
        receipts_per_transaction: int = 3,
    ) -> Outcome:
        """Run an export. One that dies leaves its transaction as it is."""
        chosen: Folder = folder if dying is None else DyingFolder(folder, dying, random or Random(0))
        return Export(
            LogReader(self.log),
            self._writers(dying),
            chosen,
            schemas(),
            self.names,
            layout or Layout(),
            run=run_name(self.now_ms, f"{next(self._tokens):06x}"),
            now_ms=lambda: self.now_ms,
            receipts_per_transaction=receipts_per_transaction,
        ).run(selection)

    def _all_receipts(self) -> Iterator[Receipt]:
        for at in self.log.partitions(self.names.receipt):
            for record in self.log.records(*at):
                if record.value is not None:
                    yield codecs().read_receipt(record.value, ())

    def _writers(self, dying: Dying | None) -> Callable[[], LoneWriter]:
        def open_writer() -> LoneWriter:
            writer = MemoryTransaction(self.log, WRITER)
            return writer if dying is None else DyingWriter(writer, dying)

        return open_writer

    def _outstanding(self, conversion: Conversion) -> Outstanding:
        record = self.log.produce(self.names.conversion, key_of(conversion), encoded(conversion))
        return in_hand(record, conversion)


class DyingWriter:
    """A writer of which every send and every commit is a step before and after."""

    def __init__(self, writer: MemoryTransaction, dying: Dying) -> None:
        self._writer = writer
        self._dying = dying

    def send(self, topic: str, key: bytes | None, value: bytes | None, partition: int | None = None) -> None:
        self._dying.step()
        self._writer.send(topic, key, value, partition)

    def send_record(self, record: Record) -> None:
        self._dying.step()
        self._writer.send_record(record)

    def commit_alone(self) -> dict[TopicPartition, int]:
        self._dying.step()
        ends = self._writer.commit_alone()
        self._dying.step()
        return dict(ends)


def rows(content: bytes, delimiter: str = ",") -> list[dict[str, str]]:
    """Return a file's rows as an independent reader has them."""
    return list(csv.DictReader(StringIO(content.decode(), newline=""), delimiter=delimiter))


def order_refs(files: Iterable[bytes]) -> Counter[str]:
    """Return how many rows of these files each order has."""
    return Counter(row["order_ref"] for content in files for row in rows(content))
