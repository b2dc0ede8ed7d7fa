"""Follows a trial from the input topics to its receipt."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, Protocol

from confluent_kafka import murmur2
from msgspec import Struct

from consumer import money
from consumer.delivery.sent import OFFLINE
from consumer.errors import TopicError, Undecodable
from consumer.events import Conversion, DeadLetter, Position, Receipt, outbox_key
from consumer.inspect.topic_reader import Span, TopicReader
from consumer.letters.reasons import advice
from consumer.settings import Topics
from consumer.stream.avro import ConversionDecoder, DeadLetterDecoder, OrderEncoder, ReceiptDecoder, SessionEncoder
from consumer.stream.log import Record, TopicPartition
from consumer.stream.schemas import Schemas
from consumer.trial.making import Trial

STEP_S = 0.5
"""How long to wait before looking again."""

State = Literal["delivered", "shadow", "for_export", "dead_letter", "unlinked", "not_decided", "not_ended"]
Name = Literal["landing", "order", "conversion", "deferred", "receipt", "dead letter"]

_GOOD: frozenset[State] = frozenset({"delivered", "shadow", "for_export"})


class Append(Protocol):
    """Writes one record and waits until it is there."""

    def __call__(self, topic: str, key: bytes, value: bytes, partition: int) -> Position:
        """Return where it stands.

        Raises:
            Unavailable: the broker did not take it.
        """


class Step(Struct, frozen=True, kw_only=True):
    """Something that came about."""

    name: Name
    at: Position
    after_ms: int
    """Since the landing was about to be written."""
    told: str


class Report(Struct, frozen=True, kw_only=True):
    """How it ended. It holds nothing of any person: order, visitor and checksum are made up."""

    ok: bool
    """Whether the order came to its end as it should, with the click's checksum."""
    state: State
    programme: str
    order_ref: str
    visitor_id: str
    steps: tuple[Step, ...]
    advice: str
    """What to do; empty when nothing is."""


