"""A trial on the in-memory log, with a real attribute stage."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from confluent_kafka import murmur2
from msgspec.structs import replace

from consumer.attribution.rules import Rulebook, Rules
from consumer.errors import TopicError
from consumer.events import Ending, Position, Receipt, outbox_key
from consumer.stream.avro import ReceiptDecoder, ReceiptEncoder
from consumer.trial.following import Following, Report, Step
from consumer.trial.making import Trial, make
from tests.attribute.cluster import PARTITIONS, SCHEMAS, START_MS
from tests.inspect.log_reader import LogReader
from tests.inspect.memory_topics import MemoryTopics
from tests.inspect.shop import TOPICS, Shop

TIMEOUT_S = 100.0
RULES = Rules(advertiser_id="1001")


class Scene:
    """A shop, a trial in it, and what happens while somebody waits."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.shop = Shop(Rulebook((rules,)), forces=True)
        self.steps: list[Step] = []
        self.trial = make(self.shop.rulebook, None, "ab" * 16, START_MS)
        self._turns: list[Callable[[], None]] = []

    def run(self, *turns: Callable[[], None], trial: Trial | None = None) -> Report:
        """Run it; at each look that found no end the next of these happens."""
        self._turns = list(turns)
        log, clock = self.shop.cluster.log, self.shop.cluster.clock

        def append(topic: str, key: bytes, value: bytes, partition: int) -> Position:
            record = log.produce(topic, key, value, partition)
            return Position(topic, partition, record.offset)

        def sleep(seconds: float) -> None:
            clock.advance(seconds)
            if self._turns:
                self._turns.pop(0)()

        following = Following(
            LogReader(log),
            append,
            SCHEMAS,
            TOPICS,
            ("group", "deliver"),
            monotonic_s=clock.monotonic_s,
            sleep=sleep,
            tell=self.steps.append,
        )
        return following.run(trial or self.trial, TIMEOUT_S)

    def decide(self) -> None:
        """Let the stage read and decide."""
        self.shop.work()
        self.shop.quiet()

    def receive(self, ending: Ending, **changes: object) -> None:
        """Write a receipt that ends so."""
        self.shop.deliver()
        log = self.shop.cluster.log
        key = outbox_key("1001", self.trial.order.order_ref)
        at = murmur2(key, PARTITIONS)
        last = log.records(TOPICS.receipt, at)[-1]
        receipt: Receipt = replace(ReceiptDecoder(SCHEMAS)(last.value, ()), ending=ending, **changes)
        log.truncate(TOPICS.receipt, at, log.end_offset(TOPICS.receipt, at))
        log.produce(TOPICS.receipt, key, ReceiptEncoder(SCHEMAS)(receipt), at)


def test_it_is_followed_to_its_receipt() -> None:
    """Each step is told when it comes about, with its place."""
    scene = Scene()
    report = scene.run(scene.decide, scene.shop.deliver)
    assert (report.ok, report.state, report.advice) == (True, "shadow", "")
    assert [step.name for step in scene.steps] == ["landing", "order", "conversion", "receipt"]
    assert report.steps == tuple(scene.steps)
    landing, order, conversion, receipt = report.steps
    assert landing.at.partition == order.at.partition
    assert (landing.at.topic, order.at.topic) == (TOPICS.session_landed, TOPICS.order_completed)
    assert conversion.told == (
        "channel aw (last_click), with the click's checksum, decided by force, since the partition is quiet, "
        "mode shadow"
    )
    assert receipt.told == "decided in shadow mode: nothing was sent"
    assert landing.after_ms <= order.after_ms < conversion.after_ms < receipt.after_ms


def test_nothing_that_is_told_holds_the_checksum() -> None:
    """Not even one that is made up: habits count."""
    scene = Scene()
    report = scene.run(scene.decide, scene.shop.deliver)
    assert scene.trial.awc not in repr(report)


