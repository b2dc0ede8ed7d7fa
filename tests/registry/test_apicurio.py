"""Both stages and the client against a real registry."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

import fastavro
import pytest
from confluent_kafka import Producer

from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.demo.jars import BrokerError
from consumer.errors import SchemaUnavailable
from consumer.stream.avro import OrderDecoder
from consumer.stream.registry import Access, HttpRegistry
from tests.examples import java_tools
from tests.kafka.crash.program import wait_until
from tests.kafka.running import running
from tests.kafka.shell import Shell
from tests.registry.apicurio import Apicurio, installed
from tests.stream.avro_producers import ORDER_FIELDS, body, shipped, without
from tests.stream.avro_samples import ORDER, SCHEMAS

pytestmark = pytest.mark.timeout(240)


@pytest.fixture(scope="module")
def apicurio() -> Iterator[Apicurio]:
    """One for all tests here; each registers subjects of its own."""
    try:
        installed()
    except BrokerError as error:
        pytest.skip(f"no Apicurio Registry: {error}")
    with Apicurio() as started:
        yield started


def client(registry: Apicurio) -> HttpRegistry:
    """Return ours, which waits for nothing."""
    return HttpRegistry(Access([registry.url], timeout_s=5), pause=lambda _: None)


def framed(number: int, content: bytes) -> bytes:
    """Return a value in Confluent's framing."""
    return b"\x00" + number.to_bytes(4, "big") + content


def test_a_value_is_read_by_its_id(apicurio: Apicurio) -> None:
    """In front of the value, or in its header; a producer's schema may be another than ours."""
    schema = without(shipped("order.completed"), "market")
    number = apicurio.register("by-id-value", schema)
    decode = OrderDecoder(SCHEMAS.asking(client(apicurio)))
    content = body(schema, ORDER_FIELDS)
    assert decode(framed(number, content)) == ORDER
    assert decode(content, (("__value_schema_id", b"\x00" + number.to_bytes(4, "big")),)) == ORDER


def test_what_javas_own_library_has_written_is_read(apicurio: Apicurio, tmp_path: Path) -> None:
    """Apache's Avro for Java, by a schema that the registry keeps."""
    schema = without(shipped("order.completed"), "market")
    number = apicurio.register("by-java-value", schema)
    (tmp_path / "order.avsc").write_text(json.dumps(schema), "utf-8")
    text = StringIO()
    fastavro.json_writer(text, schema, [ORDER_FIELDS])
    java_tools.compile_to(tmp_path, Path(__file__).with_name("Writer.java"))
    written = java_tools.run(tmp_path, str(tmp_path / "order.avsc"), str(number), text.getvalue(), program="Writer")
    assert OrderDecoder(SCHEMAS.asking(client(apicurio)))(bytes.fromhex(written)) == ORDER


def test_a_schema_that_refers_to_another_is_read(apicurio: Apicurio) -> None:
    """The referred type is a subject of its own."""
    schema = shipped("order.completed")
    (lines,) = [field for field in schema["fields"] if field["name"] == "lines"]
    line = {"namespace": schema["namespace"], **lines["type"]["items"]}
    name = f"{line['namespace']}.{line['name']}"
    apicurio.register("line", line)
    lines["type"]["items"] = name
    number = apicurio.register("refers-value", schema, [{"name": name, "subject": "line", "version": 1}])
    decode = OrderDecoder(SCHEMAS.asking(client(apicurio)))
    assert decode(framed(number, body(shipped("order.completed"), ORDER_FIELDS))) == ORDER


def test_an_id_that_it_does_not_have_is_unknown(apicurio: Apicurio) -> None:
    """The registry's own word makes it so."""
    with pytest.raises(LookupError):
        client(apicurio).schema_by_id(987_654)


def test_a_path_that_is_not_a_registrys_is_an_outage(apicurio: Apicurio) -> None:
    """A wrong address must not turn every order into a dead letter."""
    wrong = Access([apicurio.url.replace("/apis/ccompat/v7", "/nowhere")], timeout_s=5)
    with pytest.raises(SchemaUnavailable, match=r"schemas\.registry\.url"):
        HttpRegistry(wrong, pause=lambda _: None).schema_by_id(1)


class Shop:
    """Writes orders in Confluent's framing."""

    def __init__(self, shell: Shell, number: int, schema: Mapping[str, Any]) -> None:
        self._shell, self._number, self._schema = shell, number, dict(schema)
        self._fields = {**ORDER_FIELDS, "visitor_id": None}

    def sell(self, ref: str, *, number: int | None = None, in_header: bool = False) -> None:
        """Write an order of this moment."""
        completed = {"order_ref": ref, "completed_at": int(time.time() * 1000)}
        content = body(self._schema, {**self._fields, **completed})
        number = self._number if number is None else number
        producer = Producer({"bootstrap.servers": self._shell.kafka.bootstrap_servers, "log_level": 0})
        headers: list[tuple[str, str | bytes | None]] = []
        if in_header:
            headers.append(("__value_schema_id", b"\x00" + number.to_bytes(4, "big")))
        value = content if in_header else framed(number, content)
        producer.produce(self._shell.settings.topics.order_completed, value, ref.encode("ascii"), headers=headers)
        assert producer.flush(30) == 0


def test_orders_reach_awin_and_an_outage_is_waited_out(
    apicurio: Apicurio, kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path
) -> None:
    """While the registry is away nothing is lost and the process stays alive; an unknown id is a dead letter."""
    schema = without(shipped("order.completed"), "market")
    number = apicurio.register("orders-value", schema)
    shell = Shell(kafka, topic_names, tmp_path)
    shell.hurry()
    shell.create()
    with StandInAwin(strict=True) as awin:
        shell.values["delivery"] = {"mode": "live", "endpoint": awin.endpoint}
        shell.values["schemas"] = {"registry": {"url": apicurio.url, "timeout": "1s"}}
        shell.write()

        def refs() -> set[str]:
            return {request.parameters["ref"] for request in awin.requests}

        with running(shell) as service:
            shop = Shop(shell, number, schema)
            apicurio.stop()
            shop.sell("R-1")
            aborted = "awin_aborts_total"
            wait_until(lambda: service.metrics.total(aborted, reason="registry") >= 2, "the stage waits for it")
            assert service.health.live().ok
            assert service.health.ready().ok
            assert refs() == set()
            checked = shell("check", "--json")
            assert checked.code != 0
            assert "schemas.registry: no answer" in checked.out
            apicurio.start()
            # What is kept in memory is gone: registered anew until the id is the same.
            anew = (apicurio.register(f"again-{at}", {**schema, "doc": str(at)}) for at in range(number))
            assert number in anew
            wait_until(lambda: refs() == {"R-1"}, "the order reaches Awin")
            shop.sell("R-2", in_header=True)
            shop.sell("R-3", number=987_654)
            wait_until(lambda: refs() == {"R-1", "R-2"}, "orders reach Awin")
            wait_until(
                lambda: service.metrics.total("awin_dead_letters_total", reason="unknown_schema") == 1,
                "it is put aside",
            )
