"""A connection is kept when all was well, never used for two requests at once, and nothing is sent again on its own."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable

import httpx
import pytest

from consumer.delivery.attempt.sender import Answer, Sender, transport
from consumer.delivery.settings import DeliverSettings
from tests.delivery.attempt.attempting import HURRIED, NOBODY, PATIENT, get
from tests.delivery.attempt.outcomes import CLOSED, NO_PLACE, UNASKED
from tests.delivery.attempt.socket_server import OK, Peer, SocketServer
from tests.delivery.conversions import T0_MS

ONE = DeliverSettings(
    connect_timeout_ms=5000, read_timeout_ms=5000, write_timeout_ms=5000, pool_timeout_ms=5000, max_outstanding=1
)


def sender(http: httpx.AsyncBaseTransport, settings: DeliverSettings = PATIENT) -> Sender:
    """Return a sender over this transport."""
    return Sender(http, settings, lambda: T0_MS)


def over(http: httpx.AsyncBaseTransport, test: Callable[[], Awaitable[None]]) -> None:
    """Run what a test does with a transport, then close that."""

    async def run() -> None:
        try:
            await test()
        finally:
            await http.aclose()

    asyncio.run(run())


class JustBefore(httpx.AsyncBaseTransport):
    """Has something happen right before a request's first byte leaves, when the connection is chosen."""

    def __init__(self, http: httpx.AsyncBaseTransport, happens: Callable[[], None]) -> None:
        self._http = http
        self._happens = happens

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        told = request.extensions.get("trace")

        async def trace(event: str, info: dict[str, object]) -> None:
            if event == "http11.send_request_headers.started":
                self._happens()
            if told is not None:
                await told(event, info)

        request.extensions["trace"] = trace
        return await self._http.handle_async_request(request)

    async def aclose(self) -> None:
        await self._http.aclose()


def test_a_connection_closed_in_time_is_not_used() -> None:
    """A server that has ended an idle connection is asked by a new one: one request, one delivery."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK)

    with SocketServer(script) as server:
        http = transport(PATIENT, trust=NOBODY)

        async def test() -> None:
            assert (await sender(http).attempt(get(server.url, "A-1"))).outcome == "delivered"
            server.join(1)
            assert (await sender(http).attempt(get(server.url, "A-2"))).outcome == "delivered"

        over(http, test)
    assert (server.seen("A-1"), server.seen("A-2"), server.connections) == (1, 1, 2)


@pytest.mark.parametrize("end", [lambda _: None, Peer.reset], ids=["closed", "reset"])
def test_a_connection_closed_while_the_request_leaves_is_unknown(end: Callable[[Peer], None]) -> None:
    """Nobody can tell whether it was read; it is not sent again behind our back, and the next attempt works."""
    leaving = threading.Event()

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        leaving.wait(10)
        end(peer)

    with SocketServer(script) as server:
        http = transport(PATIENT, trust=NOBODY)

        def happens() -> None:
            leaving.set()
            server.join(1)

        async def test() -> None:
            assert (await sender(http).attempt(get(server.url, "A-1"))).outcome == "delivered"
            attempted = await sender(JustBefore(http, happens)).attempt(get(server.url, "A-2"))
            assert (attempted.outcome, attempted.http_status) == (CLOSED.outcome, None)
            assert (await sender(http).attempt(get(server.url, "A-3"))).outcome == "delivered"

        over(http, test)
    assert (server.seen("A-1"), server.seen("A-2"), server.seen("A-3")) == (1, 0, 1)


@pytest.mark.parametrize("end", [lambda _: None, Peer.reset, Peer.hold], ids=["closed", "reset", "hanging"])
def test_a_request_that_a_kept_connection_swallows_is_unknown(end: Callable[[Peer], None]) -> None:
    """It was read, and no answer came: it is not sent again by another connection."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(OK)
        peer.request()
        end(peer)

    with SocketServer(script) as server:
        http = transport(PATIENT, trust=NOBODY)

        async def test() -> None:
            assert (await sender(http).attempt(get(server.url, "A-1"))).outcome == "delivered"
            attempted = await sender(http, HURRIED).attempt(get(server.url, "A-2"))
            assert (attempted.outcome, attempted.http_status) == ("unknown", None)
            assert (await sender(http).attempt(get(server.url, "A-3"))).outcome == "delivered"

        over(http, test)
    assert (server.seen("A-1"), server.seen("A-2"), server.seen("A-3")) == (1, 1, 1)


