"""The deliver stage on an in-memory log: every order has one ending, and Awin sees no more requests than it must."""

from __future__ import annotations

import itertools
import threading
import time

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs

from consumer.delivery.opening import OutboxFacts
from consumer.demo import awin
from consumer.demo.awin import StandInAwin
from consumer.errors import Fenced, Flood, OffsetsLost, Rebalanced, TopicError, Unavailable
from consumer.events import Ending, Method, Outcome
from tests.delivery.conversions import T0_MS, codecs, key_of, sale
from tests.delivery.stages import INPUTS, World, refs

OK = awin.Answer(200)


@pytest.mark.parametrize(
    ("plan", "ending", "outcomes"),
    [
        ([OK], "delivered", ["delivered"]),
        ([awin.Answer(500), OK], "delivered", ["unknown", "delivered"]),
        ([awin.Answer(429), awin.Answer(503), OK], "delivered", ["throttled", "throttled", "delivered"]),
        ([awin.Answer(404)], "dead_letter", ["rejected"]),
        ([awin.Redirect()], "dead_letter", ["rejected"]),
        ([awin.CloseAfterReading(), OK], "delivered", ["unknown", "delivered"]),
        ([awin.HalfBody(), OK], "delivered", ["unknown", "delivered"]),
        ([awin.Garbage(), OK], "delivered", ["unknown", "delivered"]),
    ],
)
def test_behaviours(
    world: World, stand_in: StandInAwin, plan: list[awin.Behaviour], ending: Ending, outcomes: list[Outcome]
) -> None:
    """Each attempt is one request with its outcome, until the receipt says how it ended."""
    stand_in.plan(*plan)
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    receipt = world.receipts()["A-1"]
    assert receipt.ending == ending
    assert member.metrics.attempts == outcomes
    assert receipt.outcome == outcomes[-1]
    assert (receipt.attempts, receipt.unknown_attempts) == (len(outcomes), outcomes.count("unknown"))
    assert len(stand_in.requests) == len(plan)
    assert stand_in.violations == []


def test_a_hanging_server_is_given_up(world: World, stand_in: StandInAwin) -> None:
    """After the read timeout the attempt is unknown and another one is made."""
    stand_in.plan(awin.Hang())
    world.produce(sale("A-1"))
    world.member(read_timeout_ms=200).run_until(world.has_receipts("A-1"))
    receipt = world.receipts()["A-1"]
    assert (receipt.ending, receipt.attempts, receipt.unknown_attempts) == ("delivered", 2, 1)
    assert stand_in.counts_by_ref() == {"A-1": 2}


def test_a_reset_before_reading_is_tried_again(world: World, stand_in: StandInAwin) -> None:
    """The request may have arrived for all we know, so it counts as unknown."""
    stand_in.plan(awin.CloseBeforeReading())
    world.produce(sale("A-1"))
    world.member().run_until(world.has_receipts("A-1"))
    assert (world.receipts()["A-1"].unknown_attempts, stand_in.unread) == (1, 1)
    assert stand_in.counts_by_ref() == {"A-1": 1}


def test_an_unreachable_server_is_waited_for(world: World, stand_in: StandInAwin) -> None:
    """Attempts that were not sent repeat freely, and once the server is back the sale arrives once."""
    world.produce(sale("A-1"))
    member = world.member(max_attempts=1)
    with stand_in.refusing():
        member.run_until(lambda: len(member.metrics.attempts) >= 4)
    member.run_until(world.has_receipts("A-1"))
    receipt = world.receipts()["A-1"]
    assert set(member.metrics.attempts[:-1]) == {"not_sent"}
    assert (receipt.ending, receipt.unknown_attempts) == ("delivered", 0)
    assert stand_in.counts_by_ref() == {"A-1": 1}


def test_retry_after_is_obeyed(world: World, stand_in: StandInAwin) -> None:
    """The next attempt comes no earlier than the answer asked for."""
    stand_in.plan(awin.Answer(429, {"Retry-After": "1"}))
    world.produce(sale("A-1"))
    world.member(retry_cap_ms=1_000).run_until(world.has_receipts("A-1"))
    first, second = stand_in.requests
    assert second.received_at_s - first.received_at_s >= 1


