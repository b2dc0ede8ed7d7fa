"""The commands on a real broker."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest
from confluent_kafka import Consumer, murmur2
from confluent_kafka import TopicPartition as KafkaPartition
from msgspec.structs import replace

from consumer.demo.broker import EmbeddedKafka
from consumer.events import OrderCompleted, SessionLanded, outbox_key
from consumer.stream.avro import ConversionDecoder, ConversionEncoder, OrderDecoder, OrderEncoder, SessionEncoder
from consumer.stream.log import Committed, Record, TopicPartition
from tests.cli.commands import Ran
from tests.inspect.world import ATTRIBUTE, BEFORE_OURS, World, schemas
from tests.kafka.shell import NAMES, PARTITIONS, Shell

pytestmark = pytest.mark.kafka


@pytest.fixture
def shell(kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path) -> Shell:
    """Commands with a configuration on the shared broker."""
    return Shell(kafka, topic_names, tmp_path)


def sold(shell: Shell) -> World:
    """Return a world with an order in each state: R-1 delivered, R-2 too late, R-3 outstanding, R-4 pending."""
    world = World(PARTITIONS, PARTITIONS, shell.settings.topics)
    world.order(0, "accepted")
    world.decide(0)
    for partition in range(PARTITIONS):
        world.deliver(partition, 0, "delivered")
    world.order(1, "too_late")
    world.order(1, "accepted")
    world.decide(1)
    world.order(0, "accepted")
    return world


def test_topics_are_created_and_pass_their_check(shell: Shell) -> None:
    """What `topics create` makes is what `topics check` wants; a second time there is nothing to do."""
    before = shell("topics", "check", "--json")
    assert (before.code, before.value["ok"]) == (1, False)
    created = shell("topics", "create", "--inputs", PARTITIONS, "--json").value
    assert sorted(created["created"]) == sorted(shell.values["topics"][name] for name in NAMES)  # type: ignore[index]
    assert shell("topics", "check", "--json") == (0, '{\n  "ok": true,\n  "findings": []\n}\n', "")
    assert shell("topics", "create", "--json").value["created"] == []


def test_topics_print_as_tables(shell: Shell) -> None:
    """People get one line a topic, without colours when nobody looks, and what to do in a line of its own."""
    created = shell("topics", "create", "--inputs", 1)
    receipt = shell.settings.topics.receipt
    assert [line.split() for line in created.out.splitlines() if receipt in line] == [[receipt, "1", "1", "created"]]
    assert "\x1b" not in created.out
    shell.values["topics"]["dead_letter_retention"] = "15d"  # type: ignore[index]
    shell.write()
    checked = shell("topics", "check")
    assert checked.code == 1
    advice = next(line for line in checked.out.splitlines() if "kafka-configs" in line)
    assert advice.startswith(shell.settings.topics.dead_letter)
    assert advice.endswith("--add-config retention.ms=[1296000000]")


def test_missing_inputs_are_the_producers_to_make(shell: Shell) -> None:
    """Without --inputs ours are not made before the inputs are there."""
    ran = shell("topics", "create")
    assert (ran.code, ran.out) == (1, "")
    assert "the producer makes the inputs" in ran.err


def test_too_few_brokers_are_told_before_anything_is_made(shell: Shell) -> None:
    """The message names the settings."""
    shell.values["topics"]["replication"] = 3  # type: ignore[index]
    shell.write()
    ran = shell("topics", "create", "--inputs", 1)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("error: topics.replication is 3, but the cluster has 1 broker:")
    shell.values["topics"]["replication"] = 1  # type: ignore[index]
    assert shell("topics", "check").code == 1


def verdicts(ran: Ran) -> dict[str, str]:
    """Return the verdict of each check, by its name without the test's prefix."""
    return {each["name"].split(" of ")[0]: each["verdict"] for each in ran.value["checks"]}


def test_a_sound_setup_passes_the_check(shell: Shell) -> None:
    """Topics, keys and contents are fine; Awin need not be reached in shadow mode, which is a warning."""
    shell.create()
    for visitor in ("ann", "bob", "eve", "joe", "mia"):
        landing = SessionLanded("s", visitor, 1_700_000_000_000, "https://shop.example/")
        value = SessionEncoder(schemas())(landing)
        shell.produce(shell.settings.topics.session_landed, visitor.encode(), value)
    ran = shell("check", "--json")
    by_name = {each["name"]: each for each in ran.value["checks"]}
    sessions, orders = shell.settings.topics.session_landed, shell.settings.topics.order_completed
    assert ran.code == 0
    assert {name for name, each in by_name.items() if each["verdict"] == "warn"} == {"awin"}
    assert {name for name, each in by_name.items() if each["verdict"] == "skipped"} == {
        f"keys of {orders}",
        f"records of {orders}",
    }
    assert by_name[f"keys of {sessions}"]["found"].startswith("5 of the newest 5 records")


