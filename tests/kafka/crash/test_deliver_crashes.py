"""The deliver stage dies or is told to stop, with calls to Awin under way."""

from __future__ import annotations

import time
from random import Random

import pytest
from confluent_kafka import Producer

from consumer.demo.awin import Answer, Hang, StandInAwin, log_normal
from consumer.demo.broker import EmbeddedKafka
from consumer.demo.comparison import compare
from consumer.events import Receipt
from tests.delivery.conversions import encoded, key_of, sale
from tests.kafka.crash.conftest import MakeScenario, Show
from tests.kafka.crash.program import Program, wait_until
from tests.kafka.crash.scenario import Scenario

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(240)]

RATE = 400
MAX_OUTSTANDING = 16


@pytest.fixture
def slow_awin(chance: Random) -> StandInAwin:
    """An Awin that takes its time, so that many calls are under way at once."""
    return StandInAwin(latency=log_normal(median_s=0.15, sigma=0.5, random=Random(chance.random())))


def start_at_work(scenario: Scenario, awin: StandInAwin) -> Program:
    """Start deliver and wait until it has sent something more."""
    sent = len(awin.requests)
    program = scenario.start("deliver", "d")
    program.wait_for(lambda: len(awin.requests) > sent, "a request to Awin")
    return program


def test_kills_repeat_little_and_say_so(
    make_scenario: MakeScenario, kafka: EmbeddedKafka, slow_awin: StandInAwin, chance: Random, show: Show
) -> None:
    """Five kills under load: Awin hears of every order; what it may hear twice is bounded and flagged."""
    kills = 5
    with slow_awin as awin:
        scenario = make_scenario(
            kafka, endpoint=awin.endpoint, changes={"delivery": {"max_outstanding": MAX_OUTSTANDING}}
        )
        scenario.create_topics()
        scenario.open_shop(RATE)
        scenario.start("attribute")
        for _ in range(kills):
            program = start_at_work(scenario, awin)
            time.sleep(chance.uniform(0.0, 0.6))
            program.kill()
        start_at_work(scenario, awin)
        scenario.settle()
        account = scenario.account()
        assert account.faults == []
        receipts = scenario.wait_delivered(account.to_report())
    comparison = compare(account.expected, [request.parameters for request in awin.requests if request.accepted])
    twice = set(awin.sent_twice())
    flagged = {ref for ref, receipt in receipts.items() if receipt.possible_repeat}
    show(
        kills=kills,
        orders=comparison.orders,
        requests=comparison.requests,
        repeats=comparison.sent_twice,
        flagged=len(flagged),
    )
    assert (comparison.lost, comparison.unexpected) == (0, 0)
    assert comparison.sent_twice <= kills * MAX_OUTSTANDING
    assert twice <= flagged
    assert {receipts[ref].ending for ref in account.to_report()} == {"delivered"}
    assert awin.violations == []


def test_graceful_restarts_repeat_nothing(
    make_scenario: MakeScenario, kafka: EmbeddedKafka, slow_awin: StandInAwin, chance: Random, show: Show
) -> None:
    """Three stops by SIGTERM under load: every order reaches Awin once, and no receipt says otherwise."""
    with slow_awin as awin:
        # Whoever stops in order leaves the group: the session timeout is only in the way on a slow machine.
        scenario = make_scenario(kafka, endpoint=awin.endpoint, changes={"kafka": {"session_timeout": "30s"}})
        scenario.create_topics()
        scenario.open_shop(RATE)
        scenario.start("attribute")
        for _ in range(3):
            program = start_at_work(scenario, awin)
            time.sleep(chance.uniform(0.0, 0.6))
            program.terminate()
            assert program.end() == 0
        start_at_work(scenario, awin)
        scenario.settle()
        account = scenario.account()
        assert account.faults == []
        receipts = scenario.wait_delivered(account.to_report())
    comparison = compare(account.expected, [request.parameters for request in awin.requests])
    show(stops=3, orders=comparison.orders, requests=comparison.requests)
    assert comparison.is_clean()
    assert not any(receipt.possible_repeat for receipt in receipts.values())


def put_conversions(scenario: Scenario, number: int) -> list[str]:
    """Put so many conversions into the outbox, completed now, and return their order references."""
    producer = Producer({"bootstrap.servers": scenario.servers, "partitioner": "murmur2_random"})
    references = [f"D-{index}" for index in range(number)]
    for reference in references:
        conversion = sale(reference, at_ms=time.time_ns() // 1_000_000)
        producer.produce(scenario.settings.topics.conversion, key=key_of(conversion), value=encoded(conversion))
    assert producer.flush(30) == 0
    return references


def test_a_stop_finishes_the_calls_under_way(
    make_scenario: MakeScenario, kafka: EmbeddedKafka, awin: StandInAwin
) -> None:
    """On SIGTERM calls under way are waited for and recorded; the next start sends the others, and none again."""
    awin.behave(lambda _: Answer(delay_s=1.0))
    scenario = make_scenario(kafka, endpoint=awin.endpoint, changes={"delivery": {"max_outstanding": 8}})
    scenario.create_topics()
    references = put_conversions(scenario, 24)
    program = scenario.start("deliver")
    program.wait_for(lambda: bool(awin.requests), "a request to Awin")
    program.terminate()
    assert program.end() == 0
    under_way = {request.ref for request in awin.requests}
    recorded = scenario.receipts()
    assert under_way == recorded.keys()
    assert len(under_way) < len(references)
    scenario.start("deliver")
    receipts = scenario.wait_delivered(references)
    assert awin.counts_by_ref() == dict.fromkeys(references, 1)
    assert {_fate(receipt) for receipt in receipts.values()} == {("delivered", 1, False)}


def test_a_second_signal_ends_at_once(make_scenario: MakeScenario, kafka: EmbeddedKafka, awin: StandInAwin) -> None:
    """While a stop waits for calls under way, another SIGTERM ends the process there and then."""
    awin.behave(lambda _: Hang())
    changes = {"delivery": {"drain_budget": "60s"}, "kafka": {"max_poll_interval": "5m"}}
    scenario = make_scenario(kafka, endpoint=awin.endpoint, changes=changes)
    scenario.create_topics()
    put_conversions(scenario, 4)
    program = scenario.start("deliver")
    program.wait_for(lambda: bool(awin.requests), "a request to Awin")
    assert program.get("/readyz") == 200
    program.terminate()
    wait_until(lambda: program.get("/readyz") == 503, "it is leaving")
    program.terminate()
    assert program.end(timeout_s=3) == 128 + 15


def _fate(receipt: Receipt) -> tuple[str, int, bool]:
    return receipt.ending, receipt.attempts, receipt.possible_repeat
