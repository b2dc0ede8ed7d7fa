"""Replays of dead letters: sent once more, and never twice."""

from __future__ import annotations

from msgspec.structs import replace

from consumer.demo import awin
from consumer.demo.awin import StandInAwin
from consumer.events import Conversion, Position
from consumer.replay_header import Replay, header
from tests.delivery.conversions import T0_MS, encoded, key_of, sale
from tests.delivery.stages import World

OK = awin.Answer(200)
DAY_MS = 86_400_000


def replay(world: World, conversion: Conversion, offset: int, *, send_too_old: bool = False) -> None:
    """Append a conversion again, as the replay of the dead letter about the record at an offset."""
    source = Position("awin.conversion", 0, offset)
    named = Replay(letter=Position("awin.dead-letter", 0, 0), source=source, send_too_old=send_too_old)
    headers = [("trace", b"t"), header(named)]
    world.log.produce("awin.conversion", key_of(conversion), encoded(conversion), headers=headers, timestamp_ms=T0_MS)


def endings(world: World, order_ref: str) -> list[str]:
    """Return the endings of all receipts of an order, in order."""
    return [receipt.ending for receipt in world.all_receipts() if receipt.order_ref == order_ref]


def test_two_replays_of_a_letter_are_one_delivery(world: World, stand_in: StandInAwin) -> None:
    """The first is sent and its receipt supersedes the dead letter; the second is a repeat of it."""
    stand_in.plan(awin.Answer(400), OK)
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(lambda: endings(world, "A-1") == ["dead_letter"])
    replay(world, sale("A-1"), 0)
    replay(world, sale("A-1"), 0)
    member.run_until(lambda: len(world.all_receipts()) == 3)
    assert endings(world, "A-1") == ["dead_letter", "delivered", "delivered"]
    receipt = world.receipts()["A-1"]
    assert (receipt.source.offset, receipt.repeats, receipt.http_status, receipt.reason) == (1, 1, 200, "")
    assert stand_in.counts_by_ref() == {"A-1": 2}
    assert world.mark().counts == {"dead_letter": 1, "delivered": 1, "repeat": 1}


def test_a_replay_is_known_after_a_restart(world: World, stand_in: StandInAwin) -> None:
    """Whether the local store is still there or comes back from the receipts."""
    stand_in.plan(awin.Answer(400), OK)
    world.produce(sale("A-1"))
    first = world.member()
    first.run_until(lambda: endings(world, "A-1") == ["dead_letter"])
    first.stage.close()
    replay(world, sale("A-1"), 0)
    second = world.member("b")
    second.run_until(lambda: endings(world, "A-1") == ["dead_letter", "delivered"])
    second.crash()
    replay(world, sale("A-1"), 0)
    world.member("c", store=second.store).run_until(lambda: len(world.all_receipts()) == 3)
    assert stand_in.counts_by_ref() == {"A-1": 2}


def test_what_was_done_before_stays_on_the_receipt(world: World, stand_in: StandInAwin) -> None:
    """Attempts, those of unknown outcome, the first one's time, and repeats that came while it was a dead letter."""
    stand_in.plan(awin.CloseAfterReading(), awin.Answer(400), OK)
    world.produce(sale("A-1"), sale("A-1"))
    member = world.member()
    member.run_until(lambda: len(world.all_receipts()) == 2)
    before = world.receipts()["A-1"]
    assert (before.attempts, before.unknown_attempts, before.repeats) == (2, 1, 1)
    world.now_ms += 1_000
    replay(world, sale("A-1"), 0)
    member.run_until(lambda: endings(world, "A-1")[-1] == "delivered")
    after = world.receipts()["A-1"]
    assert (after.attempts, after.unknown_attempts, after.repeats) == (3, 1, 1)
    assert after.first_attempt_at_ms == before.first_attempt_at_ms
    assert after.finished_at_ms == before.finished_at_ms + 1_000


def test_a_sale_too_old_is_sent_when_somebody_decided_so(world: World, stand_in: StandInAwin) -> None:
    """Else it is too old again, with a letter of its own that can be replayed in turn."""
    world.now_ms = T0_MS + 2 * DAY_MS
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(lambda: len(world.dead_letters()) == 1)
    replay(world, sale("A-1"), 0)
    member.run_until(lambda: len(world.dead_letters()) == 2)
    assert ([each.reason for each in world.dead_letters()], stand_in.requests) == (["too_old"] * 2, [])
    replay(world, sale("A-1"), 0, send_too_old=True)
    replay(world, sale("A-1"), 1, send_too_old=True)
    member.run_until(lambda: endings(world, "A-1")[-1] == "delivered")
    assert stand_in.counts_by_ref() == {"A-1": 1}
    assert world.mark().counts == {"dead_letter": 2, "silent_repeat": 1, "delivered": 1}


def test_the_letter_of_a_replay_says_where_it_came_from(world: World, stand_in: StandInAwin) -> None:
    """It keeps the record's headers."""
    stand_in.behave(lambda _: awin.Answer(400))
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(lambda: len(world.dead_letters()) == 1)
    replay(world, sale("A-1"), 0)
    member.run_until(lambda: len(world.dead_letters()) == 2)
    first, second = world.dead_letters()
    assert (first.headers, second.headers[0].name, second.headers[1].name) == ((), "trace", "awin-replay")
    assert (second.source.offset, second.timestamp_ms) == (1, T0_MS)


def test_a_replay_of_an_order_that_was_delivered_is_not_sent(world: World, stand_in: StandInAwin) -> None:
    """Nor is one that says something else: it is a conflict as any."""
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(lambda: endings(world, "A-1") == ["delivered"])
    replay(world, sale("A-1"), 0)
    replay(world, replace(sale("A-1"), fingerprint=b"other"), 0)
    member.run_until(lambda: len(world.dead_letters()) == 1)
    assert (world.dead_letters()[0].reason, world.receipts()["A-1"].repeats) == ("conflict", 1)
    assert stand_in.counts_by_ref() == {"A-1": 1}


def test_a_replay_that_nobody_knows_is_new(world: World, stand_in: StandInAwin) -> None:
    """As that of a conversion that could not be decoded before, which has no receipt."""
    replay(world, sale("A-1"), 7)
    world.member().run_until(world.has_receipts("A-1"))
    assert stand_in.counts_by_ref() == {"A-1": 1}
