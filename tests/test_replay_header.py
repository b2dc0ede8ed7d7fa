"""A replayed record says which dead letter it comes from."""

from __future__ import annotations

from consumer.events import Position
from consumer.replay_header import REPLAY_HEADER, Replay, header, replay_in

REPLAY = Replay(letter=Position("awin.dead-letter", 0, 3), source=Position("awin.conversion", 1, 9))


def test_what_is_written_is_read() -> None:
    """Among other headers; of several the last holds."""
    sent = Replay(letter=REPLAY.letter, source=REPLAY.source, send_too_old=True)
    assert replay_in((header(REPLAY), ("other", b"x"))) == REPLAY
    assert replay_in((header(REPLAY), header(sent))) == sent


def test_other_records_are_no_replays() -> None:
    """Nor is one whose header nobody of ours wrote."""
    assert replay_in(()) is None
    assert replay_in((("other", b"x"), (REPLAY_HEADER, None))) is None
    assert replay_in(((REPLAY_HEADER, b"{"),)) is None
    assert replay_in(((REPLAY_HEADER, b'{"letter": 1}'),)) is None
    assert replay_in(((REPLAY_HEADER, b'{"x":' + b"[" * 100_000),)) is None
