"""The stand-in Awin sees every mistake, and really does on the socket what it was told to do."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from random import Random
from urllib.parse import urlsplit

import httpx
import pytest

from consumer.demo.awin import (
    OK,
    Answer,
    CloseAfterReading,
    CloseBeforeReading,
    Garbage,
    HalfBody,
    Hang,
    Redirect,
    StandInAwin,
    log_normal,
)
from tests.demo.awin_request import GOOD, query


@pytest.fixture
def awin() -> Iterator[StandInAwin]:
    """A running stand-in that refuses requests with violations."""
    with StandInAwin(strict=True) as stand_in:
        yield stand_in


@pytest.fixture
def client(awin: StandInAwin) -> Iterator[httpx.Client]:
    """An HTTP client that keeps connections and follows nothing."""
    with httpx.Client(base_url=awin.endpoint.removesuffix("/sread.php"), trust_env=False, timeout=10) as http:
        yield http


def violations(awin: StandInAwin, raw_query: str) -> list[str]:
    """Send one request on a connection of its own; return what was wrong with it."""
    status = send(awin, f"GET /sread.php?{raw_query} HTTP/1.1\r\nHost: x\r\n\r\n".encode()).split(b" ")[1]
    [*_, request] = awin.requests
    assert status == (b"400" if request.violations else b"200")
    return list(request.violations)


def connected(awin: StandInAwin) -> socket.socket:
    """Open a plain connection, to be closed by the caller."""
    address = urlsplit(awin.endpoint)
    return socket.create_connection((address.hostname, address.port), timeout=10)


def send(awin: StandInAwin, data: bytes) -> bytes:
    """Send bytes on a fresh connection, say that no more follow, and return all that comes back."""
    with connected(awin) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def test_two_tracking_methods_that_disagree_are_seen(awin: StandInAwin) -> None:
    """The same reference may come again, but only with the same amount; another merchant's is another order."""
    assert violations(awin, query()) == []
    assert violations(awin, query()) == []
    assert violations(awin, query(merchant="1002", cks=None, amount="1.00", parts="DEFAULT:1.00")) == []
    assert violations(awin, query(amount="59.49", parts="DEFAULT:59.49")) == [
        "amount: was another when this ref came before"
    ]


@pytest.mark.parametrize(
    ("head", "violation"),
    [
        (f"POST /sread.php?{query()} HTTP/1.1\r\nHost: x\r\n", "method: is not GET"),
        (f"GET /sread?{query()} HTTP/1.1\r\nHost: x\r\n", "path: is not /sread.php"),
        (f"GET /sread.php?{query()} HTTP/1.0\r\nHost: x\r\n", "version: is not HTTP/1.1"),
        (f"GET /sread.php?{query()} HTTP/1.1\r\n", "host: header is missing"),
        (f"GET /sread.php?{query()} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n", "body: is not empty"),
    ],
)
def test_a_wrong_kind_of_request_is_seen(awin: StandInAwin, head: str, violation: str) -> None:
    """Only a plain GET of the one path will do."""
    assert send(awin, f"{head}\r\n".encode()).startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert awin.violations == [violation]


def test_a_request_with_a_body_is_read_to_its_end(awin: StandInAwin, client: httpx.Client) -> None:
    """The body is a violation, and the connection goes on to the next request."""
    assert client.request("GET", f"/sread.php?{query()}", content=b"tt=ss").status_code == 400
    assert client.get(f"/sread.php?{query()}").status_code == 200
    assert [request.connection for request in awin.requests] == [1, 1]
    assert awin.violations == ["body: is not empty"]


def test_a_lenient_stand_in_only_records() -> None:
    """Without ``strict`` the answer is as planned, and the violation stands in the record."""
    with StandInAwin() as awin:
        assert httpx.get(f"{awin.endpoint}?{query(testmode='true')}", trust_env=False).status_code == 200
        assert awin.violations == ["testmode: does not match [01]"]


def test_a_request_is_recorded_with_its_values_and_times(awin: StandInAwin, client: httpx.Client) -> None:
    """Decoded parameters, the raw query, both clocks and what it met."""
    before_s, before_ms = time.monotonic(), time.time_ns() // 1_000_000
    assert client.get(f"/sread.php?{query()}").content == b""
    [request] = awin.requests
    assert request.parameters == GOOD
    assert (request.method, request.path, request.raw_query) == ("GET", "/sread.php", query())
    assert before_s <= request.received_at_s <= time.monotonic()
    assert before_ms <= request.received_at_ms <= time.time_ns() // 1_000_000
    assert (request.number, request.behaviour, request.accepted) == (1, OK, True)


def test_connections_are_kept(awin: StandInAwin, client: httpx.Client) -> None:
    """A client's requests come by one connection; a new client brings a new one."""
    for _ in range(3):
        client.get(f"/sread.php?{query()}")
    httpx.get(f"{awin.endpoint}?{query()}", trust_env=False)
    assert [request.connection for request in awin.requests] == [1, 1, 1, 2]