def test_a_delivered_receipt_says_everything(world: World, stand_in: StandInAwin) -> None:
    """What happened, when, and which conversion it answers."""
    stand_in.plan(awin.Answer(200, body=b"thank you"))
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    receipt = world.receipts()["A-1"]
    assert (receipt.mode, receipt.http_status, receipt.excerpt, receipt.reason) == ("live", 200, "thank you", "")
    assert receipt.first_attempt_at_ms == receipt.finished_at_ms == world.now_ms
    assert (receipt.source.topic, receipt.source.offset) == ("awin.conversion", 0)
    assert not receipt.possible_repeat
    (told,) = member.metrics.sales
    assert (told.since_completion_s, told.since_entry_s, told.since_decidable_s) == (60.0, 59.5, 50.0)
    assert member.metrics.endings == {"delivered": 1}


def test_a_rejected_sale_is_a_dead_letter(world: World, stand_in: StandInAwin) -> None:
    """The receipt names the reason, and the dead letter keeps the original bytes."""
    stand_in.plan(awin.Answer(400, body=b"unknown merchant"))
    world.produce(sale("A-1"))
    world.member().run_until(world.has_receipts("A-1"))
    [letter] = world.dead_letters()
    [record] = world.log.records("awin.conversion", 0)
    assert (letter.stage, letter.reason, letter.order_ref) == ("deliver", "rejected", "A-1")
    assert "400" in letter.message
    assert "unknown merchant" in letter.message
    assert (letter.key, letter.value, letter.truncated) == (record.key, record.value, False)
    assert world.receipts()["A-1"].reason == "rejected"
    assert world.mark().counts == {"dead_letter": 1}


def test_an_order_that_fails_while_others_succeed_is_exhausted(world: World, stand_in: StandInAwin) -> None:
    """Failures between which others got through count, and the last allowed one makes a dead letter."""
    stand_in.behave(lambda request: awin.Answer(500) if request.ref == "bad" else OK)
    world.produce(sale("bad"))
    member = world.member(max_attempts=2)
    for number in itertools.count():
        if world.has_receipts("bad")():
            break
        world.produce(sale(f"A-{number}"))
        member.run_until(world.has_receipts(f"A-{number}"))
    assert world.receipts()["bad"].reason == "exhausted"
    assert {letter.order_ref for letter in world.dead_letters()} == {"bad"}


def test_an_outage_exhausts_nothing(world: World, stand_in: StandInAwin) -> None:
    """While every order fails, none of them ends."""
    stand_in.behave(lambda _: awin.Answer(500))
    world.produce(sale("A-1"), sale("A-2"))
    member = world.member(max_attempts=1)
    member.run_until(lambda: len(stand_in.requests) >= 10)
    assert world.receipts() == {}
    stand_in.behave(lambda _: OK)
    member.run_until(lambda: len(world.receipts()) > 0)


def test_an_unknown_outcome_can_be_parked(world: World, stand_in: StandInAwin) -> None:
    """With `unknown_outcome: park` what may have arrived is not sent again."""
    stand_in.plan(awin.CloseAfterReading())
    world.produce(sale("A-1"))
    world.member(unknown_outcome="park").run_until(world.has_receipts("A-1"))
    assert world.receipts()["A-1"].reason == "unknown_outcome"
    assert stand_in.counts_by_ref() == {"A-1": 1}


@pytest.mark.parametrize(
    ("facts", "told"),
    [(OutboxFacts("another", 1), "created again"), (OutboxFacts("receipt-id", 2), "has 2 partitions, but 1")],
)
def test_delivery_does_not_go_on_without_its_memory(world: World, facts: OutboxFacts, told: str) -> None:
    """Receipts that were made anew, or keys that moved away from theirs, would let sales be sent twice."""
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    member.stage.close()
    world.facts = facts
    world.produce(sale("A-2"))
    with pytest.raises(TopicError, match=told):
        world.member("b", store=member.store).run_until(lambda: False)
    assert [request.ref for request in world.awin.requests] == ["A-1"]


def test_what_goes_in_and_out_is_counted(world: World) -> None:
    """By topic, with what is left to be read and the restores."""
    world.produce(*[sale(ref) for ref in refs(5)])
    world.log.produce("awin.conversion", b"1001:x", b"garbage")
    member = world.member(max_outstanding=2)
    member.run_until(lambda: len(world.dead_letters()) == 1 and len(world.receipts()) == 5)
    member.run_until(lambda: bool(member.metrics.inputs))
    assert member.metrics.taken == {"awin.conversion": 6}
    assert member.metrics.sent == {"awin.receipt": 5, "awin.dead-letter": 1}
    assert member.metrics.restores == 1
    assert set(member.metrics.inputs) == set(world.log.partitions(*INPUTS))


