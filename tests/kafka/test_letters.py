"""`awin-consumer dead-letters` on a real broker."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from consumer.demo import awin
from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.events import DeadLetter, Position, Receipt
from consumer.replay_header import replay_in
from consumer.stream.avro import ConversionDecoder, DeadLetterDecoder, OrderEncoder, ReceiptDecoder
from consumer.stream.log import Record
from tests.cli.commands import Ran
from tests.delivery.conversions import encoded, key_of, sale, schemas
from tests.export.shop import Shop
from tests.kafka import killed_replay
from tests.kafka.crash.program import Program, consumer_command
from tests.kafka.crash.topic_reader import read_topic
from tests.kafka.shell import Shell
from tests.letters.office import Office, order

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]


class LettersShell(Shell):
    """A shell whose consumer runs, and whose topics are looked at."""

    def __init__(self, kafka: EmbeddedKafka, topic_names: Callable[[str], str], folder: Path) -> None:
        super().__init__(kafka, topic_names, folder)
        self.create()
        self._folder = folder
        self.running: list[Program] = []

    def letters(self, *arguments: object) -> Ran:
        """Run one of the commands."""
        return self("dead-letters", *arguments)

    def start(self, role: str) -> Program:
        """Run a stage as a process of its own."""
        self.write()
        program = Program(consumer_command(self.config, role), self._folder / f"{role}.log")
        self.running.append(program)
        return program

    def read(self, topic: str) -> list[Record]:
        """Return everything in a topic."""
        return read_topic(self.kafka.bootstrap_servers, topic)

    def all_receipts(self) -> list[Receipt]:
        """Return all receipts, old ones included, each partition's in order."""
        return [ReceiptDecoder(schemas())(each.value) for each in self.read(self.settings.topics.receipt)]

    def written(self) -> dict[Position, DeadLetter]:
        """Return everything on the dead-letter topic."""
        decode = DeadLetterDecoder(schemas())
        records = self.read(self.settings.topics.dead_letter)
        return {Position(each.topic, each.partition, each.offset): decode(each.value) for each in records}

    def replayed(self, topic: str) -> Counter[Position]:
        """Return how many records of a topic come from which dead letter."""
        replays = (replay_in(each.headers) for each in self.read(topic))
        return Counter(replay.letter for replay in replays if replay is not None)


@pytest.fixture
def shell(kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path) -> Iterator[LettersShell]:
    """Commands with a configuration on the shared broker, and its topics."""
    made = LettersShell(kafka, topic_names, tmp_path)
    yield made
    for program in made.running:
        program.kill()


@pytest.fixture
def stand_in() -> Iterator[StandInAwin]:
    """A strict Awin on this machine."""
    with StandInAwin(strict=True) as running:
        yield running


def test_a_letter_replayed_twice_is_one_delivery(shell: LettersShell, stand_in: StandInAwin, tmp_path: Path) -> None:
    """Awin refuses a sale, somebody mends that, and replays: the second time is refused, and by force harmless."""
    now_ms = time.time_ns() // 1_000_000
    shell.values["ops"] = {"port": 0, "host": "127.0.0.1"}
    shell.values["delivery"] = {"endpoint": stand_in.endpoint, "mode": "live"}
    stand_in.plan(awin.Answer(400, body=b"unknown merchant"))
    sold = sale("A-1", at_ms=now_ms)
    shell.produce(shell.settings.topics.conversion, key_of(sold), encoded(sold))
    deliver = shell.start("deliver")
    deliver.wait_for(lambda: bool(shell.all_receipts()), "a receipt")
    listed = shell.letters("list", "--json").value
    assert (listed["letters"], listed["replayed"], listed["by_reason"][0]["reason"]) == (1, 0, "rejected")
    shown = shell.letters("show", "--order-ref", "A-1", "--json", "--out", tmp_path / "value").value
    assert (shown["record"]["decoded"]["order_ref"], shown["receipt"]["reason"]) == ("A-1", "rejected")
    assert (tmp_path / "value").read_bytes() == encoded(sold)
    deliver.terminate()
    assert deliver.end() == 0

    assert shell.letters("replay", "--order-ref", "A-1", "--dry-run", "--json").value["replayed"] == {"rejected": 1}
    replayed = shell.letters("replay", "--order-ref", "A-1")
    assert (replayed.code, "1 records were appended again" in replayed.out) == (0, True)
    again = shell.letters("replay", "--all", "--json")
    assert (again.code, again.value["replayed"], again.value["refused"]) == (1, {}, {"replayed": 1})
    assert shell.letters("replay", "--all", "--force").code == 0
    first, *copies = shell.read(shell.settings.topics.conversion)
    assert {(each.partition, each.key, each.value, each.timestamp_ms) for each in copies} == {
        (first.partition, first.key, first.value, first.timestamp_ms)
    }
    assert len(copies) == 2

    deliver = shell.start("deliver")
    deliver.wait_for(lambda: len(shell.all_receipts()) == 3, "receipts of both")
    newest = shell.all_receipts()[-1]
    assert (newest.ending, newest.repeats, newest.attempts) == ("delivered", 1, 2)
    assert stand_in.counts_by_ref() == {"A-1": 2}
    refused = shell.letters("replay", "--all", "--force", "--json")
    assert (refused.code, refused.value["refused"]) == (1, {"dealt_with": 1})
    deliver.terminate()
    assert deliver.end() == 0
    report = shell("audit", "--json").value
    assert (report["ok"], sum(each["replayed"] for each in report["outbox"])) == (True, 1)
    assert shell("explain", "A-1", "--json").value["state"] == "delivered"
    assert "1 dead letters, of which 1 were replayed" in shell.letters("list").out


