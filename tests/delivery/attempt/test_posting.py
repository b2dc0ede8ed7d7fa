"""A request with a body can fail halfway: then it may have arrived."""

from __future__ import annotations

import pytest

from consumer.awin.http import HttpRequest
from tests.delivery.attempt.attempting import Attempted, attempt
from tests.delivery.attempt.outcomes import CLOSED, NOT_WRITTEN
from tests.delivery.attempt.socket_server import Peer, Script, SocketServer, healthy

SMALL = b'{"orders": []}'
LARGE = b"x" * 16_000_000
"""More than the sockets between client and server hold."""

TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig"


def tried(script: Script, body: bytes, *, hurried: bool = False) -> Attempted:
    """Make an attempt with a body; the server sees it once, and the next one works."""
    with SocketServer(script) as server:
        url = f"{server.url}?ref=A-1"
        asked = HttpRequest(url=url, verb="POST", headers=(("Content-Type", "application/json"),), body=body)
        attempted = attempt(asked, url=server.url, hurried=hurried)
    assert server.seen("A-1") == 1
    assert attempted.next_answer.outcome == "delivered"
    return attempted


@pytest.mark.parametrize("body", [SMALL, LARGE], ids=len)
def test_a_body_arrives_whole(body: bytes) -> None:
    """As it was given, with its length and type."""
    arrived: list[bytes] = []

    def script(peer: Peer) -> None:
        arrived.append(peer.request())
        peer.send(b"HTTP/1.1 206 Partial Content\r\nContent-Length: 2\r\n\r\n{}")
        healthy(peer)

    attempted = tried(script, body)
    assert (attempted.answer.outcome, attempted.answer.http_status, attempted.answer.body) == ("delivered", 206, b"{}")
    assert arrived == [body]


def stop_reading(peer: Peer) -> None:
    """Read the head, and no more."""
    peer.head()
    peer.hold()


def answer_and_stop_reading(peer: Peer) -> None:
    """Answer when the head has come, and read no more."""
    peer.head()
    peer.send(TOO_LARGE)
    peer.hold()


def answer_and_close(peer: Peer) -> None:
    """Answer when the head has come, and close: the body that arrives then is met by a reset."""
    peer.head()
    peer.send(TOO_LARGE)


def reset(peer: Peer) -> None:
    """Reset when the head has come."""
    peer.head()
    peer.reset()


@pytest.mark.parametrize("script", [stop_reading, answer_and_stop_reading])
def test_a_body_that_does_not_leave_is_unknown(script: Script) -> None:
    """It ends by the write timeout; an answer is not looked for before all has left."""
    attempted = tried(script, LARGE, hurried=True)
    assert (attempted.answer.outcome, attempted.answer.excerpt) == (NOT_WRITTEN.outcome, "WriteTimeout")


@pytest.mark.parametrize("script", [answer_and_close, reset])
def test_a_reset_while_the_body_leaves_is_unknown(script: Script) -> None:
    """It takes an early answer with it, and more of the body may have arrived than was answered."""
    attempted = tried(script, LARGE)
    assert (attempted.answer.outcome, attempted.answer.http_status) == (CLOSED.outcome, None)


def test_an_early_answer_counts_when_the_server_reads_on() -> None:
    """Servers that mean to be heard do so before they close (RFC 9112, 9.6)."""

    def script(peer: Peer) -> None:
        peer.head()
        peer.send(TOO_LARGE)
        peer.body()

    attempted = tried(script, LARGE)
    assert (attempted.answer.outcome, attempted.answer.http_status) == ("rejected", 413)
    assert attempted.answer.excerpt == "big"


@pytest.mark.parametrize("script", [answer_and_close, reset])
def test_a_small_body_meets_an_answer_or_a_reset(script: Script) -> None:
    """Which one it is, is a matter of moments; that it was not sent is never claimed."""
    attempted = tried(script, SMALL)
    assert attempted.answer.outcome in ({"rejected", "unknown"} if script is answer_and_close else {"unknown"})


@pytest.mark.parametrize("then", [Peer.reset, Peer.until_left])
def test_what_comes_after_the_body_ends_as_without_one(then: Script) -> None:
    """A reset or silence once all was read leaves it unknown."""

    def script(peer: Peer) -> None:
        peer.request()
        then(peer)

    attempted = tried(script, SMALL, hurried=True)
    assert (attempted.answer.outcome, attempted.answer.http_status) == ("unknown", None)