def test_a_flood_of_garbage_stops_the_stage(world: World) -> None:
    """Some undecodable records are dead letters; mostly undecodable ones are a mistake, and the last are not passed."""
    for number in range(700):
        world.log.produce("awin.conversion", b"1001:x", b"garbage %d" % number)
    member = world.member(max_outstanding=64)
    with pytest.raises(Flood, match=r"records of awin\.conversion are bad"):
        member.run_until(lambda: False)
    member.stage.close()
    committed = world.committed()
    assert committed is not None
    assert committed.offset == len(world.dead_letters()) <= 500


def test_an_old_sale_is_not_sent(world: World, stand_in: StandInAwin) -> None:
    """Awin would date it today, so it becomes a dead letter without an attempt."""
    world.produce(sale("old", at_ms=world.now_ms - 86_400_001), sale("new", at_ms=world.now_ms - 86_400_000))
    world.member().run_until(lambda: stand_in.counts_by_ref() == {"new": 1})
    assert (world.receipts()["old"].reason, world.receipts()["old"].attempts) == ("too_old", 0)


def test_a_sale_that_grows_old_while_waiting_is_not_sent(world: World, stand_in: StandInAwin) -> None:
    """Its age is looked at before each attempt."""
    stand_in.behave(lambda _: awin.Answer(503))
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(lambda: len(member.metrics.attempts) >= 1)
    world.now_ms = T0_MS + 86_400_001
    member.run_until(world.has_receipts("A-1"))
    assert (world.receipts()["A-1"].reason, world.receipts()["A-1"].outcome) == ("too_old", "throttled")


def test_shadow_is_never_sent(world: World, stand_in: StandInAwin) -> None:
    """A shadow conversion gets its receipt without a request."""
    world.produce(sale("A-1", mode="shadow"))
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    member.run_for(0.05)
    receipt = world.receipts()["A-1"]
    assert (receipt.ending, receipt.mode, receipt.attempts) == ("shadow", "shadow", 0)
    assert stand_in.requests == []


def test_what_is_left_to_files_is_passed_by(world: World, stand_in: StandInAwin) -> None:
    """An offline conversion is never sent and never too old: its receipt says that it waits. Shadow stays shadow."""
    old = sale("old", at_ms=world.now_ms - 10 * 86_400_000)
    world.produce(*(replace(each, method="offline") for each in (sale("A-1"), old, sale("never", mode="shadow"))))
    member = world.member()
    member.run_until(world.has_receipts("A-1", "old", "never"))
    receipts = world.receipts()
    assert {(receipts[ref].ending, receipts[ref].reason) for ref in ("A-1", "old")} == {("deferred", "offline")}
    assert receipts["never"].ending == "shadow"
    assert receipts["A-1"].attempts == 0
    assert (stand_in.requests, world.dead_letters()) == ([], [])
    assert world.mark().counts == {"for_export": 2, "shadow": 1}


@pytest.mark.parametrize("method", ["offline", "sread"])
def test_a_receipt_that_may_be_exported_is_not_written_again(
    world: World, stand_in: StandInAwin, method: Method
) -> None:
    """A repeat is only counted: the store does not know whether the order is exported by now. A conflict is told."""
    first = replace(sale("A-1", at_ms=world.now_ms - 86_400_001), method=method)
    world.produce(first)
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    exported = replace(world.receipts()["A-1"], ending="exported")
    world.log.produce("awin.receipt", key_of(first), codecs().write_receipt(exported))
    # The repeat says `sread`: the programme's method was changed. It is not sent either.
    world.produce(sale("A-1"), sale("A-1", fingerprint=b"other"), sale("A-2"))
    member.run_until(world.has_receipts("A-2"))
    member.run_until(lambda: "conflict" in {letter.reason for letter in world.dead_letters()})
    assert world.receipts()["A-1"] == exported
    assert stand_in.counts_by_ref() == {"A-2": 1}
    assert world.mark().counts["silent_repeat"] == 1


