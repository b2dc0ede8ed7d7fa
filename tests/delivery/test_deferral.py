"""What a deferred record carries is read as it was written, or stops whoever reads it."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.delivery import deferral
from consumer.delivery.deferral import HEADER, Deferral, Why
from consumer.errors import StateError
from consumer.events import Position

WHERE = "awin.deferred[3]@17"
whys: st.SearchStrategy[Why] = st.sampled_from(["backlog", "paused", "halted", "breaker", "key_refused", "limit"])
numbers = st.integers(0, 2**62)
deferrals = st.builds(
    Deferral,
    version=st.just(deferral.VERSION),
    source=st.builds(Position, st.text(), numbers, numbers),
    number=numbers,
    why=whys,
    attempts=numbers,
    unknown_attempts=numbers,
    first_attempt_at_ms=st.none() | numbers,
    suspect=st.booleans(),
    counted=numbers,
)
hostile = b'{"version":1,"why":"backlog"}'
others = st.lists(st.tuples(st.sampled_from(["a", "awin-Deferred", "why"]), st.none() | st.binary() | st.just(hostile)))


@given(deferrals, others, others)
def test_it_is_read_as_it_was_written(
    written: Deferral, before: list[tuple[str, bytes | None]], after: list[tuple[str, bytes | None]]
) -> None:
    """Whatever other headers the record has, and these are told apart again."""
    headers = (*before, *deferral.header(written), *after)
    assert deferral.read(headers, WHERE) == written
    assert list(deferral.others(headers)) == [*before, *after]


@given(deferrals, others)
@example(Deferral(source=Position('"why":"backlog"', 0, 0), number=1, why="paused"), [("a", hostile)])
def test_only_a_backlog_is_due_at_once(written: Deferral, before: list[tuple[str, bytes | None]]) -> None:
    """No text elsewhere is taken for the reason."""
    assert deferral.is_due_at_once((*before, *deferral.header(written))) == (written.why == "backlog")
    assert not deferral.is_due_at_once(tuple(before))


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"{}",
        b"[]",
        b"no JSON",
        b"\xff",
        b'{"version":"1"}',
        b'{"version":1}',
        b'{"version":1,"source":null,"number":1,"why":"backlog"}',
        b'{"version":1,"source":{"topic":"t","partition":0,"offset":0},"number":1,"why":"mood"}',
        b'{"version":1,"x":' + b"[" * 100_000,
        b'{"version":1,"x":"\xff"}',
    ],
)
def test_what_is_not_ours_stops(content: bytes | None) -> None:
    """Only we write there, so somebody has to look; the message says where."""
    with pytest.raises(StateError, match=r"^awin\.deferred\[3\]@17: .* who else writes there\?$"):
        deferral.read(((HEADER, content),), WHERE)


@given(st.binary(max_size=40))
def test_any_bytes_stop_without_another_error(content: bytes) -> None:
    """There is no accident in which they are a deferral."""
    with pytest.raises(StateError, match=r"awin\.deferred\[3\]@17"):
        deferral.read(((HEADER, content),), WHERE)


def test_a_record_without_the_header_stops() -> None:
    """It is an order that nobody put off."""
    with pytest.raises(StateError, match="has no header awin-deferred of ours"):
        deferral.read((("other", b"x"),), WHERE)


@pytest.mark.parametrize("version", [0, 2, 1_000])
def test_another_version_stops(version: int) -> None:
    """It may mean what we cannot know; the message says which it is and which is read."""
    content = msgspec.json.encode({"version": version, "source": "elsewhere"})
    with pytest.raises(StateError, match=rf"^awin\.deferred\[3\]@17: .* has version {version}, .* reads 1$"):
        deferral.read(((HEADER, content),), WHERE)