class Following:
    """One trial on its way.

    Args:
        reader: where to look.
        append: how to write.
        schemas: of all records.
        topics: their names.
        groups: the consumer groups of attribute and deliver.
        monotonic_s: a clock.
        sleep: waits for so many seconds.
        tell: told each step when it comes about.
    """

    def __init__(
        self,
        reader: TopicReader,
        append: Append,
        schemas: Schemas,
        topics: Topics,
        groups: tuple[str, str],
        *,
        monotonic_s: Callable[[], float],
        sleep: Callable[[float], None],
        tell: Callable[[Step], None] = lambda _: None,
    ) -> None:
        self._reader = reader
        self._append = append
        self._topics = topics
        self._groups = groups
        self._monotonic_s = monotonic_s
        self._sleep = sleep
        self._tell = tell
        self._session, self._order = SessionEncoder(schemas), OrderEncoder(schemas)
        self._conversion, self._receipt = ConversionDecoder(schemas), ReceiptDecoder(schemas)
        self._dead_letter = DeadLetterDecoder(schemas)
        self._begun_s = 0.0
        self._read_to: dict[TopicPartition, int] = {}
        self._steps: list[Step] = []
        self._ours: dict[str, Position] = {}
        self._decided: Conversion | None = None

    def run(self, trial: Trial, timeout_s: float) -> Report:
        """Write the trial and follow it to its end, or until the time is over.

        Raises:
            TopicError: a topic is missing, or the two inputs have different numbers of partitions.
            Unavailable: the broker does not answer.
        """
        partition = self._partition(trial)
        for topic in (self._topics.conversion, self._topics.receipt, self._topics.dead_letter):
            for number, span in self._reader.spans(topic).items():
                self._read_to[TopicPartition(topic, number)] = span.end
        self._begun_s = self._monotonic_s()
        self._write(trial, partition)
        while self._monotonic_s() - self._begun_s < timeout_s:
            report = self._look(trial)
            if report is not None:
                return report
            self._sleep(STEP_S)
        return self._overdue(trial)

    def _partition(self, trial: Trial) -> int:
        sessions, orders = self._topics.session_landed, self._topics.order_completed
        counts = len(self._reader.spans(sessions)), len(self._reader.spans(orders))
        if counts[0] != counts[1]:
            raise TopicError(
                f"{sessions} has {counts[0]} partitions and {orders} {counts[1]}: they need equally many, "
                "or an order does not meet its sessions. See awin-consumer topics check"
            )
        return murmur2(trial.landing.visitor_id.encode(), counts[0])

    def _write(self, trial: Trial, partition: int) -> None:
        key = trial.landing.visitor_id.encode()
        landing = self._append(self._topics.session_landed, key, self._session(trial.landing), partition)
        self._ours["landing"] = landing
        self._step("landing", landing, f"a visit with a click checksum of programme {trial.programme}")
        order = self._append(self._topics.order_completed, key, self._order(trial.order), partition)
        self._ours["order"] = order
        currency = trial.order.currency
        amount = money.written(money.to_minor_units(trial.order.subtotal, currency), currency)
        self._step("order", order, f"{trial.order.order_ref}, {amount} {currency}, marked as a test")

    def _look(self, trial: Trial) -> Report | None:
        """Take what has come since the last look; return the report if that was the end."""
        key = outbox_key(trial.programme, trial.order.order_ref)
        # The last first: so what came before a receipt is there when that is judged.
        receipts = list(self._news(self._topics.receipt, key))
        for record in self._news(self._topics.conversion, key):
            self._take_conversion(trial, record)
        for record in self._news(self._topics.dead_letter):
            letter = self._letter(record)
            if letter is not None and letter.source in self._ours.values():
                self._step("dead letter", _at(record), f"{letter.reason}: {letter.message}")
                return self._report(trial, "dead_letter", advice(letter.stage, letter.reason).do)
        for record in receipts:
            report = self._take_receipt(trial, record, self._receipt(record.value, record.headers))
            if report is not None:
                return report
        return None

    def _news(self, topic: str, key: bytes | None = None) -> Iterator[Record]:
        """Yield what a topic has got since it was looked at last; with a key, what has that."""
        pieces = {}
        for number, span in self._reader.spans(topic).items():
            at = TopicPartition(topic, number)
            pieces[at] = Span(self._read_to.get(at, span.start), span.end)
            self._read_to[at] = max(span.end, pieces[at].start)
        pieces = {at: span for at, span in pieces.items() if span.size}
        yield from self._reader.read(pieces, None if key is None else (key,))

    def _take_conversion(self, trial: Trial, record: Record) -> None:
        if self._decided is not None:
            return  # the same again, from a replay of dead letters
        decided = self._conversion(record.value, record.headers)
        self._decided = decided
        self._ours["conversion"] = _at(record)
        linked = "with the click's checksum" if decided.click_checksums == (trial.awc,) else "WITHOUT its checksum"
        how = "the watermark" if decided.session_cut is None else "force, since the partition is quiet"
        told = f"channel {decided.channel} ({decided.reason}), {linked}, decided by {how}, mode {decided.mode}"
        self._step("conversion", _at(record), told)

    def _take_receipt(self, trial: Trial, record: Record, receipt: Receipt) -> Report | None:
        if receipt.ending == "deferred" and receipt.reason != OFFLINE:
            self._step("deferred", _at(record), f"put off: {receipt.reason}")
            return None
        if receipt.ending == "dead_letter":  # though its letter cannot be read
            self._step("receipt", _at(record), f"dead letter, {receipt.reason}{_answer(receipt)}")
            return self._report(trial, "dead_letter", advice("deliver", receipt.reason).do)
        self._step("receipt", _at(record), _ended(receipt))
        state: State = "shadow" if receipt.ending == "shadow" else "delivered"
        if receipt.ending in {"deferred", "exported"}:
            state = "for_export"
        if self._decided is None or self._decided.click_checksums != (trial.awc,):
            see = f"awin-consumer explain {trial.order.order_ref} tells what became of the landing"
            return self._report(trial, "unlinked", f"the order was reported without its click: {see}")
        return self._report(trial, state, "")

    def _letter(self, record: Record) -> DeadLetter | None:
        try:
            return self._dead_letter(record.value, record.headers)
        except Undecodable:
            return None  # a newer release's, not ours

    def _overdue(self, trial: Trial) -> Report:
        see = f"awin-consumer explain {trial.order.order_ref}"
        if self._decided is None:
            left = self._left(self._groups[0], self._ours["order"])
            do = left or f"the attribute stage has read the order and not decided it: {see} tells what it waits for"
            return self._report(trial, "not_decided", do)
        left = self._left(self._groups[1], self._ours["conversion"])
        do = left or (
            f"the deliver stage has it in hand or has put it off: {see}, awin-consumer programmes list, "
            "and awin_attempt_failures_total tell why"
        )
        return self._report(trial, "not_ended", do)

    def _left(self, group: str, at: Position) -> str:
        """Say how far a stage is from a record; nothing when it has passed it, or holds it."""
        committed = self._reader.committed(group, at.topic).get(at.partition)
        if committed is None:
            return (
                f"the group {group} has no position in {at.topic}[{at.partition}]: is awin-consumer run at work, "
                "with the same brokers, kafka.group and topics?"
            )
        if committed.offset > at.offset or at.topic == self._topics.conversion:
            return ""  # deliver's position also stays before what it has in hand
        return (
            f"the group {group} stands at offset {committed.offset:,} of {at.topic}[{at.partition}], before the "
            "record: it is behind or standing; see /readyz and awin_lag_records"
        )

    def _step(self, name: Name, at: Position, told: str) -> None:
        after_ms = round((self._monotonic_s() - self._begun_s) * 1000)
        step = Step(name=name, at=at, after_ms=after_ms, told=told)
        self._steps.append(step)
        self._tell(step)

    def _report(self, trial: Trial, state: State, do: str) -> Report:
        return Report(
            ok=state in _GOOD,
            state=state,
            programme=trial.programme,
            order_ref=trial.order.order_ref,
            visitor_id=trial.landing.visitor_id,
            steps=tuple(self._steps),
            advice=do,
        )


def _at(record: Record) -> Position:
    return Position(record.topic, record.partition, record.offset)


def _ended(receipt: Receipt) -> str:
    if receipt.ending == "shadow":
        return "decided in shadow mode: nothing was sent"
    if receipt.ending == "deferred":
        return "left to awin-consumer export-offline, which marks it as a test"
    if receipt.ending == "exported":
        return f"written to the file {receipt.excerpt}"
    return f"Awin has received it as a test, after {receipt.attempts} attempts{_answer(receipt)}"


def _answer(receipt: Receipt) -> str:
    return "" if receipt.http_status is None else f", HTTP {receipt.http_status}"
