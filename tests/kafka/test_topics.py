"""Making and checking topics on a real broker."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from consumer.demo.broker import EmbeddedKafka
from consumer.errors import TopicError, Unavailable
from consumer.stream.properties import open_admin
from consumer.stream.topic_check import check
from consumer.stream.topics import TopicFacts, TopicPlan, copartitioned, create, describe, owned

pytestmark = pytest.mark.kafka

DAY_MS = 86_400_000


@pytest.fixture
def admin(kafka: EmbeddedKafka) -> AdminClient:
    """An admin client."""
    return open_admin({"bootstrap.servers": kafka.bootstrap_servers}, "test")


@pytest.fixture
def plan(topic_names: Callable[[str], str]) -> TopicPlan:
    """Topics of this test's own, sized for one broker."""
    return TopicPlan(
        session_landed=topic_names("session"),
        order_completed=topic_names("order"),
        conversion=topic_names("conversion"),
        receipt=topic_names("receipt"),
        deferred=topic_names("deferred"),
        dead_letter=topic_names("dead"),
        control=topic_names("control"),
        touches=topic_names("touches"),
        orders=topic_names("orders"),
        outbox_partitions=None,
        replication=1,
        min_insync_replicas=1,
        max_message_bytes=2_200_000,
        outbox_retention_ms=30 * DAY_MS,
        dead_letter_retention_ms=14 * DAY_MS,
        touches_retention_ms=38 * DAY_MS,
        orders_retention_ms=400 * DAY_MS,
        delete_retention_ms=DAY_MS,
    )


def make(admin: AdminClient, name: str, partitions: int, **config: str) -> None:
    """Create a topic as somebody else would."""
    settings = {key.replace("_", "."): value for key, value in config.items()}
    admin.create_topics([NewTopic(name, partitions, 1, config=settings)])[name].result(30)
    wait_until(lambda: name in describe(admin, [name]))


def wait_until(condition: Callable[[], bool]) -> None:
    """Ask the broker again until it knows."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "the condition was not met in time"
        time.sleep(0.05)


def inputs(admin: AdminClient, plan: TopicPlan, sessions: int = 3, orders: int = 3) -> None:
    """Create the inputs."""
    make(admin, plan.session_landed, sessions, message_timestamp_type="LogAppendTime")
    make(admin, plan.order_completed, orders, message_timestamp_type="LogAppendTime")


def test_created_topics_pass_the_check(admin: AdminClient, plan: TopicPlan) -> None:
    """What `create` makes is what `check` wants, with as many partitions as the inputs."""
    inputs(admin, plan)
    specs = owned(plan, 3)
    assert sorted(create(admin, specs)) == sorted(spec.name for spec in specs)
    assert check(admin, plan) == []
    facts = describe(admin, [plan.conversion, plan.control, "no-such-topic"])
    assert {name: fact.partitions for name, fact in facts.items()} == {plan.conversion: 3, plan.control: 1}
    assert copartitioned(describe(admin, [plan.touches, plan.orders]), [plan.touches, plan.orders]) == 3


def test_topics_may_be_created_by_several_at_once(admin: AdminClient, plan: TopicPlan) -> None:
    """Of two processes that start together both succeed, and each topic is made once."""
    specs = owned(plan, 2)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: create(admin, specs), range(4)))
    assert sorted(name for names in made for name in names) == sorted(spec.name for spec in specs)


def test_a_topic_made_anew_has_another_id(admin: AdminClient, plan: TopicPlan) -> None:
    """The id tells a re-created topic from the one that state was built from."""
    make(admin, plan.receipt, 2)
    before = describe(admin, [plan.receipt])[plan.receipt]
    admin.delete_topics([plan.receipt])[plan.receipt].result(30)
    wait_until(lambda: not describe(admin, [plan.receipt]))
    create(admin, [spec for spec in owned(plan, 2) if spec.name == plan.receipt])
    wait_until(lambda: describe(admin, [plan.receipt])[plan.receipt].topic_id != before.topic_id)
    assert describe(admin, [plan.receipt])[plan.receipt].partitions == before.partitions


def test_what_is_missing_is_found(admin: AdminClient, plan: TopicPlan) -> None:
    """Missing inputs are the producer's; ours name the command that makes them."""
    assert {(each.topic, each.setting) for each in check(admin, plan)} == {
        (plan.session_landed, "topic"),
        (plan.order_completed, "topic"),
    }
    inputs(admin, plan)
    findings = check(admin, plan)
    assert {each.topic for each in findings} == {spec.name for spec in owned(plan, 3)}
    assert {(each.found, each.severity) for each in findings} == {("missing", "error")}
    assert all("awin-consumer topics create" in each.advice for each in findings)


