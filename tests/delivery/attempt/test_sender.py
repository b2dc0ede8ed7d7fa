"""One attempt is one request, and its outcome never claims more than is known."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from consumer.awin import sread
from consumer.awin.http import HttpRequest
from consumer.delivery.attempt.sender import Answer, Sender, transport
from consumer.delivery.settings import DeliverSettings
from consumer.demo import awin
from consumer.demo.awin import AwinRequest, StandInAwin
from consumer.events import Outcome
from tests.delivery.conversions import SALE, T0_MS

QUICK = DeliverSettings(
    connect_timeout_ms=2_000, read_timeout_ms=300, write_timeout_ms=2_000, pool_timeout_ms=2_000, max_outstanding=4
)


def attempts(url: str, count: int = 1, settings: DeliverSettings = QUICK) -> list[Answer]:
    """Make attempts one after the other with one sender over the real transport."""

    async def run() -> list[Answer]:
        sender = Sender(transport(settings), settings, lambda: T0_MS)
        try:
            return [await sender.attempt(HttpRequest(url=url)) for _ in range(count)]
        finally:
            await sender.aclose()

    return asyncio.run(run())


@pytest.mark.parametrize(
    ("behaviour", "outcome", "status"),
    [
        (awin.Answer(200), "delivered", 200),
        (awin.Answer(204), "delivered", 204),
        (awin.Answer(404), "rejected", 404),
        (awin.Redirect(), "rejected", 302),
        (awin.Answer(302, {"Location": "http://["}), "rejected", 302),
        (awin.Answer(429), "throttled", 429),
        (awin.Answer(500), "unknown", 500),
        (awin.Hang(), "unknown", None),
        (awin.CloseAfterReading(), "unknown", None),
        (awin.HalfBody(), "unknown", None),
        (awin.Garbage(), "unknown", None),
    ],
)
def test_outcomes(stand_in: StandInAwin, behaviour: awin.Behaviour, outcome: Outcome, status: int | None) -> None:
    """Every way of answering has its outcome, and the server sees one request."""
    stand_in.plan(behaviour)
    [answer] = attempts(sread.request(SALE, stand_in.endpoint).url)
    assert (answer.outcome, answer.http_status) == (outcome, status)
    assert stand_in.counts_by_ref() == {"A-1": 1}
    assert stand_in.violations == []


def test_a_refused_connection_was_not_sent(stand_in: StandInAwin) -> None:
    """Nothing can have arrived where nobody listens."""
    with stand_in.refusing():
        [answer] = attempts(sread.request(SALE, stand_in.endpoint).url)
    assert answer == Answer(outcome="not_sent", http_status=None, retry_after_s=None, excerpt="ConnectError")


def test_a_host_without_address_was_not_sent() -> None:
    """A name that cannot be resolved is not sent to."""
    [answer] = attempts("http://awin.invalid/sread.php")
    assert answer.outcome == "not_sent"


def test_a_server_without_tls_was_not_sent(stand_in: StandInAwin) -> None:
    """A handshake that fails comes before the request."""
    [answer] = attempts(sread.request(SALE, stand_in.endpoint.replace("http:", "https:")).url)
    assert answer.outcome == "not_sent"
    assert stand_in.counts_by_ref()["A-1"] == 0


def test_a_reset_before_reading_is_unknown(stand_in: StandInAwin) -> None:
    """The request had left, whoever read it."""
    stand_in.plan(awin.CloseBeforeReading())
    [answer] = attempts(sread.request(SALE, stand_in.endpoint).url)
    assert answer.outcome == "unknown"
    assert (stand_in.requests, stand_in.unread) == ([], 1)


def test_a_connection_is_kept(stand_in: StandInAwin) -> None:
    """Attempts after each other share a connection."""
    stand_in.behave(lambda _: awin.Answer(200, body=b"ok"))
    first, second = attempts(sread.request(SALE, stand_in.endpoint).url, count=2)
    assert (first.excerpt, second.excerpt) == ("ok", "ok")
    assert len({request.connection for request in stand_in.requests}) == 1


def test_no_cookie_is_kept() -> None:
    """A cookie that came with one order is not sent with the next."""
    seen: list[httpx.Headers] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.headers)
        return httpx.Response(200, headers={"Set-Cookie": "click=1; Path=/"})

    async def run() -> None:
        sender = Sender(httpx.MockTransport(answer), QUICK, lambda: T0_MS)
        await sender.attempt(HttpRequest(url="http://awin.test/sread.php"))
        await sender.attempt(HttpRequest(url="http://awin.test/sread.php"))

    asyncio.run(run())
    assert len(seen) == 2
    assert not any("cookie" in headers for headers in seen)


def test_retry_after_is_told(stand_in: StandInAwin) -> None:
    """Both forms count, the date against our own clock."""
    stand_in.plan(
        awin.Answer(429, {"Retry-After": "7"}), awin.Answer(503, {"Retry-After": "Tue, 14 Nov 2023 22:13:50 GMT"})
    )
    answers = attempts(sread.request(SALE, stand_in.endpoint).url, count=2)
    assert [answer.retry_after_s for answer in answers] == [7.0, 30.0]


class Endless(httpx.AsyncByteStream):
    """A body without end, that counts what was taken of it."""

    def __init__(self) -> None:
        self.taken = 0
        self.closed = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            self.taken += 1024
            yield b"x" * 1024

    async def aclose(self) -> None:
        self.closed = True


def test_an_endless_body_is_cut_off() -> None:
    """No more than 64 KB are read; the status decides, since what is missing was our choice."""
    body = Endless()

    async def run() -> Answer:
        sender = Sender(httpx.MockTransport(lambda _: httpx.Response(200, stream=body)), QUICK, lambda: T0_MS)
        return await sender.attempt(HttpRequest(url="http://awin.test/sread.php"))

    assert asyncio.run(run()).outcome == "delivered"
    assert body.taken == 65_536
    assert body.closed


class Dripping(httpx.AsyncByteStream):
    """A body that comes a byte at a time, each in time."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            await asyncio.sleep(0.01)
            yield b"x"


