"""Whatever a server does with a request, it sees one, and the outcome claims no more than is known."""

from __future__ import annotations

import tracemalloc

import pytest

from tests.delivery.attempt.attempting import Attempted, attempt, get
from tests.delivery.attempt.socket_server import SocketServer
from tests.delivery.endings import ENDINGS, FLOODS, Ending, answer


@pytest.mark.parametrize("ending", ENDINGS, ids=lambda ending: ending.what)
def test_every_ending_has_its_outcome(ending: Ending) -> None:
    """One attempt is one request seen by the server, it ends within its timeouts, and the next one works."""
    check(ending)


@pytest.mark.parametrize("ending", FLOODS, ids=lambda ending: ending.what)
def test_no_answer_takes_much_memory(ending: Ending) -> None:
    """However much a server sends, all else holds too; little of it is held at once, and less is kept."""
    tracemalloc.start()
    try:
        attempted = check(ending)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000
    assert len(attempted.answer.body) <= 65_536


def check(ending: Ending) -> Attempted:
    """Have a server end an attempt so."""
    with SocketServer(ending.script) as server:
        attempted = attempt(get(server.url, "A-1"), url=server.url, hurried=ending.hurried)
    assert (attempted.answer.outcome, attempted.answer.http_status) == (ending.row.outcome, ending.status)
    assert server.seen("A-1") == ending.seen
    assert (attempted.next_answer.outcome, server.seen("next")) == ("delivered", 1)
    return attempted


def test_a_reset_at_once_is_anything_but_an_answer() -> None:
    """It comes before the request leaves or after: either outcome is honest, and the server sees nothing."""
    with SocketServer(lambda peer: peer.reset()) as server:
        attempted = attempt(get(server.url, "A-1"), url=server.url)
    assert attempted.answer.outcome in {"not_sent", "unknown"}
    assert server.seen("A-1") == 0
    assert attempted.next_answer.outcome == "delivered"


@pytest.mark.parametrize("status", [301, 400, 429, 500])
def test_what_a_server_says_stands_on_the_answer(status: int) -> None:
    """Its first words are kept in one line, without the address and the click checksum that it repeats."""
    said = b"<p>No\r\nsuch\x00 page: /sread.php?ref=A-1&cks=1001_1699990000_a430d81e22"
    with SocketServer(answer(b"HTTP/1.1 %d Said\nContent-Length: %d" % (status, len(said)), said)) as server:
        attempted = attempt(get(server.url, "A-1"), url=server.url)
    assert attempted.answer.excerpt == "<p>No such page: [redacted]"


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (b"Retry-After: 7", 7.0),
        (b"Retry-After: Tue, 14 Nov 2023 22:13:50 GMT", 30.0),
        (b"Retry-After: 0", 0.0),
        (b"Retry-After: Tue, 14 Nov 2000 22:13:50 GMT", 0.0),
        (b"Retry-After: " + b"9" * 5000, 3600.0),
        (b"Retry-After: Tue, 14 Nov 9999 22:13:50 GMT", 3600.0),
        (b"Retry-After: -7", None),
        (b"Retry-After: \xff", None),
        (b"Retry-After:", None),
        (b"Retry-After: 7\nRetry-After: 8", None),
        (b"Server: none", None),
    ],
    ids=lambda value: value.decode("latin-1")[:30] if isinstance(value, bytes) else None,
)
def test_retry_after_is_read_however_absurd(status: int, header: bytes, seconds: float | None) -> None:
    """Both forms count, within bounds; anything else is as good as nothing."""
    with SocketServer(answer(b"HTTP/1.1 %d Later\nContent-Length: 0\n" % status + header)) as server:
        attempted = attempt(get(server.url, "A-1"), url=server.url)
    assert (attempted.answer.outcome, attempted.answer.retry_after_s) == ("throttled", seconds)