def test_wrong_settings_are_found_with_what_to_do(admin: AdminClient, plan: TopicPlan) -> None:
    """Each difference that breaks a promise is an error with both values; what only wastes is a warning."""
    inputs(admin, plan)
    make(admin, plan.orders, 3, cleanup_policy="delete", retention_ms="1000", max_message_bytes="1000")
    make(admin, plan.receipt, 2, cleanup_policy="delete,compact", retention_ms="-1", max_message_bytes="2200000")
    make(
        admin,
        plan.touches,
        3,
        retention_ms=str(38 * DAY_MS),
        max_message_bytes="9000000",
        unclean_leader_election_enable="true",
        retention_bytes="1000000",
    )
    findings = check(admin, plan)
    found = {(each.severity, each.topic, each.setting, each.found) for each in findings if each.setting != "topic"}
    assert found == {
        ("error", plan.orders, "cleanup.policy", "delete"),
        ("error", plan.orders, "retention.ms", "1000"),
        ("error", plan.orders, "max.message.bytes", "1000"),
        ("error", plan.receipt, "partitions", "2"),
        ("warning", plan.receipt, "retention.ms", "-1"),
        ("error", plan.touches, "unclean.leader.election.enable", "true"),
        ("error", plan.touches, "retention.bytes", "1000000"),
    }
    assert [each.severity for each in findings] == sorted(each.severity for each in findings)
    (retention,) = (each for each in findings if (each.topic, each.setting) == (plan.orders, "retention.ms"))
    assert retention.wanted == str(400 * DAY_MS)
    assert f"--add-config retention.ms=[{400 * DAY_MS}]" in retention.advice


def test_too_few_replicas_are_found(admin: AdminClient, plan: TopicPlan) -> None:
    """A topic with fewer copies than planned is an error, and so is what it does without."""
    inputs(admin, plan)
    create(admin, owned(plan, 3))
    findings = check(admin, msgspec.structs.replace(plan, replication=3, min_insync_replicas=2))
    assert {each.setting for each in findings} == {"replication factor", "min.insync.replicas"}
    assert {each.severity for each in findings} == {"error"}


def test_inputs_that_do_not_fit_are_found(admin: AdminClient, plan: TopicPlan) -> None:
    """Unequal partition counts are an error; clocks of producers, compaction and large records a warning."""
    make(admin, plan.session_landed, 3, max_message_bytes="1200000", message_timestamp_type="LogAppendTime")
    make(admin, plan.order_completed, 2, cleanup_policy="compact")
    found = {
        (each.severity, each.topic, each.setting)
        for each in check(admin, plan)
        if each.topic in {plan.session_landed, plan.order_completed}
    }
    assert found == {
        ("error", plan.order_completed, "partitions"),
        ("warning", plan.session_landed, "max.message.bytes"),
        ("warning", plan.order_completed, "message.timestamp.type"),
        ("warning", plan.order_completed, "cleanup.policy"),
    }
    with pytest.raises(TopicError, match=f"{plan.session_landed} has 3, {plan.order_completed} has 2"):
        copartitioned(
            describe(admin, [plan.session_landed, plan.order_completed]),
            [
                plan.session_landed,
                plan.order_completed,
            ],
        )


def test_what_the_broker_refuses_is_told(admin: AdminClient, plan: TopicPlan) -> None:
    """More replicas than brokers is an error that says so."""
    specs = owned(msgspec.structs.replace(plan, replication=2), 1)
    with pytest.raises(TopicError, match="2 replicas: INVALID_REPLICATION_FACTOR"):
        create(admin, specs[:1])


def test_no_answer_is_unavailable(plan: TopicPlan) -> None:
    """Without a broker every call ends in time."""
    nobody = open_admin({"bootstrap.servers": "127.0.0.1:1"}, "test")
    with pytest.raises(Unavailable):
        describe(nobody, ["in"], 0.3)
    with pytest.raises(Unavailable):
        create(nobody, owned(plan, 1)[:1], 0.3)


def test_a_missing_topic_has_no_common_count() -> None:
    """The error names the topic and the command."""
    with pytest.raises(TopicError, match=r"topic b does not exist: .*topics create"):
        copartitioned({"a": TopicFacts("id", 1, 1)}, ["a", "b"])