def test_pipelined_requests_are_answered_in_turn(awin: StandInAwin) -> None:
    """Requests that arrive in one packet are two requests."""
    one = f"GET /sread.php?{query()} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    assert send(awin, one + one).count(b"HTTP/1.1 200 OK") == 2
    assert len(awin.requests) == 2


def test_an_unfinished_request_is_none(awin: StandInAwin) -> None:
    """A client that leaves in the middle of the head was never heard."""
    assert send(awin, b"GET /sread.php?tt=ss HTTP/1.1\r\n") == b""
    assert awin.requests == []


def test_repeated_references_are_counted(awin: StandInAwin, client: httpx.Client) -> None:
    """Every arrival counts, or only those that met a 2xx; one reference at two merchants is two orders."""
    awin.plan(OK, Answer(500), Answer(202))
    for ref in ("twice", "retried", "retried", "twice", "once"):
        client.get(f"/sread.php?{query(ref=ref)}")
    client.get(f"/sread.php?{query(ref='once', merchant='1002', cks=None)}")
    assert awin.counts_by_ref() == {"twice": 2, "retried": 2, "once": 2}
    assert awin.counts_by_ref(accepted_only=True) == {"twice": 2, "retried": 1, "once": 2}
    assert awin.sent_twice() == ["twice", "retried"]
    assert awin.sent_twice(accepted_only=True) == ["twice"]


def test_waiting_ends_when_the_requests_are_there(awin: StandInAwin, client: httpx.Client) -> None:
    """A test waits for a condition, not for a time, and is told when it never came."""
    with ThreadPoolExecutor() as pool:
        waiting = pool.submit(awin.wait_for, 2, timeout_s=60)
        for _ in range(2):
            client.get(f"/sread.php?{query()}")
        assert len(waiting.result()) == 2
    with pytest.raises(TimeoutError, match="2 of 3 requests"):
        awin.wait_for(3, timeout_s=0)


def test_an_answer_is_given_as_planned(awin: StandInAwin, client: httpx.Client) -> None:
    """Status, headers and body arrive, then the default holds again."""
    awin.plan(Answer(429, {"Retry-After": "7"}, b"slow down"), Answer(204), Answer(599))
    first, second, third, fourth = (client.get(f"/sread.php?{query()}") for _ in range(4))
    assert (first.status_code, first.headers["retry-after"], first.content) == (429, "7", b"slow down")
    assert (second.status_code, third.status_code, fourth.status_code) == (204, 599, 200)


def test_an_answer_can_be_late(awin: StandInAwin, client: httpx.Client) -> None:
    """The answer comes no earlier than the delay after the request."""
    awin.plan(Answer(delay_s=0.2))
    client.get(f"/sread.php?{query()}")
    [request] = awin.requests
    assert time.monotonic() - request.received_at_s >= 0.2


def test_a_redirect_leads_to_itself(awin: StandInAwin, client: httpx.Client) -> None:
    """A client that follows it is seen twice."""
    awin.plan(Redirect(), Redirect(307))
    assert client.get(f"/sread.php?{query()}").status_code == 302
    assert len(awin.requests) == 1
    assert client.get(f"/sread.php?{query()}", follow_redirects=True).status_code == 200
    assert [request.raw_query for request in awin.requests] == [query()] * 3


