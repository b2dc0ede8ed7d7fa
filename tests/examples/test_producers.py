"""The example producers say what the product reads, and their order gets its click checksum."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from msgspec.structs import replace

from consumer.demo.broker import EmbeddedKafka
from consumer.demo.jars import BrokerError
from consumer.events import OrderCompleted, OrderLine
from consumer.inspect import sample
from consumer.stream.avro import OrderDecoder, SessionDecoder
from consumer.stream.log import Record, TopicPartition
from consumer.stream.schemas import Schemas
from consumer.wiring.operator import open_reader
from tests.examples import java_tools
from tests.kafka.crash.program import wait_until
from tests.kafka.running import running
from tests.kafka.shell import PARTITIONS, Shell

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]
Run = Callable[[Shell], str]


def run_python(shell: Shell) -> str:
    """Run examples/producer.py and return what it prints."""
    topics = shell.settings.topics
    command = [
        *(sys.executable, str(ROOT / "examples" / "producer.py")),
        *("--bootstrap-servers", shell.kafka.bootstrap_servers),
        *("--session-topic", topics.session_landed, "--order-topic", topics.order_completed),
    ]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.fixture(scope="session")
def java_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """examples/java, compiled."""
    folder = tmp_path_factory.mktemp("classes")
    try:
        java_tools.class_path()
    except BrokerError as missing:
        pytest.skip(str(missing))
    java_tools.compile_to(folder, ROOT / "examples" / "java" / "Producer.java")
    return folder


@pytest.fixture(params=["python", "java"])
def produce(request: pytest.FixtureRequest) -> Run:
    """One example after the other."""
    if request.param == "python":
        return run_python
    folder: Path = request.getfixturevalue("java_classes")

    def run_java(shell: Shell) -> str:
        topics = shell.settings.topics
        names = topics.session_landed, topics.order_completed
        return java_tools.run(folder, shell.kafka.bootstrap_servers, str(ROOT / "schemas"), *names, "1001")

    return run_java


@pytest.fixture
def shell(kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path) -> Shell:
    """A configuration in shadow mode, with all topics."""
    made = Shell(kafka, topic_names, tmp_path)
    made.hurry()
    made.create()
    return made


def records(shell: Shell, topic: str) -> list[Record]:
    """Return what was written to a topic."""
    reader = open_reader(shell.settings)
    return list(reader.read({TopicPartition(topic, number): span for number, span in reader.spans(topic).items()}))


def test_the_records_are_what_the_product_reads(shell: Shell, produce: Run) -> None:
    """Every field arrives as it was meant, keyed and placed so that sessions and orders meet."""
    produce(shell)
    schemas, topics = Schemas.load(), shell.settings.topics
    session, order = SessionDecoder(schemas), OrderDecoder(schemas)
    landings = records(shell, topics.session_landed)
    (ordered,) = records(shell, topics.order_completed)
    for found in (landings, [ordered]):
        assert sample.keys(found, PARTITIONS).verdict == "ok"
    assert sample.contents(landings, session, 0.5).verdict == sample.contents([ordered], order, 0.5).verdict == "ok"

    first, second = (session(each.value, each.headers) for each in landings)
    assert second == replace(first, landed_at_ms=second.landed_at_ms, consent="granted")
    assert (first.consent, first.referrer) == (None, "https://blog.example/best-shoes")
    assert first.landing_url.startswith("https://shop.example/shoes?color=blue&awc=1001_")
    now_ms = time.time_ns() // 1_000_000
    said: OrderCompleted = order(ordered.value, ordered.headers)
    assert now_ms - 60_000 < first.landed_at_ms <= second.landed_at_ms <= said.completed_at_ms <= now_ms
    number = said.order_ref.removeprefix("EXAMPLE-")
    assert said == OrderCompleted(
        order_id=f"internal-{number}",
        order_ref=f"EXAMPLE-{number}",
        completed_at_ms=said.completed_at_ms,
        currency="EUR",
        subtotal=Decimal("49.90"),
        visitor_id=first.visitor_id,
        session_id=first.session_id,
        lines=(
            OrderLine(
                product_id="P-100",
                sku="P-100-M",
                name="Café mug ☕",
                category="home",
                unit_price=Decimal("24.95"),
                quantity=2,
                amount=Decimal("49.90"),
            ),
        ),
        voucher_codes=("SAVE10",),
        customer_type="NEW",
        market="de",
        test=True,
    )


def test_the_order_gets_its_click_checksum(shell: Shell, produce: Run) -> None:
    """By a running consumer, as a shop would see it."""
    with running(shell) as service:
        order_ref = produce(shell).splitlines()[-1].removeprefix("order ")
        wait_until(lambda: service.metrics.total("awin_endings_total") > 0, "the order has its ending")
    explained = shell("explain", order_ref, "--json").value
    conversion = explained["conversion"]["conversion"]
    (checksum,) = conversion["click_checksums"]
    assert checksum.startswith("1001_")
    assert (conversion["channel"], conversion["reason"], conversion["test"]) == ("aw", "last_click", True)
    assert [part["amount"] for part in conversion["parts"]] == ["49.9000"]


def test_check_finds_nothing_wrong_with_the_producers(shell: Shell, produce: Run) -> None:
    """`awin-consumer check` looks at keys and records of both topics."""
    produce(shell)
    checks = {each["name"]: each["verdict"] for each in shell("check", "--json").value["checks"]}
    assert {verdict for name, verdict in checks.items() if name.startswith(("keys of", "records of"))} == {"ok"}