def test_a_dripping_body_ends() -> None:
    """An attempt lasts no longer than the four timeouts together, however patiently each byte comes in time."""
    short = DeliverSettings(connect_timeout_ms=50, read_timeout_ms=50, write_timeout_ms=50, pool_timeout_ms=50)

    async def run() -> Answer:
        sender = Sender(httpx.MockTransport(lambda _: httpx.Response(200, stream=Dripping())), short, lambda: T0_MS)
        return await sender.attempt(HttpRequest(url="http://awin.test/sread.php"))

    began_s = time.monotonic()
    assert asyncio.run(run()).outcome == "unknown"
    assert time.monotonic() - began_s < 5


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (httpx.PoolTimeout("full"), "not_sent"),
        (httpx.ConnectTimeout("slow"), "not_sent"),
        (httpx.WriteTimeout("slow"), "unknown"),
        (httpx.WriteError("reset"), "unknown"),
        (httpx.ReadError("reset"), "unknown"),
        (httpx.RemoteProtocolError("nonsense"), "unknown"),
        (ssl.SSLError("bad record mac"), "unknown"),
    ],
)
def test_an_error_is_not_sent_only_when_that_is_certain(error: Exception, outcome: Outcome) -> None:
    """Once bytes may have left, the outcome is unknown; its excerpt is the error's name and no more."""

    def fail(_: httpx.Request) -> httpx.Response:
        raise error

    async def run() -> Answer:
        return await Sender(httpx.MockTransport(fail), QUICK, lambda: T0_MS).attempt(
            HttpRequest(url="http://awin.test/?cks=secret")
        )

    answer = asyncio.run(run())
    assert answer == Answer(outcome=outcome, http_status=None, retry_after_s=None, excerpt=type(error).__name__)


def test_nothing_is_logged(stand_in: StandInAwin, caplog: pytest.LogCaptureFixture) -> None:
    """No log line at any level holds the click checksum."""
    caplog.set_level(logging.DEBUG)
    attempts(sread.request(SALE, stand_in.endpoint).url)
    assert SALE.click_checksums[0] not in caplog.text


def test_the_environments_proxies_are_not_used(stand_in: StandInAwin, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy in the environment does not see the sales."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        [answer] = attempts(sread.request(SALE, stand_in.endpoint).url)
    assert answer.outcome == "delivered"


def test_a_request_looks_as_awin_wants_it(stand_in: StandInAwin) -> None:
    """The strict stand-in has nothing to object to."""
    attempts(sread.request(SALE, stand_in.endpoint).url)
    requests: list[AwinRequest] = stand_in.requests
    assert [(request.method, request.ref, request.violations) for request in requests] == [("GET", "A-1", ())]


@pytest.mark.parametrize("url", ["https://awin.example/?" + "x" * 70_000, "no address\x00"])
def test_what_is_no_address_is_rejected(url: str) -> None:
    """It is never sent, and no mistake of one order ends the stage."""
    [answer] = attempts(url)
    assert (answer.outcome, answer.http_status) == ("rejected", None)