@pytest.mark.parametrize(
    ("answered", "more"),
    [
        (OK, OK),
        (OK, b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"),
        (OK, b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n"),
        (OK, b" and more"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"<html>"),
    ],
    ids=["another answer", "a refusal", "an early farewell", "a longer body", "a body"],
)
def test_what_came_before_a_request_is_no_answer_to_it(answered: bytes, more: bytes) -> None:
    """A server that says more than its answer is not taken for having answered the next request, too."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(answered + more)
        peer.request()
        peer.send(OK)

    with SocketServer(script) as server:
        http = transport(PATIENT, trust=NOBODY)

        async def test() -> None:
            assert (await sender(http).attempt(get(server.url, "A-1"))).outcome == "delivered"
            attempted = await sender(http).attempt(get(server.url, "A-2"))
            assert (attempted.outcome, attempted.excerpt) == (UNASKED.outcome, "RemoteProtocolError")
            assert (await sender(http).attempt(get(server.url, "A-3"))).outcome == "delivered"

        over(http, test)
    assert (server.seen("A-1"), server.seen("A-2"), server.seen("A-3")) == (1, 1, 1)


def test_an_idle_connection_is_not_used_for_long() -> None:
    """After three seconds a new one is made, since servers close theirs after five or more."""
    now_s = 0.0
    http = transport(PATIENT, trust=NOBODY, monotonic_s=lambda: now_s)
    with SocketServer() as server:

        async def test() -> None:
            nonlocal now_s
            connections = []
            for now_s in (0.0, 2.9, 5.8, 8.8):  # noqa: B007 - the transport reads it
                await sender(http).attempt(get(server.url, "A-1"))
                connections.append(server.connections)
            assert connections == [1, 1, 1, 2]

        over(http, test)


def test_without_a_free_connection_nothing_is_sent() -> None:
    """An attempt waits for its place no longer than it may, and the place is free again when the other has ended."""
    http = transport(ONE, trust=NOBODY)
    with SocketServer(Peer.until_left) as server:

        async def test() -> None:
            hanging = asyncio.create_task(sender(http).attempt(get(server.url, "A-1")))
            await asyncio.to_thread(server.wait_for, "A-1")
            attempted = await sender(http, HURRIED).attempt(get(server.url, "A-2"))
            assert attempted == Answer(
                outcome=NO_PLACE.outcome, http_status=None, retry_after_s=None, excerpt="PoolTimeout"
            )
            waiting = asyncio.create_task(sender(http).attempt(get(server.url, "A-3")))
            await asyncio.sleep(0)
            hanging.cancel()
            assert (await waiting).outcome == "delivered"

        over(http, test)
    assert (server.seen("A-1"), server.seen("A-2"), server.seen("A-3")) == (1, 0, 1)


def test_attempts_at_once_have_a_connection_each() -> None:
    """None waits for another, up to the limit; afterwards all connections are there to be used."""
    http = transport(DeliverSettings(max_outstanding=8), trust=NOBODY)
    together = threading.Barrier(8)

    def script(peer: Peer) -> None:
        peer.request()
        together.wait(10)
        peer.send(OK)
        peer.until_left()

    with SocketServer(*[script] * 8) as server:

        async def test() -> None:
            attempts = (sender(http).attempt(get(server.url, f"A-{number}")) for number in range(8))
            assert {each.outcome for each in await asyncio.gather(*attempts)} == {"delivered"}

        over(http, test)
    assert server.connections == 8


@pytest.mark.parametrize("answered", [False, True])
@pytest.mark.parametrize("kept", [False, True])
def test_an_attempt_broken_off_at_any_moment_leaves_its_place(*, answered: bool, kept: bool) -> None:
    """Whichever step of the event loop it is cancelled at, soon after its start or its answer, the next one works."""
    http = transport(ONE, trust=NOBODY)
    written = threading.Event()

    def script(peer: Peer) -> None:
        while True:
            peer.request()
            peer.send(OK if kept else OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
            written.set()

    with SocketServer(later=script) as server:

        async def test() -> None:
            for steps in range(25):
                written.clear()
                attempt = asyncio.create_task(sender(http).attempt(get(server.url, "A-1")))
                while answered and not written.is_set():  # noqa: ASYNC110 - single steps are the point
                    await asyncio.sleep(0)
                for _ in range(steps):
                    await asyncio.sleep(0)
                attempt.cancel()
                await asyncio.gather(attempt, return_exceptions=True)
                assert (await sender(http, ONE).attempt(get(server.url, "A-2"))).outcome == "delivered", steps

        over(http, test)
