"""History that the attribute stage made on a real broker: decided again by other rules, and explained."""

from __future__ import annotations

import csv
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from confluent_kafka import Producer, murmur2

from consumer.demo.broker import EmbeddedKafka
from consumer.demo.reference import LoggedOrder, LoggedSession
from consumer.events import OrderCompleted, OrderLine, SessionLanded
from consumer.inspect.kafka_reader import KafkaTopicReader
from consumer.inspect.topic_reader import Span
from consumer.service import Service
from consumer.settings import with_rules_of
from consumer.simulation.decision import Decision, differences
from consumer.stream.avro import OrderEncoder, SessionEncoder
from consumer.wiring import clients
from consumer.wiring.rulebook import rulebook
from tests.inspect.world import schemas
from tests.kafka.shell import NAMES, PARTITIONS, Shell
from tests.simulation.history import Logged, history

pytestmark = pytest.mark.kafka

BEGIN_MS = time.time_ns() // 1_000_000 - 3_600_000
URLS = (
    "https://shop.example/?awc=1001_{s}_{n}",
    "https://shop.example/?utm_medium=email&utm_source=crm",
    "https://shop.example/?gclid=G{n}",
    "https://shop.example/",
    "https://shop.example/shoes?awc=2002_{s}_{n}&sn=1",
)
LINES = (
    OrderLine(product_id="p-1", name="Shoe", category="shoes", unit_price=Decimal(20), quantity=1, amount=Decimal(20)),
    OrderLine(product_id="p-2", name="Hat", category="hats", unit_price=Decimal(10), quantity=1, amount=Decimal(10)),
)
PRESENT: dict[str, Any] = {
    "attribution": {"grace": "1s"},
    "programmes": [
        {"advertiser_id": "1001", "when": {"market": "de"}, "products": True},
        {"advertiser_id": "2002", "report": "awin"},
    ],
    "orders": {"exclude": [{"custom.pos": "yes"}]},
    "delivery": {"mode": "shadow", "cut_over": "2020-01-01T00:00:00Z"},
    "ops": {"host": "127.0.0.1", "port": 0},
}
OTHER = {
    "attribution": {"windows": {"email": "4s"}},
    "channels": {"rules": [{"name": "ads", "channel": "ads", "given": ["gclid"]}, "default"]},
    "consent": {"missing": "deny"},
}


@pytest.fixture
def shell(kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path) -> Shell:
    """Commands with a configuration on the shared broker."""
    made = Shell(kafka, topic_names, tmp_path)
    made.values.update(PRESENT)
    made.write()
    made.create()
    return made