def test_an_exported_order_is_known_after_a_restart(world: World, stand_in: StandInAwin) -> None:
    """A new owner restores the export's receipt and leaves it as it is."""
    first = replace(sale("A-1"), method="offline")
    world.produce(first)
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    member.stage.close()
    exported = replace(world.receipts()["A-1"], ending="exported")
    world.log.produce("awin.receipt", key_of(first), codecs().write_receipt(exported))
    world.produce(sale("A-1"), sale("A-2"))
    world.member("b").run_until(world.has_receipts("A-2"))
    assert world.receipts()["A-1"] == exported
    assert stand_in.counts_by_ref() == {"A-2": 1}


def test_what_was_left_to_files_is_no_possible_repeat(world: World, stand_in: StandInAwin) -> None:
    """Nobody can have sent it, so it is not flagged after a crash."""
    stand_in.behave(lambda _: awin.Hang())
    world.produce(sale("slow"))
    first = world.member()
    first.run_until(lambda: len(stand_in.requests) == 1)
    world.produce(replace(sale("A-1"), method="offline"))
    first.crash()
    stand_in.behave(lambda _: OK)
    world.member("b").run_until(world.has_receipts("A-1", "slow"))
    assert {ref: receipt.possible_repeat for ref, receipt in world.receipts().items()} == {"slow": True, "A-1": False}


def test_test_mode_says_so(world: World, stand_in: StandInAwin) -> None:
    """A test conversion is sent with `testmode=1`, a live one with 0."""
    world.produce(replace(sale("test", mode="test"), test=True), sale("live"))
    world.member().run_until(world.has_receipts("test", "live"))
    assert {request.ref: request.parameters["testmode"] for request in stand_in.requests} == {"test": "1", "live": "0"}


def test_what_cannot_be_delivered_stops_nothing(world: World, stand_in: StandInAwin) -> None:
    """Undecodable bytes and a programme without key become dead letters with their bytes; the others are delivered."""
    world.log.produce("awin.conversion", b"1001:junk", b"junk")
    world.log.produce("awin.conversion", b"1001:none", None)
    world.produce(replace(sale("api"), method="conversion_api"), sale("A-1"))
    member = world.member()
    member.run_until(lambda: world.has_receipts("A-1", "api")() and len(world.dead_letters()) == 3)
    assert [(letter.reason, letter.key, letter.value) for letter in world.dead_letters()] == [
        ("undecodable", b"1001:junk", b"junk"),
        ("undecodable", b"1001:none", None),
        ("no_api_key", b"1001:api", world.dead_letters()[2].value),
    ]
    assert stand_in.counts_by_ref() == {"A-1": 1}
    assert world.mark().counts == {"dead_letter": 3, "delivered": 1}


def test_an_unknown_schema_stops_the_stage(world: World) -> None:
    """Only a newer version of ours can have written it: nothing is passed by."""
    world.log.produce("awin.conversion", b"1001:A-1", b"\xc3\x01" + b"12345678" + b"body")
    member = world.member()
    with pytest.raises(TopicError, match=r"awin\.conversion\[0\]@0"):
        member.run_for(5)
    assert world.dead_letters() == []


def test_a_repeat_is_counted_and_not_sent(world: World, stand_in: StandInAwin) -> None:
    """The first receipt is kept but for its count, whether the repeat comes later or at once."""
    world.produce(sale("A-1"), sale("A-1"))
    member = world.member()
    member.run_until(lambda: len(world.all_receipts()) == 2)
    world.produce(sale("A-1"))
    member.run_until(lambda: len(world.all_receipts()) == 3)
    first, second, third = world.all_receipts()
    assert (second, third) == (replace(first, repeats=1), replace(first, repeats=2))
    assert stand_in.counts_by_ref() == {"A-1": 1}
    assert world.mark().counts == {"delivered": 1, "repeat": 2}


def test_a_conflict_is_a_dead_letter(world: World, stand_in: StandInAwin) -> None:
    """The same reference with another content is not sent, and the receipt stays as it was."""
    world.produce(sale("A-1"), sale("A-1", fingerprint=b"other"))
    member = world.member()
    member.run_until(lambda: len(world.dead_letters()) == 1)
    [letter] = world.dead_letters()
    assert (letter.reason, letter.source.offset, letter.order_ref) == ("conflict", 1, "A-1")
    [receipt] = world.all_receipts()
    assert (receipt.ending, receipt.repeats) == ("delivered", 0)
    assert stand_in.counts_by_ref() == {"A-1": 1}