def test_wrong_producers_fail_the_check(shell: Shell) -> None:
    """Another partitioner and bytes that nobody can read are told, with what to do."""
    shell.create()
    for number in range(20):
        shell.produce(shell.settings.topics.session_landed, b"v%d" % number, b"junk", "consistent_random")
        shell.produce(shell.settings.topics.order_completed, None, b"junk")
    ran = shell("check")
    assert ran.code == 1
    for topic in (shell.settings.topics.session_landed, shell.settings.topics.order_completed):
        lines = [line for line in ran.out.splitlines() if topic in line]
        assert [line.split()[0] for line in lines] == ["fail", "fail"]
    assert "murmur2_random" in ran.out
    assert "bad_framing 20" in ran.out


def test_missing_topics_fail_the_check(shell: Shell) -> None:
    """What rests on topics that are not there is skipped."""
    found = verdicts(shell("check", "--json"))
    assert (found["broker"], found["topics"], found["co-partitioning"]) == ("ok", "fail", "fail")
    assert found["keys"] == "skipped"


def test_orders_are_explained(shell: Shell) -> None:
    """Each order has its state, its decision and its answer."""
    shell.create()
    shell.copy(sold(shell))
    states = {ref: shell("explain", ref, "--json").value["state"] for ref in ("R-1", "R-2", "R-3", "R-4")}
    assert states == {"R-1": "delivered", "R-2": "dead_letter", "R-3": "outstanding", "R-4": "pending"}
    unknown = shell("explain", "R-5", "--json")
    assert (unknown.code, unknown.value["state"], unknown.value["unread_orders"]) == (1, "unknown", 0)
    assert shell("explain", "R-1", "--programme", "2002").code == 1


def test_orders_that_are_no_conversion_are_explained(shell: Shell) -> None:
    """By their record and their visitor's landings: one that is excluded, and one that is worth nothing."""
    shell.create()
    world = sold(shell)
    names = shell.settings.topics
    at_ms = time.time_ns() // 1_000_000  # as the broker stamps the records
    german = OrderCompleted(
        order_id="1", order_ref="DE", completed_at_ms=at_ms, currency="EUR", subtotal=Decimal(5), market="de"
    )
    worthless = replace(german, order_ref="NIL", subtotal=Decimal(0), market="fr", visitor_id="ann")
    for order in (german, worthless):
        record = world.topics.append(names.order_completed, b"ann", OrderEncoder(schemas())(order), 0, at_ms)
        world.topics.commit(ATTRIBUTE, TopicPartition(names.order_completed, 0), Committed(record.offset + 1, ""))
    shell.copy(world)
    for visitor in ("bob", "ann"):
        landing = SessionLanded("s", visitor, at_ms - 1_000, "https://shop.example/?utm_medium=email")
        value = SessionEncoder(schemas())(landing)
        shell.append([Record(names.session_landed, 0, 0, at_ms, visitor.encode(), value)])
    shell.values["orders"] = {"exclude": [{"currency": "GBP"}, {"market": "de"}]}
    shell.values["programmes"] = [{"advertiser_id": "1001", "zero_value": "skip"}]
    shell.write()
    excluded = shell("explain", "DE")
    assert (excluded.code, excluded.err) == (0, "")
    assert excluded.out.startswith("Order DE: not reported: orders.exclude takes it out\n\nTaken out by set 2 of ")
    found = shell("explain", "NIL", "--json").value
    assert (found["state"], found["programme"]) == ("zero_value", "1001")
    assert [(each["rule"], each["session_offset"]) for each in found["touches"]] == [("utm_email", 1)]


def test_an_explanation_is_for_people(shell: Shell) -> None:
    """The answer comes first, then decision, request and delivery; sentences, not words of the program."""
    shell.create()
    shell.copy(sold(shell))
    ran = shell("explain", "R-1")
    assert ran.code == 0
    assert ran.out.startswith("Order R-1 of programme 1001: Awin has received it, on 2023-11-14 ")
    rows = {line.split("  ")[0]: line.split("  ", 1)[1].strip() for line in ran.out.splitlines() if "  " in line}
    assert rows["channel"] == "aw: no landing of this visitor was seen (channels.unknown)"
    assert rows["amount"] == "1.00"  # the request's row, which comes after the decision's
    assert rows["ref"] == "R-1"
    assert rows["last answer"] == "HTTP 200, received"
    assert "waiting for the sessions before it" in shell("explain", "R-4").out
    assert "order_too_late (attribute, " in shell("explain", "R-2").out
    assert "up to" not in shell("explain", "R-5").out