def records() -> list[Logged]:
    """Return landings and orders of sixty visitors, one a second, in the order in which they are appended."""
    made: list[Logged] = []
    for number in range(60):
        visitor = f"visitor {number}"
        partition = murmur2(visitor.encode(), PARTITIONS)
        at_ms = BEGIN_MS + 10_000 * number
        for step in range(number % 4):
            url = URLS[(number + step) % len(URLS)].format(n=number, s=at_ms // 1_000)
            event = SessionLanded(f"{number}-{step}", visitor, at_ms + 2_000 * step, url)
            made.append(LoggedSession(partition, 0, event.landed_at_ms, event))
        order = OrderCompleted(
            order_id=f"id-{number}",
            order_ref=f"R-{number}",
            completed_at_ms=at_ms + 8_000,
            currency="EUR",
            subtotal=Decimal(30 if number % 2 else 27),
            visitor_id=visitor,
            lines=LINES,
            market="de" if number % 3 else None,
            custom={"pos": "yes"} if number % 10 == 7 else {},
        )
        made += [LoggedOrder(partition, 0, order.completed_at_ms, order)] * (2 if number % 8 == 0 else 1)
    return made


def produce(shell: Shell, made: Sequence[Logged]) -> None:
    """Append them as producers do."""
    session, order = SessionEncoder(schemas()), OrderEncoder(schemas())
    topics = shell.settings.topics
    producer = Producer(
        {"bootstrap.servers": shell.kafka.bootstrap_servers, "partitioner": "murmur2_random", "log_level": 0}
    )
    for record in made:
        is_session = isinstance(record, LoggedSession)
        value = session(record.event) if isinstance(record, LoggedSession) else order(record.event)
        topic = topics.session_landed if is_session else topics.order_completed
        producer.produce(topic, value, (record.event.visitor_id or "").encode())
    assert producer.flush(30) == 0


@contextmanager
def attributing(shell: Shell, orders: int) -> Iterator[None]:
    """Let the attribute stage judge so many orders, and go on meanwhile."""
    service = Service(shell.settings, ("attribute",))
    thread = threading.Thread(target=service.run)
    thread.start()
    try:
        deadline_s = time.monotonic() + 60
        while service.metrics.total("awin_orders_total") < orders:
            assert time.monotonic() < deadline_s, "the orders were not all decided"
            time.sleep(0.1)
        yield
    finally:
        service.stop()
        thread.join()


def ends(shell: Shell) -> dict[str, dict[int, Span]]:
    """Return how long every topic is."""
    reader = KafkaTopicReader(clients.connection(shell.settings), "inspect")
    return {name: reader.spans(getattr(shell.settings.topics, name)) for name in NAMES}


def by_reference(decisions: dict[tuple[int, int], Decision], made: Sequence[Logged]) -> dict[str, Decision]:
    """Return decisions by the reference of their order."""
    found = {}
    for partition in range(PARTITIONS):
        orders = [each for each in made if isinstance(each, LoggedOrder) and each.partition == partition]
        for offset, order in enumerate(orders):
            if (partition, offset) in decisions:
                found[order.event.order_ref] = decisions[partition, offset]
    return found


def test_history_is_decided_again(shell: Shell, tmp_path: Path) -> None:
    """By present rules as it was; by others as a second history with those; and nothing is written but the file."""
    made = records()
    produce(shell, made)
    orders = sum(isinstance(record, LoggedOrder) for record in made)
    with attributing(shell, orders):
        pass
    before = ends(shell)
    same = shell("simulate", "--rules", shell.config, "--from", "2024-01-01", "--json")
    assert (same.code, same.err) == (0, "")
    assert (same.value["changed"], same.value["orders"], same.value["not_compared"]) == (0, orders, {})
    assert "Nothing would change in " in shell("simulate", "--rules", shell.config, "--from", "2024-01-01").out

    other, file = tmp_path / "other.yaml", tmp_path / "changes.csv"
    other.write_text(yaml.safe_dump(OTHER), "utf-8")
    old, new = rulebook(shell.settings), rulebook(with_rules_of(shell.settings, other))
    was, would = (by_reference(history(book, made).decisions(), made) for book in (old, new))
    expected = {each for each in was.keys() | would.keys() if differences(was.get(each), would.get(each))}
    ran = shell("simulate", "--rules", other, "--from", "2024-01-01", "--csv", file, "--show", 1_000, "--json")
    assert {each["order_ref"] for each in ran.value["changes"]} == expected
    with file.open(encoding="utf-8", newline="") as written:
        rows = {row["order_ref"]: row for row in csv.DictReader(written)}
    assert rows.keys() == expected
    for reference, row in rows.items():
        assert row["channel_before"] == (was[reference].channel if reference in was else "")
        assert row["channel_after"] == (would[reference].channel if reference in would else "")
    assert len({row["change"] for row in rows.values()}) > 2
    printed = shell("simulate", "--rules", other, "--from", "2024-01-01", "--show", 3).out
    assert f"{len(expected)} of " in printed
    assert "What would move" in printed
    assert ends(shell) == before


def test_the_stage_may_run_meanwhile(shell: Shell) -> None:
    """Present rules change nothing though orders are being decided."""
    made = records()
    half = len(made) // 2
    produce(shell, made[:half])
    with attributing(shell, sum(isinstance(record, LoggedOrder) for record in made[:half])):
        produce(shell, made[half:])
        for _ in range(3):
            found = shell("simulate", "--rules", shell.config, "--from", "2024-01-01", "--json").value
            assert found["changed"] == 0
            assert set(found["not_compared"]) <= {"pending"}


def test_only_a_range_is_decided_again(shell: Shell) -> None:
    """Times are as people write them, and an end must come after the beginning."""
    made = records()
    produce(shell, made)
    with attributing(shell, sum(isinstance(record, LoggedOrder) for record in made)):
        pass
    begin = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(BEGIN_MS // 1000 + 100))
    end = time.strftime("%Y-%m-%d %H:%M:%S+00:00", time.gmtime(BEGIN_MS // 1000 + 300))
    ran = shell("simulate", "--rules", shell.config, "--from", begin, "--to", end, "--json")
    assert 20 <= ran.value["orders"] <= 24
    assert shell("simulate", "--rules", shell.config, "--from", end, "--to", begin).code == 2
    assert shell("simulate", "--rules", shell.config, "--from", "yesterday").code == 2


def test_an_explanation_shows_the_whole_chain(shell: Shell) -> None:
    """Touches with what their records say, programme, amounts, request."""
    made = records()
    produce(shell, made)
    with attributing(shell, sum(isinstance(record, LoggedOrder) for record in made)):
        pass
    found = shell("explain", "R-26", "--json").value
    assert (found["programme"], found["state"]) == ("1001", "outstanding")
    assert [touch["age_ms"] for touch in found["touches"]] == [6_000, 8_000]
    assert found["order"]["order"]["market"] == "de"
    assert [each["holds"] for each in found["programmes"]] == [True]
    assert found["arithmetic"]["way"] == "pro_rata"
    assert found["consent"]["said_by"] == "nobody"
    assert "merchant=1001&amount=27.00&ch=ppcgoogle&" in found["url"]
    assert shell("explain", "R-24", "--json").value["programme"] == "2002"
    text = shell("explain", "R-26").out
    for heading in (
        "Touches, the latest click first",
        "Decision",
        "Amount",
        "Product rows",
        "Request (not sent: shadow)",
    ):
        assert heading in text