def test_an_order_is_decided_once_its_programme_is_configured(shell: LettersShell) -> None:
    """It comes again, and is judged as any corrected event."""
    topics = shell.settings.topics
    shell.values["ops"] = {"port": 0, "host": "127.0.0.1"}
    shell.values["programmes"] = [{"advertiser_id": "1001", "when": {"market": "de"}}]
    made = order("A-1", at_ms=time.time_ns() // 1_000_000)
    shell.values["delivery"] = {"endpoint": "http://127.0.0.1:9/", "cut_over": "2020-01-01T00:00:00Z"}
    shell.produce(topics.order_completed, b"A-1", OrderEncoder(schemas())(made))
    attribute = shell.start("attribute")
    attribute.wait_for(lambda: bool(shell.written()), "a dead letter")
    attribute.terminate()
    assert attribute.end() == 0
    shell.values["programmes"] = [{"advertiser_id": "1001"}]
    shell.write()
    assert shell.letters("replay", "--reason", "no_programme", "--json").value["replayed"] == {"no_programme": 1}
    attribute = shell.start("attribute")
    attribute.wait_for(lambda: bool(shell.read(topics.conversion)), "a conversion")
    attribute.terminate()
    assert attribute.end() == 0
    first, second = shell.read(topics.order_completed)
    assert (second.partition, second.key, second.value) == (first.partition, first.key, first.value)
    assert second.timestamp_ms > first.timestamp_ms  # our input topics stamp records themselves: LogAppendTime
    (conversion,) = (ConversionDecoder(schemas())(each.value) for each in shell.read(topics.conversion))
    assert (conversion.order_ref, conversion.source.offset) == ("A-1", second.offset)
    report = shell("audit", "--json").value
    assert (report["ok"], report["findings"]) == (True, [])
    assert sum(each["replayed"] for each in report["orders"]) == 1


def test_a_kill_in_the_middle_is_made_good(shell: LettersShell) -> None:
    """What was committed is done; the records of the open transaction are never seen, and come with the next run."""
    office = Office(shell.settings.topics)
    for number in range(12):
        office.refuse_order(f"A-{number}")
    for at in office.log.partitions(office.names.order_completed, office.names.dead_letter):
        shell.append(office.log.records(*at))
    killed = subprocess.run(
        [sys.executable, killed_replay.__file__, str(shell.config)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert killed.returncode == -9, killed.stderr.decode()
    healed = shell.letters("replay", "--all", "--json")
    assert (healed.code, healed.value["replayed"], healed.value["refused"]) == (
        0,
        {"no_programme": 7},
        {"replayed": 5},
    )
    letters = {at for at, letter in shell.written().items() if letter.stage == "attribute"}
    assert shell.replayed(office.names.order_completed) == Counter(letters)
    notes = Counter(letter.source for letter in shell.written().values() if letter.stage == "replay")
    assert notes == Counter(letters)


def test_people_see_what_is_replayed(shell: LettersShell) -> None:
    """Counts, reasons why others are not, and the exit code."""
    shop = Shop(shell.settings.topics)
    shop.put_aside(sale("A-1"), "too_old")
    for topic in (shop.names.conversion, shop.names.dead_letter, shop.names.receipt):
        for at in shop.log.partitions(topic):
            shell.append(shop.log.records(*at))
    ran = shell.letters("replay", "--all")
    assert (ran.code, "Nothing to replay." in ran.out, "--too-old send" in ran.out) == (1, True, True)
    ran = shell.letters("replay", "--all", "--too-old", "send")
    assert (ran.code, "1 records were appended again" in ran.out, "dates them today" in ran.out) == (0, True, True)
    (place,) = (at for at, letter in shell.written().items() if letter.stage == "deliver")
    shown = shell.letters("show", f"{place.partition}@{place.offset}").out
    assert shown.startswith("too_old: the sale is older than delivery.max_age")
    assert '"order_ref": "A-1"' in shown
    assert shell.letters("show", f"{place.partition}@99").code == 1