FOR_R_1 = [("awin-forget-order", b"1001:R-1")]


def appended(shell: Shell) -> list[tuple[object, ...]]:
    """Return partition, key, value and headers of everything on session.landed."""
    topic = shell.settings.topics.session_landed
    servers = {"bootstrap.servers": shell.kafka.bootstrap_servers, "group.id": topic, "log_level": 0}
    found: list[tuple[object, ...]] = []
    with closing(Consumer({**servers, "enable.partition.eof": True})) as reader:
        reader.assign([KafkaPartition(topic, number, 0) for number in range(PARTITIONS)])
        ends = 0
        while ends < PARTITIONS:
            message = reader.poll(30)
            assert message is not None
            if message.error() is not None:
                ends += 1
            else:
                found.append((message.partition(), message.key(), message.value(), message.headers()))
    return found


def test_a_visitor_is_forgotten_where_his_sessions_are(shell: Shell) -> None:
    """A record without value stands in the partition of the visitor's key; nothing of the key is printed."""
    shell.create()
    ran = shell("forget", "--visitor", "v-secret", "--yes")
    assert (ran.code, "secret" in ran.out) == (0, False)
    assert appended(shell) == [(murmur2(b"v-secret", PARTITIONS), b"v-secret", None, None)]
    assert shell("forget").code == 2
    assert shell("forget", "--visitor", "v", "--order-ref", "R-1").code == 2


def test_an_order_is_forgotten_with_its_visitor(shell: Shell) -> None:
    """By the order's own record: what is erased and what is not is told."""
    shell.create()
    world = sold(shell)
    record = world.topics.records(shell.settings.topics.order_completed)[BEFORE_OURS]
    event = replace(OrderDecoder(schemas())(record.value), visitor_id="v-secret")
    world.topics.rewrite(record, OrderEncoder(schemas())(event))
    shell.copy(world)
    ran = shell("forget", "--order-ref", "R-1", "--yes")
    assert (ran.code, "secret" in ran.out) == (0, False)
    topic = shell.settings.topics.session_landed
    assert [" ".join(line.split()) for line in ran.out.splitlines()] == [
        f"Appended to {topic}[0]. It is done when the attribute stage has read that far.",
        "erased what is kept of the visitor of order R-1",
        "erased the checksums remembered with order R-1",
        "not erased what stands on topics, until it expires there: docs/privacy.md",
    ]
    assert appended(shell) == [(0, b"v-secret", None, FOR_R_1)]


def test_an_order_without_visitor_is_forgotten_alone(shell: Shell) -> None:
    """With nobody's key; an order that nobody knows is told."""
    shell.create()
    shell.copy(sold(shell))
    ran = shell("forget", "--order-ref", "R-1", "--yes", "--json")
    topic = shell.settings.topics.session_landed
    assert ran.value == {"topic": topic, "partitions": [0], "visitor": "none", "order_checksums": True}
    assert appended(shell) == [(0, b"", None, FOR_R_1)]
    unfound = shell("forget", "--order-ref", "R-9", "--yes")
    assert unfound.code == 1
    assert "order R-9 of programme 1001: there is no conversion, receipt or record of it" in unfound.err


def test_an_order_whose_record_is_gone_is_forgotten_without_its_visitor(shell: Shell) -> None:
    """The exit code says that there is more to be done."""
    shell.create()
    world = sold(shell)
    for record in world.topics.records(shell.settings.topics.order_completed):
        world.topics.rewrite(record, b"?")
    shell.copy(world)
    ran = shell("forget", "--order-ref", "R-1", "--yes")
    assert ran.code == 1
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[1] == "erased the checksums remembered with order R-1"
    assert lines[2].startswith("not erased the visitor: the order's record is gone, so nobody knows whose it was.")
    assert [(partition, value, headers) for partition, _, value, headers in appended(shell)] == [(0, None, FOR_R_1)]


