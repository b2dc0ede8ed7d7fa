"""What a sample of input records says about its producer."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from confluent_kafka import murmur2
from msgspec.structs import replace

from consumer.errors import Undecodable
from consumer.events import FORGET_ORDER_HEADER, SessionLanded
from consumer.inspect import sample
from consumer.stream.log import Record

PARTITIONS = 7


def records(*visitors: str, elsewhere: int = 0) -> list[Record]:
    """Return session records keyed by their visitor; the first so many stand in a wrong partition."""
    return [
        Record(
            "s",
            (murmur2(v.encode(), PARTITIONS) + (number < elsewhere)) % PARTITIONS,
            number,
            0,
            v.encode(),
            v.encode(),
        )
        for number, v in enumerate(visitors)
    ]


def decode(value: bytes | None, _: Sequence[tuple[str, bytes | None]]) -> SessionLanded:
    """Read a value that is the visitor's name; ``bad`` is none."""
    if value is None or value == b"bad":
        raise Undecodable("bad_framing", "", "have it mended")
    return SessionLanded("s", value.decode(), 0, "https://shop.example/")


@pytest.mark.parametrize(
    ("sampled", "partitions", "verdict", "words"),
    [
        ([], PARTITIONS, "skipped", "no records"),
        (records("a", "b", "c"), PARTITIONS, "ok", "3 of the newest 3"),
        (records("a", "b", "c", elsewhere=1), PARTITIONS, "fail", "2 of the newest 3"),
        (records("a", "b", elsewhere=2), 1, "ok", "one partition"),
        (
            [Record("s", 0, 0, 0, None, b"a"), *records("a")],
            PARTITIONS,
            "fail",
            "1 of the newest 2 records have no key",
        ),
    ],
)
def test_keys(sampled: list[Record], partitions: int, verdict: str, words: str) -> None:
    """Every record must stand where Java's partitioner puts its key."""
    judged = sample.keys(sampled, partitions)
    assert (judged.verdict, words in judged.found, bool(judged.advice)) == (verdict, True, verdict == "fail")


def test_a_request_to_forget_an_order_alone_is_as_it_must_be() -> None:
    """It has nobody's key and no value; one that asks for nothing is none."""
    asking = Record("s", 0, 0, 0, b"", None, ((FORGET_ORDER_HEADER, b"1001:R"),))
    sampled = [asking, replace(asking, partition=1), *records("a", "b")]
    assert sample.keys(sampled, PARTITIONS).found.startswith("2 of the newest 2 records are where")
    assert sample.contents(sampled, decode, 0.5).verdict == "ok"
    assert sample.contents([replace(asking, headers=()), *sampled], decode, 0.5).verdict == "warn"


@pytest.mark.parametrize(
    ("visitors", "verdict", "words"),
    [
        ((), "skipped", "no records"),
        (("a", "b"), "ok", "newest 2 records can be decoded"),
        (("a", "b", "bad"), "warn", "1 of the newest 3 records cannot be decoded (bad_framing 1)"),
        (("a", "bad", "bad"), "fail", "2 of the newest 3 records cannot be decoded (bad_framing 2)"),
    ],
)
def test_contents(visitors: tuple[str, ...], verdict: str, words: str) -> None:
    """Some bad records are a warning; so many that the stage would stop are a failure, with what to do."""
    judged = sample.contents(records(*visitors), decode, 0.5)
    assert (judged.verdict, words in judged.found) == (verdict, True)
    assert judged.advice == ("have it mended" if verdict in {"warn", "fail"} else "")


def test_other_keys_than_the_visitor() -> None:
    """They may be right, if both topics have them; so it is a warning."""
    judged = sample.contents([Record("s", 0, 0, 0, b'"a"', b"a")], decode, 0.5)
    assert (judged.verdict, "another key" in judged.found) == ("warn", True)
