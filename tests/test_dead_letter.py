"""What a dead letter keeps of its record."""

from __future__ import annotations

from hashlib import sha256

from consumer import dead_letter
from consumer.errors import Reject
from consumer.events import DeadLetter, Header, Position
from consumer.stream.log import Record

GUID = b"\x01" + b"g" * 16


def letter_about(*headers: tuple[str, bytes | None], value: bytes | None = b"value") -> DeadLetter:
    """Return the letter about a record with these headers."""
    record = Record("order.completed", 1, 7, 123, b"key", value, headers)
    reject = Reject("bad_framing", "", "see its producer")
    return dead_letter.of_record("attribute", record, reject, programme="1001", order_ref="A-1", now_ms=456)


def test_a_letter_has_the_whole_record() -> None:
    """Key, value, headers, place and time as they were, and where it stood before the message."""
    letter = letter_about(("a", b"1"), ("b", None), ("a", b"2"))
    assert (letter.key, letter.value, letter.timestamp_ms, letter.failed_at_ms) == (b"key", b"value", 123, 456)
    assert letter.headers == (Header("a", b"1"), Header("b", None), Header("a", b"2"))
    assert (letter.source, letter.truncated) == (Position("order.completed", 1, 7), False)
    assert letter.message == "order.completed[1]@7: see its producer"
    assert letter.value_sha256 == sha256(b"value").digest()


def test_too_large_headers_are_left_out_but_for_those_that_we_read() -> None:
    """So that the value can still be decoded; the letter says that it is not the whole record."""
    letter = letter_about(("trace", b"x" * 8_192), ("__value_schema_id", GUID), ("awin-forget-order", b"1001:A-1"))
    assert letter.headers == (Header("__value_schema_id", GUID), Header("awin-forget-order", b"1001:A-1"))
    assert (letter.value, letter.truncated) == (b"value", True)


def test_no_headers_are_too_many() -> None:
    """Neither large ones by our own names nor empty ones without end are kept."""
    assert letter_about(("__value_schema_id", b"x" * 9_000)).headers == ()
    assert letter_about(*[("", None)] * 10_000).headers == ()
    assert len(letter_about(*[("", None)] * 1_000).headers) == 1_000


def test_a_cut_letter_knows_the_whole_value() -> None:
    """By its hash; key and value keep their beginnings."""
    letter = dead_letter.cut(letter_about(value=b"v" * 100), 2)
    assert (letter.key, letter.value, letter.truncated) == (b"ke", b"vv", True)
    assert letter.value_sha256 == sha256(b"v" * 100).digest()
    assert dead_letter.cut(letter_about(value=None)).value is None


def test_the_record_comes_back_whole() -> None:
    """As it was read, for whoever wants to decode it or to append it again."""
    record = Record("awin.conversion", 1, 7, 123, b"key", b"value", (("a", b"1"), ("b", None)))
    letter = dead_letter.of_record(
        "deliver", record, Reject("rejected", "", ""), programme=None, order_ref=None, now_ms=1
    )
    assert dead_letter.original(letter) == record


def test_a_replay_is_noted_without_the_record() -> None:
    """The note says which letter, where it went and whose order it is, and holds nothing else of it."""
    at = Position("awin.dead-letter", 2, 5)
    note = dead_letter.of_replay(letter_about(("a", b"1")), at, 789)
    assert (note.stage, note.reason, note.source, note.failed_at_ms) == ("replay", "replayed", at, 789)
    assert (note.programme, note.order_ref, note.key, note.value, note.headers) == ("1001", "A-1", None, None, ())
    assert note.message == "awin.dead-letter[2]@5: its record (bad_framing) was appended again to order.completed[1]"
