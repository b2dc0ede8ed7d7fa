"""One run of the export, from the receipts to the files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from msgspec.structs import replace

from consumer.awin import offline
from consumer.awin.offline import Layout
from consumer.errors import Fenced
from consumer.events import Receipt
from consumer.export import publication
from consumer.export.outcome import ExportedFile, Outcome
from consumer.export.ports import Folder
from consumer.export.publication import Line, Manifest
from consumer.export.rows import Rows, Sale
from consumer.export.selection import ReceiptBook, Selection
from consumer.inspect.originals import Originals
from consumer.inspect.progress import Named
from consumer.inspect.receipts import receipt_in
from consumer.inspect.topic_reader import TopicReader
from consumer.settings import Topics
from consumer.stream.avro import ConversionDecoder, ReceiptDecoder, ReceiptEncoder
from consumer.stream.log import LoneWriter, TopicPartition
from consumer.stream.schemas import Schemas

RECEIPTS_PER_TRANSACTION = 5_000
"""So that a transaction takes well under a second: readers of the receipts wait for its end."""


class Export:
    """Hands over by file what waits for it.

    Args:
        reader: where to read.
        open_writer: opens the writer of receipts, which fences that of any earlier export, and of a replay.
        folder: where the files go.
        schemas: how our records are written.
        topics: their names.
        layout: what a file looks like.
        run: a part of its files' names that no other run has (`run_name`).
        now_ms: the wall clock.
        progress: told what is being done.
        receipts_per_transaction: how many at most.
    """

    def __init__(
        self,
        reader: TopicReader,
        open_writer: Callable[[], LoneWriter],
        folder: Folder,
        schemas: Schemas,
        topics: Topics,
        layout: Layout,
        *,
        run: str,
        now_ms: Callable[[], int],
        progress: Callable[[str], None] = lambda _: None,
        receipts_per_transaction: int = RECEIPTS_PER_TRANSACTION,
    ) -> None:
        self._reader = reader
        self._open_writer = open_writer
        self._folder = folder
        self._topics = topics
        self._layout = layout
        self._run = run
        self._now_ms = now_ms
        self._progress = progress
        self._receipts_per_transaction = receipts_per_transaction
        self._originals = Originals(reader, schemas, topics, Named(progress))
        self._read_receipt = ReceiptDecoder(schemas)
        self._write_receipt = ReceiptEncoder(schemas)
        self._read_conversion = ConversionDecoder(schemas)

    def run(self, selection: Selection) -> Outcome:
        """Finish what an earlier run was interrupted in, then export what is asked for and waits.

        What an error leaves undone, the next run into the same folder makes good.

        Raises:
            Fenced: another export, or a replay, has begun meanwhile, or the outcome of a commit is not known.
            KafkaError: topics cannot be read or written.
            OutputError: the folder cannot be written to, or an interrupted file needs a person to look at it.
        """
        try:
            return self._all(selection)
        except Fenced as error:
            raise Fenced(
                "another export or a replay has begun meanwhile, or it is not known whether the last receipts were "
                f"committed. Run this again with the same folder, which settles it ({error})"
            ) from error

    def _all(self, selection: Selection) -> Outcome:
        # From here on nobody else exports, so what the receipts say of waiting orders holds until we write.
        writer = self._open_writer()
        interrupted = publication.unfinished(self._folder)
        watched = frozenset(line.key.encode() for manifest in interrupted for line in manifest.lines)
        book = self._receipts(selection, watched)
        finished = [self._finish(manifest, book) for manifest in interrupted]
        files = [each for each in finished if each is not None]
        rows = self._rows(book)
        for (programme, day), sales in sorted(rows.sales.items()):
            files.append(self._export(writer, programme, day, sorted(sales)))
        self._folder.sync()
        skipped: Counter[str] = book.skipped() + rows.skipped
        return Outcome(
            files=tuple(files), skipped=dict(sorted(skipped.items())), notes=dict(sorted(rows.notes.items()))
        )

    def _receipts(self, selection: Selection, watched: frozenset[bytes]) -> ReceiptBook:
        book, topic = ReceiptBook(selection, watched), self._topics.receipt
        for number, span in sorted(self._reader.spans(topic).items()):
            self._progress(f"{topic} [{number}]")
            for record in self._reader.read({TopicPartition(topic, number): span}):
                if record.key is not None:
                    book.take(record.key, number, receipt_in(record, self._read_receipt))
        return book

    def _finish(self, manifest: Manifest, book: ReceiptBook) -> ExportedFile | None:
        """Make good what was interrupted; ``None`` when nothing of it had been committed."""

        def committed(key: str) -> bool | None:
            file = book.file_of(key.encode())
            return None if file is None else file == manifest.file

        lines = publication.settle(self._folder, manifest, committed)
        return _file(manifest, len(lines), interrupted=True) if lines else None

    def _rows(self, book: ReceiptBook) -> Rows:
        rows = Rows(self._read_conversion, self._layout, self._now_ms())
        left = dict(book.waiting)
        receipts = {key: waiting.receipt for key, waiting in left.items()}
        for key in self._originals.replayed(receipts):
            rows.skipped["replayed"] += 1
            del left[key], receipts[key]
        for key, value, headers in self._originals.of(receipts):
            rows.add(key, left.pop(key), value, headers)
        rows.skipped["expired"] += len(left)
        return rows

    def _export(self, writer: LoneWriter, programme: str, day: str, sales: Sequence[Sale]) -> ExportedFile:
        """Make one file; see `consumer.export.publication` for why in this order."""
        manifest = Manifest(
            file=f"awin-{programme}-{day}-{self._run}.csv",
            programme=programme,
            day=day,
            head=offline.head(self._layout),
            lines=tuple(Line(sale.key.decode(), sale.text) for sale in sales),
        )
        self._progress(manifest.file)
        publication.prepare(self._folder, manifest)
        for start in range(0, len(sales), self._receipts_per_transaction):
            for sale in sales[start : start + self._receipts_per_transaction]:
                receipt = self._write_receipt(self._exported(sale.waiting.receipt, manifest.file))
                writer.send(self._topics.receipt, sale.key, receipt, sale.waiting.partition)
            writer.commit_alone()
        publication.publish(self._folder, manifest.file)
        return _file(manifest, len(sales), interrupted=False)

    def _exported(self, known: Receipt, file: str) -> Receipt:
        return replace(known, ending="exported", excerpt=file, finished_at_ms=self._now_ms())


def run_name(now_ms: int, token: str) -> str:
    """Return a run's part of file names: when it began, UTC, and a token, should two begin in the same second."""
    return f"{datetime.fromtimestamp(now_ms // 1000, UTC):%Y%m%dT%H%M%SZ}-{token}"


def _file(manifest: Manifest, orders: int, *, interrupted: bool) -> ExportedFile:
    return ExportedFile(
        name=manifest.file, programme=manifest.programme, day=manifest.day, orders=orders, interrupted=interrupted
    )