def test_a_key_has_one_attempt_in_flight(world: World, stand_in: StandInAwin) -> None:
    """While the first of a key is tried and tried again, the second waits."""
    stand_in.plan(awin.Answer(500), awin.Answer(500, delay_s=0.1), awin.Answer(200, delay_s=0.1))
    world.produce(sale("A-1"), sale("A-1"))
    world.member().run_until(lambda: len(world.all_receipts()) == 2)
    assert stand_in.counts_by_ref() == {"A-1": 3}
    assert world.receipts()["A-1"].repeats == 1


def test_no_more_than_max_outstanding_are_in_hand(world: World, stand_in: StandInAwin) -> None:
    """Beyond the limit reading pauses while polling goes on, and everything is delivered in the end."""
    stand_in.behave(lambda _: awin.Answer(200, delay_s=0.1))
    world.produce(*(sale(ref) for ref in refs(20)))
    member = world.member(max_outstanding=4)
    member.run_until(lambda: len(stand_in.requests) == 4)
    assert member.source.last_poll_age_s() < 5
    member.run_until(world.has_receipts(*refs(20)))
    assert member.metrics.most_outstanding == 4
    assert stand_in.sent_twice() == []


def test_no_attempt_starts_while_the_group_may_think_us_dead(world: World, stand_in: StandInAwin) -> None:
    """Polls that are half a session timeout apart hold attempts back; they start when polls are frequent again."""
    world.produce(sale("A-1"))
    member = world.member()
    stalled = itertools.count(0, 30)
    member.poll_clock = lambda: float(next(stalled))
    member.run_for(0.1)
    assert stand_in.requests == []
    member.poll_clock = time.monotonic
    member.run_until(world.has_receipts("A-1"))
    assert world.receipts()["A-1"].attempts == 1


def test_a_first_start_is_a_fact_before_the_first_attempt(world: World, stand_in: StandInAwin) -> None:
    """The earliest offset is committed, with the mark that we may send, and nothing is suspected."""
    for ref in refs(3):
        world.produce(sale(ref))
    world.log.truncate("awin.conversion", 0, 1)
    stand_in.behave(lambda _: awin.Hang())
    member = world.member()
    member.run_until(lambda: len(stand_in.requests) == 2)
    committed = world.committed()
    assert committed is not None
    assert committed.offset == 1
    assert (world.mark().suspects, world.mark().counts) == (8, {})


def test_lost_offsets_stop_the_stage(world: World, stand_in: StandInAwin) -> None:
    """Receipts without a committed offset mean that the offset was lost: nothing is sent again."""
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(world.has_receipts("A-1"))
    member.stage.close()
    world.log.group("group").committed.clear()
    with pytest.raises(OffsetsLost, match=r"partition 0 of awin\.conversion"):
        world.member("b").run_for(5)
    assert stand_in.counts_by_ref() == {"A-1": 1}


def test_a_graceful_restart_sends_nothing_twice(world: World, stand_in: StandInAwin) -> None:
    """Stopping waits for what is in flight and leaves a clean mark, which the next owner takes away before it sends."""
    stand_in.behave(lambda _: awin.Answer(200, delay_s=0.1))
    world.produce(*(sale(ref) for ref in refs(6)))
    first = world.member(max_outstanding=4)
    first.run_until(lambda: len(stand_in.requests) == 4)
    first.stage.close()
    assert len(world.receipts()) == 4
    assert world.mark().suspects == 0
    second = world.member("b", max_outstanding=4)
    second.run_until(lambda: len(stand_in.requests) > 4)
    assert world.mark().suspects == 4
    second.run_until(world.has_receipts(*refs(6)))
    assert stand_in.sent_twice() == []
    assert not any(receipt.possible_repeat for receipt in world.receipts().values())
    assert world.mark().counts == {"delivered": 6}


def test_a_crash_repeats_no_more_than_was_outstanding(world: World, stand_in: StandInAwin) -> None:
    """What was in flight is sent again and flagged; what had its receipt is not; counts stay right."""
    stand_in.behave(lambda request: awin.Hang() if request.ref in {"A-0", "A-2"} else OK)
    world.produce(*(sale(ref) for ref in refs(4)))
    first = world.member(max_outstanding=4)
    first.run_until(world.has_receipts("A-1", "A-3"))
    first.crash()
    stand_in.behave(lambda _: OK)
    world.produce(*(sale(f"B-{number}") for number in range(4)))
    second = world.member("b", max_outstanding=2)
    second.run_until(lambda: len(world.receipts()) == 8)
    assert sorted(stand_in.sent_twice()) == ["A-0", "A-2"]
    flagged = {ref for ref, receipt in world.receipts().items() if receipt.possible_repeat}
    assert {"A-0", "A-2"} <= flagged <= {"A-0", "A-2", "B-0", "B-1"}
    assert world.mark().counts == {"delivered": 8}
    assert len(world.all_receipts()) == 8


