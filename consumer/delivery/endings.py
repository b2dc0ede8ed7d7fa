"""What is written when a conversion ends: its receipt, its dead letter, or both. Pure but for the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from consumer import dead_letter
from consumer.delivery import deferral
from consumer.delivery.deferral import Deferral, Why
from consumer.delivery.metrics import Sale
from consumer.delivery.outstanding import Finished, Outstanding
from consumer.delivery.sent import OFFLINE
from consumer.errors import Reject
from consumer.events import Conversion, DeadLetter, Ending, Position, Receipt
from consumer.stream.log import Record

Headers = Sequence[tuple[str, bytes | None]]


class Codecs(Struct, frozen=True):
    """How the values of our topics are read and written; readers raise `Undecodable`."""

    read_conversion: Callable[[bytes | None, Headers], Conversion]
    read_receipt: Callable[[bytes | None, Headers], Receipt]
    write_receipt: Callable[[Receipt], bytes]
    write_dead_letter: Callable[[DeadLetter], bytes]


class Endings:
    """Makes the records of each kind of ending.

    Args:
        codecs: how they are written.
        max_message_bytes: largest record that can be written. Original bytes up to half of it are kept whole in a dead
            letter, of others the first 64 KB.
        now_ms: the wall clock.
    """

    def __init__(self, codecs: Codecs, max_message_bytes: int, now_ms: Callable[[], int]) -> None:
        self._codecs = codecs
        self._max_value_bytes = max_message_bytes // 2
        self._now_ms = now_ms

    def delivered(self, item: Outstanding) -> Finished:
        """Awin answered 2xx."""
        now_ms = self._now_ms()
        return Finished(
            offset=item.record.offset,
            ending="delivered",
            attempted=True,
            key=item.key,
            programme=item.conversion.programme,
            receipt=self._written(item, "delivered", now_ms),
            possible_repeat=item.suspect,
            left_out=_left_out(item),
            sale=_sale(item, now_ms),
        )

    def shadow(self, item: Outstanding) -> Finished:
        """The conversion's mode says that it is never sent."""
        return Finished(
            offset=item.record.offset,
            ending="shadow",
            key=item.key,
            programme=item.conversion.programme,
            receipt=self._written(item, "shadow", self._now_ms()),
        )

    def left_for_export(self, item: Outstanding) -> Finished:
        """The programme's method is ``offline``: the receipt says that the order waits for `export-offline`.

        It settles which conversion of the order that is, so repeats and conflicts are told here as for any other.
        """
        return Finished(
            offset=item.record.offset,
            ending="for_export",
            key=item.key,
            programme=item.conversion.programme,
            receipt=self._written(item, "deferred", self._now_ms(), OFFLINE),
        )

    def rejected(self, item: Outstanding, rejection: Reject) -> Finished:
        """The conversion cannot be delivered: a receipt that says so and a dead letter."""
        now_ms = self._now_ms()
        return Finished(
            offset=item.record.offset,
            ending="dead_letter",
            reason=rejection.reason,
            attempted=item.attempts > 0 or item.suspect,
            key=item.key,
            programme=item.conversion.programme,
            possible_repeat=item.suspect,
            left_out=_left_out(item),
            receipt=self._written(item, "dead_letter", now_ms, rejection.reason),
            dead_letter_key=item.record.key,
            dead_letter=self._dead_letter(item.record, item.at, rejection, now_ms, item.conversion),
        )

    def deferred(self, item: Outstanding, why: Why) -> Finished:
        """The conversion will be tried later: it goes to the deferred ones, and its receipt says so."""
        receipt = self._receipt(item, "deferred", self._now_ms(), why, deferrals=item.deferrals + 1)
        put_off = Deferral(
            source=item.at,
            number=receipt.deferrals,
            why=why,
            attempts=receipt.attempts,
            unknown_attempts=receipt.unknown_attempts,
            first_attempt_at_ms=receipt.first_attempt_at_ms,
            written_at_ms=item.written_at_ms,
            suspect=item.suspect or receipt.possible_repeat,
            counted=item.trial.counted,
        )
        return Finished(
            offset=item.record.offset,
            ending="deferred",
            reason=why,
            attempted=item.in_doubt or item.suspect,
            key=item.key,
            programme=item.conversion.programme,
            entered_at_ms=item.conversion.entered_at_ms,
            receipt=self._codecs.write_receipt(receipt),
            deferred=item.record.value,
            deferred_headers=(*deferral.others(item.record.headers), *deferral.header(put_off)),
        )

    def repeat(self, item: Outstanding, known: Receipt) -> Finished:
        """A later conversion says the same: the first one's receipt, with one more repeat."""
        return Finished(
            offset=item.record.offset,
            ending="repeat",
            in_order=True,
            key=item.key,
            programme=item.conversion.programme,
            receipt=self._codecs.write_receipt(replace(known, repeats=known.repeats + 1)),
        )

    def silent_repeat(self, item: Outstanding) -> Finished:
        """As `repeat`, where the receipt may be the export's by now: nothing is written, only counted."""
        programme = item.conversion.programme
        return Finished(
            offset=item.record.offset, ending="silent_repeat", in_order=True, key=item.key, programme=programme
        )

    def conflict(self, item: Outstanding, known: Receipt) -> Finished:
        """A later conversion says something else about the same order: a dead letter, the receipt stays."""
        rejection = Reject(
            "conflict",
            "",
            f"the order was dealt with at {known.source.topic}[{known.source.partition}]@{known.source.offset}, "
            "where it had another amount, currency or other lines; see which of the two is right",
        )
        return Finished(
            offset=item.record.offset,
            ending="dead_letter",
            reason=rejection.reason,
            in_order=True,
            key=item.key,
            programme=item.conversion.programme,
            dead_letter_key=item.record.key,
            dead_letter=self._dead_letter(item.record, item.at, rejection, self._now_ms(), item.conversion),
        )

    def undecodable(self, record: Record, rejection: Reject) -> Finished:
        """The record is no conversion that we can read: a dead letter under its own key, no receipt."""
        return Finished(
            offset=record.offset,
            ending="dead_letter",
            reason="undecodable",
            in_order=True,
            dead_letter_key=record.key,
            dead_letter=self._dead_letter(
                record,
                Position(record.topic, record.partition, record.offset),
                Reject("undecodable", rejection.field, rejection.message),
                self._now_ms(),
                None,
            ),
        )

    def known(self, item: Outstanding) -> Finished:
        """This very record was finished before, by an owner who died before its offset could be committed."""
        return Finished(offset=item.record.offset, ending="known", key=item.key)

    def _written(self, item: Outstanding, ending: Ending, now_ms: int, reason: str = "") -> bytes:
        return self._codecs.write_receipt(self._receipt(item, ending, now_ms, reason))

    def _receipt(
        self, item: Outstanding, ending: Ending, now_ms: int, reason: str = "", deferrals: int | None = None
    ) -> Receipt:
        conversion, answer, before = item.conversion, item.answer, item.superseded
        receipt = Receipt(
            programme=conversion.programme,
            order_ref=conversion.order_ref,
            ending=ending,
            mode=conversion.mode,
            attempts=item.attempts,
            unknown_attempts=item.unknown_attempts,
            possible_repeat=item.suspect and ending not in {"shadow", "deferred"},
            repeats=item.repeats,
            http_status=None if answer is None else answer.http_status,
            outcome=None if answer is None else answer.outcome,
            excerpt="" if answer is None else answer.excerpt,
            reason=reason,
            first_attempt_at_ms=item.first_attempt_at_ms,
            finished_at_ms=now_ms,
            completed_at_ms=conversion.completed_at_ms,
            decidable_at_ms=conversion.decidable_at_ms,
            fingerprint=conversion.fingerprint,
            source=item.at,
            deferrals=item.deferrals if deferrals is None else deferrals,
        )
        return receipt if before is None else _superseding(receipt, before)

    def _dead_letter(
        self, record: Record, at: Position, rejection: Reject, now_ms: int, conversion: Conversion | None
    ) -> bytes:
        letter = dead_letter.of_record(
            "deliver",
            replace(record, headers=tuple(deferral.others(record.headers))),
            rejection,
            at=at,
            programme=None if conversion is None else conversion.programme,
            order_ref=None if conversion is None else conversion.order_ref,
            now_ms=now_ms,
        )
        if len(record.value or b"") > self._max_value_bytes:
            letter = dead_letter.cut(letter, min(dead_letter.KEPT_BYTES, self._max_value_bytes))
        return self._codecs.write_dead_letter(letter)


def _left_out(item: Outstanding) -> str:
    """Return what its request left out, if one was made."""
    return item.prepared.left_out if item.prepared is not None and item.attempts else ""


def _sale(item: Outstanding, now_ms: int) -> Sale:
    conversion = item.conversion
    return Sale(
        programme=conversion.programme,
        channel=conversion.channel,
        currency=conversion.currency,
        amount=conversion.amount,
        since_completion_s=(now_ms - conversion.completed_at_ms) / 1000,
        since_entry_s=(now_ms - conversion.entered_at_ms) / 1000,
        since_decidable_s=(now_ms - conversion.decidable_at_ms) / 1000,
        since_conversion_s=(now_ms - item.written_at_ms) / 1000,
    )


def _superseding(receipt: Receipt, before: Receipt) -> Receipt:
    """Return the receipt of a replay, with what was done for the order before."""
    first_ms = receipt.first_attempt_at_ms if before.first_attempt_at_ms is None else before.first_attempt_at_ms
    return replace(
        receipt,
        attempts=before.attempts + receipt.attempts,
        unknown_attempts=before.unknown_attempts + receipt.unknown_attempts,
        possible_repeat=before.possible_repeat or receipt.possible_repeat,
        first_attempt_at_ms=first_ms,
    )
