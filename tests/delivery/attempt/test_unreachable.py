"""What certainly never left is not sent, and what can never leave is rejected."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest

from consumer.awin.http import HttpRequest
from consumer.delivery.settings import DeliverSettings
from tests.delivery.attempt.attempting import attempt, attempt_alone, get
from tests.delivery.attempt.outcomes import CANNOT_BE_MADE, NO_TLS, UNREACHABLE
from tests.delivery.attempt.socket_server import SocketServer


@contextmanager
def without_address() -> Iterator[str]:
    """A name that no name server knows (RFC 6761)."""
    yield "http://awin.invalid/sread.php"


@contextmanager
def refusing() -> Iterator[str]:
    """A port that nobody listens on, and nobody else can take."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{nobody.getsockname()[1]}/sread.php"


@contextmanager
def overcrowded() -> Iterator[str]:
    """A port whose queue is full, so that connections are neither made nor refused."""
    with full_queue() as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/sread.php"


@contextmanager
def full_queue() -> Iterator[socket.socket]:
    """A listener with as many connections waiting as may wait."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting: list[socket.socket] = []
        try:
            while True:
                waiting.append(socket.socket())
                waiting[-1].settimeout(0.2)
                waiting[-1].connect(listener.getsockname())
        except TimeoutError:
            waiting.pop().close()  # it would take the next place that is free
            yield listener
        finally:
            for each in waiting:
                each.close()


Place = Callable[[], AbstractContextManager[str]]


@pytest.mark.parametrize("place", [without_address, refusing, overcrowded])
def test_where_there_is_no_connection_nothing_is_sent(place: Place) -> None:
    """A failure to connect comes before the request, and the same transport then works elsewhere."""
    with place() as nowhere, SocketServer() as server:
        attempted = attempt(get(nowhere, "A-1"), url=server.url, hurried=place is overcrowded)
    assert (attempted.answer.outcome, attempted.answer.http_status) == (UNREACHABLE.outcome, None)
    assert attempted.next_answer.outcome == "delivered"


def test_a_whole_time_that_ends_while_connecting_is_not_sent() -> None:
    """When all four timeouts together end in the handshake, after a connection that took its time, nothing has left."""
    slow = DeliverSettings(connect_timeout_ms=2000, read_timeout_ms=50, write_timeout_ms=50, pool_timeout_ms=50)
    with full_queue() as listener:
        accepting = threading.Thread(target=_accept_slowly, args=(listener,))
        accepting.start()
        answer = attempt_alone(get(f"https://127.0.0.1:{listener.getsockname()[1]}/", "A-1"), slow)
        accepting.join()
    assert (answer.outcome, answer.http_status) == (NO_TLS.outcome, None)


def _accept_slowly(listener: socket.socket) -> None:
    time.sleep(0.2)  # the first try to connect has been turned away by then, and the next one comes after a second
    listener.accept()[0].close()


@pytest.mark.parametrize(
    "asked",
    [
        HttpRequest(url="awin.example/sread.php"),
        HttpRequest(url="ftp://awin.example/sread.php"),
        HttpRequest(url="https://awin.example/?" + "x" * 70_000),
        HttpRequest(url="https://awin.example/\x00"),
        HttpRequest(url="{url}", headers=(("x-api-key", "key\n"),)),
        HttpRequest(url="{url}", headers=(("x-api-key", "k\u20ac"),)),
        HttpRequest(url="{url}", headers=(("x api key", "key"),)),
    ],
    ids=lambda asked: f"{asked.url[:30]} {asked.headers}",
)
def test_what_cannot_be_sent_is_rejected(asked: HttpRequest) -> None:
    """Trying again would not help: no such address, or a header that HTTP does not allow. Not a byte leaves."""
    with SocketServer() as server:
        asked = HttpRequest(url=asked.url.replace("{url}", server.url + "?ref=A-1"), headers=asked.headers)
        attempted = attempt(asked, url=server.url)
    assert (attempted.answer.outcome, attempted.answer.http_status) == (CANNOT_BE_MADE.outcome, None)
    assert server.seen("A-1") == 0
    assert attempted.next_answer.outcome == "delivered"
