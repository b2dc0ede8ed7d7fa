"""Every instance knows what was ordered of programmes, from the beginning, and stops where it cannot know."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from consumer.delivery.control import Orders
from consumer.errors import TopicError
from consumer.events import Control, ProgrammeState
from consumer.stream.avro import ControlDecoder, ControlEncoder
from consumer.stream.feed_memory import MemoryFeed
from consumer.stream.memory_log import MemoryLog
from tests.delivery.conversions import T0_MS, schemas

TOPIC = "awin.control"
encode = ControlEncoder(schemas())


def said(programme: str, state: ProgrammeState) -> bytes:
    """Return the record of an order."""
    return encode(Control(programme=programme, state=state, reason="", changed_at_ms=T0_MS, changed_by="me"))


class Desk:
    """Orders on a log, and a clock."""

    def __init__(self, interval_s: float = 0.0) -> None:
        self.now_s = 0.0
        self.log = MemoryLog({TOPIC: 1})
        self.orders = Orders(
            MemoryFeed(self.log, TOPIC),
            ControlDecoder(schemas()),
            encode,
            instance="pod-1",
            monotonic_s=lambda: self.now_s,
            now_ms=lambda: T0_MS,
            interval_s=interval_s,
        )

    def order(self, programme: str, state: ProgrammeState | None) -> None:
        """Append an order, or take back what was ordered."""
        self.log.produce(TOPIC, programme.encode(), None if state is None else said(programme, state), 0)


def test_the_newest_order_of_each_programme_holds() -> None:
    """Those from before the start and later ones; each is told once."""
    desk = Desk()
    desk.order("1", "paused")
    desk.order("2", "halted")
    desk.order("1", "running")
    desk.order("2", "paused")
    known = [desk.orders.known]
    assert desk.orders.advance() == {"1": "running", "2": "paused"}
    known.append(desk.orders.known)
    assert known == [False, True]
    assert desk.orders.advance() == {}
    desk.order("1", "halted")
    assert desk.orders.advance() == {"1": "halted"}


def test_a_programme_without_an_order_runs() -> None:
    """A record without value takes back what was ordered, as compaction wants it."""
    desk = Desk()
    desk.order("1", "paused")
    desk.order("1", None)
    desk.order("2", None)
    assert desk.orders.advance() == {"1": "running", "2": "running"}


def test_nothing_is_known_while_the_broker_does_not_answer() -> None:
    """A stage must not send before it knows, and asks again without waiting for the next time to look."""
    desk = Desk(interval_s=60)
    desk.order("1", "paused")
    desk.log.available = False
    assert (desk.orders.advance(), desk.orders.known) == ({}, False)
    desk.log.available = True
    assert (desk.orders.advance(), desk.orders.known) == ({"1": "paused"}, True)


def test_it_is_looked_now_and_then() -> None:
    """Polling a small topic costs more than it says; a clock that is set back only delays that."""
    desk = Desk(interval_s=5)
    desk.orders.advance()
    desk.order("1", "paused")
    for now_s, found in ((4.9, {}), (-10.0, {}), (5.0, {"1": "paused"})):
        desk.now_s = now_s
        assert desk.orders.advance() == found


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"junk",
        said("1", "paused")[:-3],
        b"\xc3\x01" + b"newer-id" + said("1", "paused")[10:],
        said("1", "paused")[:12] + b"\x08" + said("1", "paused")[13:],
    ],
    ids=["empty", "junk", "truncated", "another schema", "unknown state"],
)
def test_an_order_that_cannot_be_read_stops(value: bytes) -> None:
    """It may have been a halt. The message says where it is."""
    desk = Desk()
    desk.order("1", "running")
    desk.log.produce(TOPIC, b"1", value, 0)
    with pytest.raises(TopicError, match=r"^awin\.control\[0\]@1: .* newer release"):
        desk.orders.advance()


def test_an_order_of_ours_is_given_until_it_is_committed() -> None:
    """It goes with the next transaction, whichever that is, and says who ordered what and why."""
    desk = Desk()
    with capture_logs() as logs:
        desk.orders.halt("1", "its key is refused")
        desk.orders.halt("2", "10 orders in a row were rejected")
        desk.orders.halt("2", "again")
    controls = {key: ControlDecoder(schemas())(value, ()) for key, value in desk.orders.given().items()}
    assert controls == {
        b"1": Control(
            programme="1", state="halted", reason="its key is refused", changed_at_ms=T0_MS, changed_by="pod-1"
        ),
        b"2": Control(programme="2", state="halted", reason="again", changed_at_ms=T0_MS, changed_by="pod-1"),
    }
    assert [(entry["event"], entry["log_level"]) for entry in logs] == [("deliver.programme_halted", "error")] * 3
    desk.orders.committed()
    assert desk.orders.given() == {}