@pytest.mark.parametrize(
    ("ending", "changes", "state", "told"),
    [
        ("delivered", {"attempts": 1, "http_status": 200}, "delivered", "Awin has received it as a test, after 1"),
        ("deferred", {"reason": "offline"}, "for_export", "left to awin-consumer export-offline"),
        ("exported", {"excerpt": "awin-1001.csv"}, "for_export", "written to the file awin-1001.csv"),
    ],
)
def test_good_endings(ending: Ending, changes: dict[str, object], state: str, told: str) -> None:
    """Each is told in its own words."""
    scene = Scene()
    report = scene.run(scene.decide, lambda: scene.receive(ending, **changes))
    assert (report.ok, report.state) == (True, state)
    assert report.steps[-1].told.startswith(told)


def test_what_is_put_off_is_waited_for() -> None:
    """The reason is a step, not the end."""
    scene = Scene()
    report = scene.run(
        scene.decide, lambda: scene.receive("deferred", reason="breaker"), lambda: scene.receive("delivered")
    )
    assert [step.told for step in report.steps if step.name == "deferred"] == ["put off: breaker"]
    assert report.state == "delivered"


def test_a_dead_letter_of_deliver_is_the_end() -> None:
    """With what to do about its reason."""
    scene = Scene()
    report = scene.run(scene.decide, lambda: scene.receive("dead_letter", reason="rejected", http_status=400))
    assert (report.ok, report.state) == (False, "dead_letter")
    assert report.steps[-1].told == "dead letter, rejected, HTTP 400"
    assert report.advice.startswith("see what Awin said")


def test_a_refused_order_is_told_with_its_reason() -> None:
    """As by a consumer whose settings are others than those here."""
    scene = Scene()
    wrong = replace(scene.trial, order=replace(scene.trial.order, currency="euro"))
    report = scene.run(scene.decide, trial=wrong)
    assert (report.state, report.steps[-1].name) == ("dead_letter", "dead letter")
    assert report.steps[-1].told.startswith("bad_currency: order.completed[")
    assert report.advice.startswith("correct the producer: ISO 4217")


def test_an_order_that_lost_its_click_is_wrong() -> None:
    """It came to its end, and still the flow does not do what it is for."""
    scene = Scene()
    denied = replace(scene.trial, landing=replace(scene.trial.landing, consent="denied"))
    report = scene.run(scene.decide, scene.shop.deliver, trial=denied)
    assert (report.ok, report.state) == (False, "unlinked")
    assert "WITHOUT its checksum" in report.steps[2].told
    assert f"awin-consumer explain {scene.trial.order.order_ref}" in report.advice


def test_a_consumer_that_does_not_run_is_told() -> None:
    """Nobody has a position in the order's partition."""
    report = Scene().run()
    assert (report.ok, report.state) == (False, "not_decided")
    assert report.advice.startswith("the group group has no position in order.completed[")


def test_a_consumer_that_stands_is_told() -> None:
    """It worked once, and has not come to the order."""
    scene = Scene()
    scene.shop.work()
    report = scene.run()
    assert "stands at offset 0 of order.completed[" in report.advice


def test_an_order_that_waits_is_told() -> None:
    """It was read; why it waits is for `explain` to say."""
    scene = Scene()
    report = scene.run(scene.shop.work)
    assert report.advice.startswith("the attribute stage has read the order and not decided it: awin-consumer explain")


def test_a_missing_receipt_is_told() -> None:
    """The order was decided, and nobody delivers."""
    report = (scene := Scene()).run(scene.decide)
    assert (report.state, report.steps[-1].name) == ("not_ended", "conversion")
    assert report.advice.startswith("the group deliver has no position in awin.conversion[")


def test_inputs_with_different_partitions_are_refused() -> None:
    """Nothing is written then."""

    def append(topic: str, key: bytes, value: bytes, partition: int) -> Position:
        raise AssertionError("written")

    topics = MemoryTopics({TOPICS.session_landed: 2, TOPICS.order_completed: 3})
    following = Following(topics, append, SCHEMAS, TOPICS, ("a", "d"), monotonic_s=lambda: 0.0, sleep=lambda _: None)
    with pytest.raises(TopicError, match="they need equally many"):
        following.run(Scene().trial, TIMEOUT_S)