def test_an_order_of_several_programmes_is_not_guessed(shell: Shell) -> None:
    """Which one is to be said; the programme need not be the first."""
    shell.create()
    world = sold(shell)
    names = shell.settings.topics
    (conversion, *_) = world.topics.records(names.conversion)
    shell.copy(world)
    shell.values["programmes"] = [{"advertiser_id": "3003", "when": {"market": "fr"}}, {"advertiser_id": "1001"}]
    shell.write()
    assert shell("forget", "--order-ref", "R-1", "--yes", "--json").value["visitor"] == "none"
    decided = ConversionDecoder(schemas())(conversion.value)
    value = ConversionEncoder(schemas())(replace(decided, programme="3003"))
    shell.produce(names.conversion, outbox_key("3003", decided.order_ref), value)
    ran = shell("forget", "--order-ref", decided.order_ref, "--yes")
    assert ran.code == 2
    assert "1001" in ran.err
    assert "3003" in ran.err
    assert shell("forget", "--order-ref", decided.order_ref, "--programme", "3003", "--yes").code == 0
    assert appended(shell)[-1][3] == [("awin-forget-order", outbox_key("3003", decided.order_ref))]


def test_an_audit_of_a_sound_cluster_finds_nothing(shell: Shell) -> None:
    """Every order is accounted for."""
    shell.create()
    shell.copy(sold(shell))
    ran = shell("audit")
    assert (ran.code, ran.err) == (0, "")
    assert "Everything adds up. 4 order records were looked at one by one; in 2 of 2 partitions" in ran.out
    report = shell("audit", "--json").value
    assert [(each["read"], each["pending"]) for each in report["orders"]] == [(2, 1), (2, 0)]


def test_an_audit_names_what_is_missing(shell: Shell) -> None:
    """A lost receipt is told with its place and order, and the exit code says so."""
    shell.create()
    world = sold(shell)
    (receipt,) = world.topics.records(shell.settings.topics.receipt)
    world.topics.remove(receipt)
    shell.copy(world)
    ran = shell("audit")
    assert ran.code == 1
    assert "1 things do not add up." in ran.out
    (line,) = (line for line in ran.out.splitlines() if "R-1" in line)
    assert line.split()[:4] == [shell.settings.topics.conversion, str(receipt.partition), "0", "R-1"]
    (finding,) = shell("audit", "--json").value["findings"]
    assert (finding["what"], finding["order_ref"]) == ("no_receipt", "R-1")


def test_an_audit_before_the_first_start_has_nothing_to_say(shell: Shell) -> None:
    """Empty topics are not wrong."""
    shell.create()
    ran = shell("audit")
    assert (ran.code, ran.err) == (0, "")
    assert "Nothing to check yet" in ran.out


def test_programmes_are_paused_and_resumed(shell: Shell) -> None:
    """Each order is the newest of its programme, with its reason and who gave it; strangers are refused."""
    shell("topics", "create", "--inputs", PARTITIONS)
    programme = shell.settings.programmes[0].advertiser_id
    assert [row["state"] for row in shell("programmes", "list", "--json").value["programmes"]] == ["running"]
    paused = shell("programmes", "pause", programme, "--reason", "wrong amounts", "--by", "ann", "--json").value
    (row,) = shell("programmes", "list", "--json").value["programmes"]
    assert row == paused
    assert (row["state"], row["reason"], row["by"]) == ("paused", "wrong amounts", "ann")
    assert "wrong amounts" in shell("programmes", "list").out
    assert "first order" in shell("programmes", "resume", programme).out
    assert [row["state"] for row in shell("programmes", "list", "--json").value["programmes"]] == ["running"]
    refused = shell("programmes", "pause", "999999")
    assert (refused.code, "no such programme" in refused.err) == (1, True)


def test_what_was_sent_is_listed(shell: Shell, tmp_path: Path) -> None:
    """As a table of the newest, as one value for programs, and all of it as a file for its owner alone."""
    shell.create()
    shell.copy(sold(shell))
    file = tmp_path / "sent.csv"
    ran = shell("receipts", "--from", "2023-11-01", "--csv", file, "--json")
    assert (ran.code, ran.value["receipts"], ran.value["without_conversion"]) == (0, 1, 0)
    assert ran.value["newest"][0]["conversion"]["order_ref"] == "R-1"
    with file.open(encoding="utf-8", newline="") as written:
        (row,) = csv.DictReader(written)
    assert (row["order_ref"], row["ending"], row["amount"]) == ("R-1", "delivered", "1.00")
    assert file.stat().st_mode & 0o777 == 0o600
    said = shell("receipts", "--from", "2023-11-01", "--ending", "dead_letter")
    assert (said.code, said.out) == (0, "Nothing was sent in this time.\n")