def test_what_comes_after_a_takeover_is_not_suspect(world: World, stand_in: StandInAwin) -> None:
    """A dead owner cannot have sent what was not there yet, so only what it left behind is flagged."""
    stand_in.behave(lambda _: awin.Hang())
    world.produce(sale("A-0"))
    first = world.member()
    first.run_until(lambda: len(stand_in.requests) == 1)
    first.crash()
    stand_in.behave(lambda _: OK)
    second = world.member("b")
    second.run_until(world.has_receipts("A-0"))
    world.produce(sale("A-1"))
    second.run_until(world.has_receipts("A-1"))
    assert {ref: receipt.possible_repeat for ref, receipt in world.receipts().items()} == {"A-0": True, "A-1": False}


def test_suspects_outlive_a_second_crash(world: World, stand_in: StandInAwin) -> None:
    """Who takes over from one who died at once suspects what the first had in hand, though the second had less."""
    stand_in.behave(lambda _: awin.Hang())
    world.produce(*(sale(ref) for ref in refs(6)))
    first = world.member(max_outstanding=4)
    first.run_until(lambda: len(stand_in.requests) == 4)
    first.crash()
    second = world.member("b", max_outstanding=2)
    second.run_until(lambda: len(stand_in.requests) == 6)
    second.crash()
    stand_in.behave(lambda _: OK)
    third = world.member("c", max_outstanding=2)
    third.run_until(world.has_receipts(*refs(6)))
    flagged = {ref for ref, receipt in world.receipts().items() if receipt.possible_repeat}
    assert flagged == set(refs(4))
    third.stage.close()
    assert world.mark().suspects == 0


def test_an_offset_set_by_hand_is_suspect(world: World, stand_in: StandInAwin) -> None:
    """Without our metadata the first few are flagged, and what has a receipt is not sent again."""
    world.produce(sale("A-0"), sale("A-1"))
    first = world.member(max_outstanding=2)
    first.run_until(world.has_receipts("A-0", "A-1"))
    first.stage.close()
    committed = world.log.group("group").committed
    for at, left in list(committed.items()):
        committed[at] = left._replace(offset=0, metadata="")
    world.produce(sale("B-0"), sale("B-1"), sale("B-2"))
    world.member("b", max_outstanding=2).run_until(world.has_receipts("B-0", "B-1", "B-2"))
    assert stand_in.sent_twice() == []


def test_a_repeat_is_counted_once_over_a_crash(world: World, stand_in: StandInAwin) -> None:
    """Repeats, conflicts and undecodable records that stand behind an unfinished one are told once, after it."""
    stand_in.behave(lambda request: awin.Hang() if request.ref == "slow" else OK)
    world.produce(sale("A-1"), sale("slow"), sale("A-1"), sale("A-1", fingerprint=b"other"))
    world.log.produce("awin.conversion", b"1001:junk", b"junk")
    first = world.member()
    first.run_until(world.has_receipts("A-1"))
    first.run_for(0.1)
    assert (len(world.all_receipts()), world.dead_letters()) == (1, [])
    first.crash()
    stand_in.behave(lambda _: OK)
    second = world.member("b")
    second.run_until(lambda: len(world.dead_letters()) == 2)
    assert world.receipts()["A-1"].repeats == 1
    assert world.mark().counts == {"delivered": 2, "repeat": 1, "dead_letter": 2}


def test_draining_ends_with_its_budget(world: World, stand_in: StandInAwin) -> None:
    """What does not end in time is broken off, and the partition is left without a clean mark."""
    stand_in.behave(lambda request: awin.Hang() if request.ref == "A-0" else OK)
    world.produce(sale("A-0"), sale("A-1"))
    member = world.member(drain_budget_ms=150, read_timeout_ms=60_000)
    member.run_until(lambda: len(stand_in.requests) == 2)
    began_s = time.monotonic()
    member.stage.close()
    assert 0.1 < time.monotonic() - began_s < 5
    assert world.receipts().keys() == {"A-1"}
    assert world.mark().suspects == 8