def test_a_hanging_request_is_recorded_and_never_answered(awin: StandInAwin, client: httpx.Client) -> None:
    """The client waits in vain; others are served meanwhile."""
    awin.plan(Hang())
    with connected(awin) as waiting:
        waiting.sendall(f"GET /sread.php?{query()} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        awin.wait_for(1, timeout_s=10)
        assert client.get(f"/sread.php?{query()}").status_code == 200
        waiting.settimeout(0)
        with pytest.raises(BlockingIOError):
            waiting.recv(1)
    assert [request.behaviour for request in awin.requests] == [Hang(), OK]


def test_a_connection_is_reset_before_reading(awin: StandInAwin) -> None:
    """Nothing was read, so nothing is recorded, but the reset is counted."""
    awin.plan(CloseBeforeReading())
    with pytest.raises(httpx.ReadError):
        httpx.get(f"{awin.endpoint}?{query()}", trust_env=False)
    assert (awin.requests, awin.unread) == ([], 1)


def test_a_kept_connection_is_reset_before_reading(awin: StandInAwin, client: httpx.Client) -> None:
    """The second request on the connection is thrown away unread."""
    client.get(f"/sread.php?{query()}")
    awin.plan(CloseBeforeReading())
    with pytest.raises(httpx.ReadError):
        client.get(f"/sread.php?{query()}")
    assert (len(awin.requests), awin.unread) == (1, 1)


def test_a_connection_is_reset_after_reading(awin: StandInAwin, client: httpx.Client) -> None:
    """The client cannot know that its request was read, but it was."""
    awin.plan(CloseAfterReading())
    with pytest.raises(httpx.ReadError):
        client.get(f"/sread.php?{query()}")
    assert [request.behaviour for request in awin.requests] == [CloseAfterReading()]


def test_half_a_body_breaks_off(awin: StandInAwin, client: httpx.Client) -> None:
    """The status arrives, the body does not."""
    awin.plan(HalfBody(), HalfBody())
    with client.stream("GET", f"/sread.php?{query()}") as response:
        assert response.status_code == 200
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(f"/sread.php?{query()}")


def test_garbage_is_no_http(awin: StandInAwin, client: httpx.Client) -> None:
    """The client cannot make an answer of it."""
    awin.plan(Garbage())
    with pytest.raises(httpx.RemoteProtocolError):
        client.get(f"/sread.php?{query()}")
    assert len(awin.requests) == 1


def test_a_function_can_choose(awin: StandInAwin, client: httpx.Client) -> None:
    """Requests without a planned step meet what it returns; planned steps go first."""
    awin.behave(lambda request: Answer(503) if request.parameters["merchant"] == "1001" else OK)
    awin.plan(Answer(202))
    statuses = [client.get(f"/sread.php?{query(merchant=m, cks=None)}").status_code for m in ("1001", "1001", "1002")]
    assert statuses == [202, 503, 200]


def test_a_refused_request_uses_up_no_step(awin: StandInAwin, client: httpx.Client) -> None:
    """A strict stand-in keeps its plan for good requests."""
    awin.plan(Answer(202))
    assert client.get("/sread.php?tt=ss").status_code == 400
    assert client.get(f"/sread.php?{query()}").status_code == 202


def test_a_refusing_port_listens_again_at_the_same_address(awin: StandInAwin, client: httpx.Client) -> None:
    """Connecting fails, by idle connections too, until the block ends."""
    client.get(f"/sread.php?{query()}")
    with awin.refusing():
        for _ in range(3):
            with pytest.raises(httpx.ConnectError):
                client.get(f"/sread.php?{query()}")
        awin.refuse()
    assert client.get(f"/sread.php?{query()}").status_code == 200
    assert [request.connection for request in awin.requests] == [1, 2]


def test_a_request_under_way_is_answered_while_refusing(awin: StandInAwin, client: httpx.Client) -> None:
    """It started before, so it ends well, and its connection ends with it."""
    awin.plan(Answer(delay_s=0.2), OK)
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(client.get, f"/sread.php?{query()}")
        awin.wait_for(1, timeout_s=10)
        awin.refuse()
        assert answer.result().status_code == 200
        awin.accept()
        client.get(f"/sread.php?{query()}")
    assert [request.connection for request in awin.requests] == [1, 2]


def test_latency_is_added_and_repeatable() -> None:
    """The same seed gives the same delays, around the median."""
    delays = [log_normal(median_s=0.05, sigma=0.5, random=Random(7)) for _ in range(2)]
    drawn = [[delay() for _ in range(1001)] for delay in delays]
    assert drawn[0] == drawn[1]
    assert 0.045 < sorted(drawn[0])[500] < 0.055
    with StandInAwin(latency=lambda: 0.1) as awin:
        httpx.get(f"{awin.endpoint}?{query()}", trust_env=False)
        [request] = awin.requests
        assert request.behaviour == Answer(delay_s=0.1)


def test_starting_and_stopping_twice_is_harmless() -> None:
    """What was recorded stays, and the address stays too."""
    awin = StandInAwin()
    awin.stop()
    awin.start()
    awin.start()
    endpoint = awin.endpoint
    httpx.get(f"{endpoint}?{query()}", trust_env=False)
    awin.stop()
    awin.stop()
    with pytest.raises(httpx.ConnectError):
        httpx.get(endpoint, trust_env=False)
    with awin:
        assert awin.endpoint == endpoint
        assert httpx.get(f"{endpoint}?{query()}", trust_env=False).status_code == 200
    assert len(awin.requests) == 2


def test_stopping_ends_connections_in_every_state() -> None:
    """Silent, idle and hanging clients all see the end."""
    awin = StandInAwin()
    awin.start()
    with connected(awin) as silent, connected(awin) as idle, connected(awin) as hanging:
        idle.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert idle.recv(65536).startswith(b"HTTP/1.1 200 OK")
        awin.plan(Hang())
        hanging.sendall(b"GET / HTTP/1.1\r\n\r\n")
        awin.wait_for(2, timeout_s=10)
        awin.stop()
        assert (silent.recv(1), idle.recv(1), hanging.recv(1)) == (b"", b"", b"")


def test_a_taken_port_is_an_error(awin: StandInAwin) -> None:
    """The second to want it is told, and can be stopped as if nothing were."""
    second = StandInAwin(port=urlsplit(awin.endpoint).port or 0)
    with pytest.raises(OSError, match="in use"):
        second.start()
    second.stop()


def test_what_needs_a_running_server_says_so() -> None:
    """Refusing before the start names the remedy."""
    with pytest.raises(RuntimeError, match=r"call start\(\) first"):
        StandInAwin().refuse()
