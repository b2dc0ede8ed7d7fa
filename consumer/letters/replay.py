"""Appending the records of dead letters again, each exactly once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from msgspec import Struct
from msgspec.structs import replace

from consumer import dead_letter
from consumer.errors import Fenced, RecordTooLarge
from consumer.events import DeadLetter, Position
from consumer.inspect.progress import Progress, Unseen, read_pieces
from consumer.inspect.receipts import NewestReceipts
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.letters.asked import Asked
from consumer.letters.book import Letter, LetterBook
from consumer.letters.judgement import DONE, Decisions, Judgement, Limits, target
from consumer.replay_header import REPLAY_HEADER, Replay, header
from consumer.settings import Topics
from consumer.stream.avro import DeadLetterDecoder, DeadLetterEncoder
from consumer.stream.log import LoneWriter, Record
from consumer.stream.schemas import Schemas


class Batch(Struct, frozen=True, kw_only=True):
    """How much goes into one transaction: so little that it takes well under a second, for which readers wait."""

    records: int = 1_000
    value_bytes: int = 16 << 20


class Judged(Struct, frozen=True, kw_only=True):
    """What becomes, or became, of the letters that were asked for."""

    replayed: dict[str, int]
    """By reason."""
    refused: dict[str, int]
    """By `consumer.letters.judgement.REFUSED`."""
    notes: dict[str, int]
    """Of those replayed, by `consumer.letters.judgement.NOTES`."""

    @property
    def is_complete(self) -> bool:
        """Whether nothing is left to be done: no letter needs a decision, can never be replayed, or was refused alone.

        What was replayed before, or dealt with otherwise, matters only when there was nothing else.
        """
        return self.refused.keys() <= DONE and bool(self.replayed or not self.refused)


class Replays:
    """Replays what is asked for: first `plan`, which changes nothing, then `run`.

    Args:
        reader: where to read.
        open_writer: opens the writer, which fences that of any earlier replay or export.
        schemas: how our records are written.
        topics: their names.
        asked: which letters.
        decisions: what a person has decided about them.
        limits: how old things may be.
        now_ms: the wall clock.
        progress: told of the reading.
        batch: how much goes into one transaction.
    """

    def __init__(
        self,
        reader: TopicReader,
        open_writer: Callable[[], LoneWriter],
        schemas: Schemas,
        topics: Topics,
        asked: Asked,
        decisions: Decisions,
        limits: Limits,
        *,
        now_ms: Callable[[], int],
        progress: Progress | None = None,
        batch: Batch | None = None,
    ) -> None:
        self._reader = reader
        self._open_writer = open_writer
        self._schemas = schemas
        self._topics = topics
        self._asked = asked
        self._decisions = decisions
        self._limits = limits
        self._now_ms = now_ms
        self._progress = progress or Unseen()
        self._batch = batch or Batch()
        self._decode = DeadLetterDecoder(schemas)
        self._encode = DeadLetterEncoder(schemas)
        self._book = LetterBook(reader, schemas, topics.dead_letter, asked, self._progress)
        self._receipts = NewestReceipts(reader, schemas, topics.receipt, (), self._progress)
        self._judgement = Judgement(topics, {}, asked.reasons, decisions, limits)

    def plan(self) -> Judged:
        """Read what there is, and say what `run` would do.

        Raises:
            KafkaError: the topics cannot be read.
        """
        self._book.read()
        letters = self._book.letters.values()
        keys = {letter.order_key for letter in letters if letter.order_key is not None}
        self._receipts = NewestReceipts(self._reader, self._schemas, self._topics.receipt, keys, self._progress)
        self._receipts.read()
        self._judgement = Judgement(
            self._topics, self._partitions(), self._asked.reasons, self._decisions, self._limits
        )
        return self._judged()[1]

    def run(self) -> Judged:
        """Replay the letters that were planned, but for those that something has become of since.

        What an error leaves undone is done by another run; what was done is not done again.

        Raises:
            Fenced: another replay or an export has begun meanwhile, or the outcome of a commit is not known.
            KafkaError: the topics cannot be read or written.
        """
        try:
            return self._run()
        except Fenced as error:
            raise Fenced(
                "another replay or an export has begun meanwhile, or it is not known whether the last records were "
                f"committed. Run this again: it replays only what was not replayed ({error})"
            ) from error

    def _run(self) -> Judged:
        # From here on nobody else replays or exports, so what notes and receipts say holds until we write.
        writer = self._open_writer()
        self._book.catch_up()
        self._receipts.read()
        chosen, judged = self._judged()
        refused = self._append(writer, chosen)
        replayed = Counter(judged.replayed)
        replayed.subtract(chosen[at].reason for at in refused)
        return replace(
            judged,
            replayed={reason: count for reason, count in replayed.items() if count},
            refused=dict(sorted((Counter(judged.refused) + Counter(refused.values())).items())),
        )

    def _judged(self) -> tuple[dict[Position, Letter], Judged]:
        chosen: dict[Position, Letter] = {}
        refused: Counter[str] = Counter()
        notes: Counter[str] = Counter()
        now_ms = self._now_ms()
        for at, letter in self._book.letters.items():
            receipt = self._receipts.of(letter.order_key)
            refusal = self._judgement.refusal(letter, self._book.fate(at), receipt, now_ms)
            if refusal:
                refused[refusal] += 1
            else:
                chosen[at] = letter
                notes.update(self._judgement.notes(letter, receipt, now_ms))
        replayed = Counter(letter.reason for letter in chosen.values())
        return chosen, Judged(
            replayed=dict(replayed.most_common()), refused=dict(sorted(refused.items())), notes=dict(notes)
        )

    def _append(self, writer: LoneWriter, chosen: dict[Position, Letter]) -> dict[Position, str]:
        """Append the records of these letters, with the notes that say so; return which not, and why."""
        left = set(chosen)
        refused: dict[Position, str] = {}
        records = value_bytes = 0
        for record in read_pieces(self._reader, self._topics.dead_letter, _spans(left), self._progress):
            at = Position(record.topic, record.partition, record.offset)
            if at not in left:
                continue
            left.remove(at)
            letter = self._decode(record.value, record.headers)
            try:
                writer.send_record(self._again(letter, at))
            except RecordTooLarge:
                refused[at] = "too_large"
                continue
            note = self._encode(dead_letter.of_replay(letter, at, self._now_ms()))
            writer.send(self._topics.dead_letter, record.key, note, record.partition)
            records += 1
            value_bytes += len(letter.value or b"")
            if records >= self._batch.records or value_bytes >= self._batch.value_bytes:
                writer.commit_alone()
                records = value_bytes = 0
        if records:
            writer.commit_alone()
        return refused | dict.fromkeys(left, "gone")

    def _again(self, letter: DeadLetter, at: Position) -> Record:
        """Return a letter's record as it was, with the header that says where it comes from."""
        record = dead_letter.original(letter)
        to = target(letter.source, self._topics) or letter.source
        replay = Replay(letter=at, source=letter.source, send_too_old=self._decisions.send_too_old)
        others = (each for each in record.headers if each[0] != REPLAY_HEADER)
        return replace(record, topic=to.topic, headers=(*others, header(replay)))

    def _partitions(self) -> dict[str, int]:
        """Return how many partitions the topics have where records would go."""
        targets = (target(letter.source, self._topics) for letter in self._book.letters.values())
        return {topic: len(self._reader.spans(topic)) for topic in {to.topic for to in targets if to is not None}}


def _spans(places: set[Position]) -> dict[int, Span]:
    """Return the pieces of the dead-letter topic in which these places are."""
    offsets: dict[int, list[int]] = {}
    for at in places:
        offsets.setdefault(at.partition, []).append(at.offset)
    return {number: Span(min(mine), max(mine) + 1) for number, mine in offsets.items()}