def test_an_unknown_attempt_is_no_clean_end(world: World, stand_in: StandInAwin) -> None:
    """A conversion that may have arrived and waits for another attempt leaves no clean mark."""
    stand_in.behave(lambda _: awin.Answer(500))
    world.produce(sale("A-1"))
    member = world.member(retry_base_ms=60_000, retry_cap_ms=60_000)
    member.run_until(lambda: member.metrics.attempts == ["unknown"])
    member.stage.close()
    assert world.mark().suspects == 8


def test_a_throttled_attempt_is_a_clean_end(world: World, stand_in: StandInAwin) -> None:
    """A conversion that surely did not arrive does not make the next owner suspicious."""
    stand_in.behave(lambda _: awin.Answer(429))
    world.produce(sale("A-1"))
    member = world.member(retry_base_ms=60_000, retry_cap_ms=60_000)
    member.run_until(lambda: member.metrics.attempts == ["throttled"])
    member.stage.close()
    assert world.mark().suspects == 0


@pytest.mark.parametrize(
    ("behaviour", "budget_ms", "may_repeat"),
    [(OK, 2_000, 0), (awin.Answer(429), 2_000, 0), (awin.Answer(500), 2_000, 1), (awin.Hang(), 50, 1)],
)
def test_a_release_says_what_may_be_sent_again(
    world: World, stand_in: StandInAwin, behaviour: awin.Behaviour, budget_ms: int, may_repeat: int
) -> None:
    """Those under way that did not end in time, and those whose last attempt may have arrived; for the log."""
    stand_in.behave(lambda _: behaviour)
    world.produce(sale("A-1"))
    member = world.member(drain_budget_ms=budget_ms, read_timeout_ms=60_000, retry_base_ms=60_000, retry_cap_ms=60_000)
    member.run_until(lambda: bool(stand_in.requests))
    with capture_logs() as told:
        member.stage.close()
    [released] = [entry for entry in told if entry["event"] == "deliver.released"]
    assert (released["lost"], released["may_repeat"]) == (False, may_repeat)


def test_lost_partitions_are_dropped_at_once(world: World, stand_in: StandInAwin) -> None:
    """Once expelled nothing is committed, waited for or begun; the next owner flags what it sends again."""
    stand_in.behave(lambda _: awin.Hang())
    world.produce(sale("A-1"))
    first = world.member(read_timeout_ms=60_000)
    first.run_until(lambda: len(stand_in.requests) == 1)
    world.log.expel("a", "group")
    stand_in.behave(lambda _: OK)
    second = world.member("b")
    began_s = time.monotonic()
    first.stage.step(0.0)
    assert time.monotonic() - began_s < 1
    second.run_until(world.has_receipts("A-1"))
    assert world.receipts()["A-1"].possible_repeat
    assert stand_in.counts_by_ref() == {"A-1": 2}


@pytest.mark.parametrize("error", [Rebalanced("not just now"), Unavailable("no answer")])
def test_a_failed_commit_is_repeated(world: World, stand_in: StandInAwin, error: Rebalanced | Unavailable) -> None:
    """As long as the partition stays ours its endings are kept, and no request is."""
    world.produce(sale("A-1"))
    stand_in.plan(awin.Answer(200, delay_s=0.1))
    member = world.member()
    member.run_until(lambda: len(stand_in.requests) == 1)
    member.transaction.fail_next_commit(error)
    member.run_until(world.has_receipts("A-1"))
    world.produce(sale("A-2"))
    member.run_until(world.has_receipts("A-2"))
    assert member.metrics.aborts == {type(error).__name__.lower(): 1}
    assert stand_in.sent_twice() == []
    assert world.mark().counts == {"delivered": 2}


def test_nothing_begins_while_membership_is_in_doubt(world: World, stand_in: StandInAwin) -> None:
    """After a refused commit no attempt starts before a commit goes through."""
    world.produce(sale("A-1"))
    stand_in.plan(awin.Answer(200, delay_s=0.05))
    member = world.member()
    member.run_until(lambda: len(stand_in.requests) == 1)

    def refuse_until(failures: int) -> None:
        while member.metrics.aborts["rebalanced"] < failures:
            member.transaction.fail_next_commit(Rebalanced("not just now"))
            member.stage.step(0.01)

    refuse_until(1)
    world.produce(sale("A-2"))
    refuse_until(4)
    assert member.source.next_offset(world.log.partitions("awin.conversion")[0]) > 1
    assert stand_in.counts_by_ref() == {"A-1": 1}
    member.run_until(lambda: "A-2" in world.receipts())


