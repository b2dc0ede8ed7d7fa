"""A conversion is held against what was finished before."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from consumer.delivery import sent
from consumer.delivery.endings import Endings
from consumer.errors import StateError
from consumer.events import Position, Receipt
from consumer.replay_header import Replay
from consumer.stream.log import Record
from tests.delivery.conversions import T0_MS, codecs, outstanding, sale

HERE = Position("awin.conversion", 0, 4)


def receipt_at(offset: int) -> Receipt:
    """Return the receipt of a sale that was read at an offset."""
    written = Endings(codecs(), 1_000_000, lambda: T0_MS).delivered(outstanding(sale("A-1"), offset)).receipt
    return codecs().read_receipt(written, ())


def test_an_order_without_receipt_is_new() -> None:
    """Nothing known means that it is to be sent."""
    assert sent.judge(sale("A-1"), HERE, 0, None) == "new"


def test_the_same_record_is_known() -> None:
    """The record that the receipt answers was finished before a crash, whatever it says."""
    assert sent.judge(sale("A-1"), HERE, 0, receipt_at(4)) == "known"


def test_another_record_that_says_the_same_is_a_repeat() -> None:
    """The fingerprint decides."""
    assert sent.judge(sale("A-1"), HERE, 0, receipt_at(3)) == "repeat"


def test_another_record_that_says_something_else_is_a_conflict() -> None:
    """Another amount under the same reference is not sent."""
    assert sent.judge(sale("A-1", fingerprint=b"other"), HERE, 0, receipt_at(3)) == "conflict"


def test_the_same_offset_of_another_partition_is_another_record() -> None:
    """Positions are compared whole."""
    elsewhere = replace(receipt_at(4), source=Position("awin.conversion", 1, 4))
    assert sent.judge(sale("A-1"), HERE, 0, elsewhere) == "repeat"


def test_only_the_latest_deferral_of_a_conversion_is_tried() -> None:
    """An earlier one, and the outbox's own record, were dealt with; one that ended is known however often put off."""
    deferred = replace(receipt_at(4), ending="deferred", reason="breaker", deferrals=2)
    judged = [sent.judge(sale("A-1"), HERE, number, deferred) for number in range(4)]
    assert judged == ["known", "known", "new", "known"]
    ended = replace(deferred, ending="delivered", reason="")
    assert {sent.judge(sale("A-1"), HERE, number, ended) for number in range(4)} == {"known"}
    left = replace(deferred, reason="offline", deferrals=0)
    assert sent.judge(sale("A-1"), HERE, 0, left) == "known"


def replay_of(offset: int) -> Replay:
    """Return the replay of a dead letter about the record at an offset."""
    return Replay(letter=Position("awin.dead-letter", 0, 1), source=Position("awin.conversion", 0, offset))


def test_a_replay_of_a_dead_letter_is_new() -> None:
    """If the receipt is about the very record that the letter was about, and the order is the same."""
    dead = replace(receipt_at(3), ending="dead_letter")
    assert sent.judge(sale("A-1"), HERE, 0, dead, replay_of(3)) == "new"
    assert sent.judge(sale("A-1"), HERE, 0, None, replay_of(3)) == "new"


def test_any_other_replay_is_judged_as_any_other_record() -> None:
    """One of a conversion that was delivered since, of another one, of another order, or one finished before."""
    delivered, dead = receipt_at(3), replace(receipt_at(3), ending="dead_letter")
    assert sent.judge(sale("A-1"), HERE, 0, delivered, replay_of(3)) == "repeat"
    assert sent.judge(sale("A-1"), HERE, 0, dead, replay_of(2)) == "repeat"
    assert sent.judge(sale("A-1", fingerprint=b"other"), HERE, 0, dead, replay_of(3)) == "conflict"
    assert sent.judge(sale("A-1"), HERE, 0, replace(receipt_at(4), ending="dead_letter"), replay_of(3)) == "known"


def test_the_receipt_topic_is_the_stores_changelog() -> None:
    """What restoring puts into the store is what a commit puts there, and a tombstone deletes."""
    assert sent.changes_of(Record("awin.receipt", 0, 1, 0, b"k", b"receipt")) == [(b"k", sent.pack(b"receipt"))]
    assert sent.changes_of(Record("awin.receipt", 0, 2, 0, b"k", None)) == [(b"k", None)]
    assert sent.unpack(sent.pack(b"receipt")) == b"receipt"


def test_foreign_state_is_refused() -> None:
    """A value of another version, and a receipt without key, stop the stage."""
    with pytest.raises(StateError, match="version 02"):
        sent.unpack(b"\x02receipt")
    with pytest.raises(StateError, match=r"awin\.receipt\[0\]@2: a receipt without key"):
        sent.changes_of(Record("awin.receipt", 0, 2, 0, None, b"receipt"))
