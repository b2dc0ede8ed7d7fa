"""The parts of the demo that are processes of their own."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from consumer.demo import standalone
from consumer.demo.awin.port import Port
from consumer.demo.standalone import Counter
from tests.cli.commands import run

GOOD = "tt=ss&tv=2&merchant=1001&amount={amount}&ch=aw&parts=DEFAULT:{amount}&vc=&cr=EUR&ref=R1&testmode=0"


@pytest.fixture
def counter() -> Counter:
    """One that answers at once."""
    return Counter(lambda: 0.0)


@pytest.fixture
def client(counter: Counter) -> Iterator[httpx.Client]:
    """A client of it."""
    port = Port("127.0.0.1", 0, counter)
    number = port.open()
    with httpx.Client(base_url=f"http://127.0.0.1:{number}", trust_env=False) as made:
        yield made
    port.close()


def test_it_counts_and_refuses_what_is_wrong(counter: Counter, client: httpx.Client) -> None:
    """A good request is answered 200, one with a violation 400, and both are counted."""
    assert client.get("/sread.php?" + GOOD.format(amount="10.00")).status_code == 200
    assert (counter.requests, counter.violations) == (1, 0)
    assert client.get("/sread.php?" + GOOD.format(amount="11.00")).status_code == 400
    assert (counter.requests, counter.violations) == (2, 1)


def test_it_forgets_old_orders(monkeypatch: pytest.MonkeyPatch, counter: Counter, client: httpx.Client) -> None:
    """So that it does not grow for ever, it no longer knows what an order said long ago."""
    monkeypatch.setattr(standalone, "_FORGET_AFTER", 1)
    assert client.get("/sread.php?" + GOOD.format(amount="10.00")).status_code == 200
    assert client.get("/sread.php?" + GOOD.format(amount="11.00")).status_code == 200
    assert counter.violations == 0


def test_it_takes_calls_of_the_conversion_api(counter: Counter, client: httpx.Client) -> None:
    """A call without orders is refused and its violations counted."""
    answer = client.post("/s2s/advertiser/1001/orders", json={})
    assert answer.status_code == 400
    assert counter.violations > 0


def test_a_port_that_is_taken_is_an_error(client: httpx.Client) -> None:
    """One line that names the address."""
    ran = run("demo-awin", "--port", client.base_url.port)
    assert ran.code == 1
    assert ran.err.startswith(f"error: 127.0.0.1:{client.base_url.port} cannot be listened on: ")