def test_an_outage_of_the_broker_is_waited_out(world: World, stand_in: StandInAwin) -> None:
    """Endings are kept while the broker is away and committed when it is back, with no request repeated."""
    stand_in.behave(lambda _: awin.Answer(200, delay_s=0.1))
    world.produce(*(sale(ref) for ref in refs(3)))
    member = world.member()
    member.run_until(lambda: len(stand_in.requests) == 3)
    world.log.available = False
    member.run_until(lambda: member.metrics.aborts["unavailable"] >= 3)
    assert world.receipts() == {}
    world.log.available = True
    member.run_until(world.has_receipts(*refs(3)))
    assert stand_in.sent_twice() == []


def test_a_fenced_stage_stops(world: World, stand_in: StandInAwin) -> None:
    """It raises, and closing it commits nothing more."""
    stand_in.plan(awin.Answer(200, delay_s=0.1))
    world.produce(sale("A-1"))
    member = world.member()
    member.run_until(lambda: len(stand_in.requests) == 1)
    world.log.take_over("deliver-a")
    with pytest.raises(Fenced):
        member.run_for(10)
    before = world.committed()
    member.stage.close()
    assert (world.receipts(), world.committed()) == ({}, before)


def test_partitions_move_without_a_repeat(stand_in: StandInAwin) -> None:
    """A second member takes half of the partitions while sales are in flight; each is sent once."""
    world = World(stand_in, partitions=4)
    stand_in.behave(lambda _: awin.Answer(200, delay_s=0.05))
    world.produce(*(sale(ref) for ref in refs(60)))
    first, second = world.member("a"), world.member("b", alone=False)
    first.run_until(lambda: len(stand_in.requests) >= 10)
    inputs = world.log.partitions(*INPUTS)
    world.log.rebalance({"a": inputs[:4], "b": inputs[4:]}, "group")
    deadline_s = time.monotonic() + 20
    while len(world.receipts()) < 60 and time.monotonic() < deadline_s:
        first.stage.step(0.01)
        second.stage.step(0.01)
    assert len(world.receipts()) == 60
    assert stand_in.sent_twice() == []
    assert not any(receipt.possible_repeat for receipt in world.receipts().values())
    assert sum(world.mark(number).counts["delivered"] for number in range(4)) == 60
    world.close()


def test_state_comes_back_from_the_receipts(world: World, stand_in: StandInAwin) -> None:
    """With its local state lost, a restarted instance still knows what was sent."""
    world.produce(sale("A-1"))
    first = world.member()
    first.run_until(world.has_receipts("A-1"))
    first.stage.close()
    world.produce(sale("A-1"), sale("A-2"))
    second = world.member("a")
    second.run_until(lambda: world.has_receipts("A-2")() and world.receipts()["A-1"].repeats == 1)
    assert stand_in.sent_twice() == []


def test_local_state_follows_the_receipts(world: World) -> None:
    """After a commit the store holds exactly what restoring it would."""
    world.produce(sale("A-1"), sale("A-1"), sale("A-2", mode="shadow"))
    first = world.member()
    first.run_until(lambda: len(world.all_receipts()) == 3)
    first.stage.close()
    second = world.member("b")
    second.run_until(lambda: 0 in second.stage.assignment.active)
    first_content, second_content = ({k: v for k, v in each.store.scan(b"") if len(k) > 4} for each in (first, second))
    assert first_content == second_content
    assert len(first_content) == 2
    assert key_of(sale("A-1")) in {key[4:] for key in first_content}


def test_running_ends_gracefully(world: World, stand_in: StandInAwin) -> None:
    """Told to stop, the stage finishes what is in flight, commits it and leaves the group."""
    stand_in.behave(lambda _: awin.Answer(200, delay_s=0.2))
    world.produce(sale("A-1"))
    member = world.member()
    stop = threading.Event()

    def stop_once_sent() -> None:
        stand_in.wait_for(1, timeout_s=10)
        stop.set()

    watcher = threading.Thread(target=stop_once_sent)
    watcher.start()
    member.stage.run(stop)
    watcher.join()
    assert world.receipts()["A-1"].ending == "delivered"
    assert world.mark().suspects == 0
    assert "a" not in world.log.group("group").members
