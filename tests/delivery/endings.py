"""Every way in which an attempt can end once there is a connection, with what a server has to do for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tests.delivery.attempt.outcomes import (
    BROKEN_OFF,
    CLOSED,
    DELIVERED,
    DRIPPING,
    FAILED,
    NONSENSE,
    REDIRECTED,
    REFUSED,
    THROTTLED,
    TIMED_OUT,
    Row,
)
from tests.delivery.attempt.socket_server import OK, Peer, Script, healthy

_ACCEPTED = b"HTTP/1.1 200 OK\nContent-Length: 2"
_CHUNKED = b"HTTP/1.1 200 OK\nTransfer-Encoding: chunked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """One way to end."""

    what: str
    row: Row
    script: Script
    status: int | None
    seen: int = 1
    """How many requests the server sees."""
    hurried: bool = False
    """Whether a timeout has to end it."""


def answer(head: bytes, body: bytes = b"", *, then: Script = healthy) -> Script:
    """Read a request and answer it; ``head`` has bare newlines and no empty line."""

    def script(peer: Peer) -> None:
        peer.request()
        peer.send(head.replace(b"\n", b"\r\n") + b"\r\n\r\n" + body)
        then(peer)

    return script


def close(_: Peer) -> None:
    """Do nothing more."""


def _unread(then: Script) -> Script:
    def script(peer: Peer) -> None:
        peer.first_byte()
        then(peer)

    return script


def _read(then: Script, start: bytes = b"") -> Script:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(start)
        then(peer)

    return script


def _dripping(start: bytes) -> Script:
    return _read(lambda peer: peer.drip(b"x" * 1000), start.replace(b"\n", b"\r\n"))


def _flood(start: bytes, piece: bytes) -> Script:
    return _read(lambda peer: peer.flood(piece * 1000), start.replace(b"\n", b"\r\n"))


def _status(row: Row, *statuses: int) -> list[Ending]:
    return [
        Ending(
            what=f"{status} {len(body)}",
            row=row,
            script=answer(b"HTTP/1.1 %d Said\nContent-Length: %d" % (status, len(body)), body),
            status=status,
        )
        for status in statuses
        for body in (b"", b"It\r\nsays so.")
        if not (body and status in {204, 304})
    ]


def _delivered(scripts: Mapping[str, Script]) -> list[Ending]:
    return [Ending(what=what, row=DELIVERED, script=script, status=200) for what, script in scripts.items()]


def _unknown(row: Row, scripts: Mapping[str, Script], *, seen: int = 1, hurried: bool = False) -> list[Ending]:
    return [
        Ending(what=what, row=row, script=script, status=None, seen=seen, hurried=hurried)
        for what, script in scripts.items()
    ]


FLOODS = (
    *_delivered(
        {
            "endless body": _flood(b"HTTP/1.1 200 OK\n\n", b"x" * 10),
            "endless chunk": _flood(_CHUNKED + b"\n\nfffffffffff\n", b"x" * 10),
            "endless chunks": _flood(_CHUNKED + b"\n\n", b"63\r\n" + b"x" * 99 + b"\r\n"),
        }
    ),
    *_unknown(
        NONSENSE,
        {
            "endless status line": _flood(b"HTTP/1.1 200 ", b"x" * 10),
            "endless header": _flood(b"HTTP/1.1 200 OK\nA: ", b"x" * 10),
            "endless headers": _flood(b"HTTP/1.1 200 OK\n", b"a: b\r\n"),
            "endless chunk extension": _flood(_CHUNKED + b"\n\n1;", b"x" * 10),
            "endless trailer": _flood(_CHUNKED + b"\n\n0\n", b"a: b\r\n"),
        },
    ),
    *_unknown(DRIPPING, {"endless 1xx": _flood(b"", b"HTTP/1.1 103 Hints\r\n\r\n")}, hurried=True),
)

ENDINGS = (
    *_status(DELIVERED, 200, 201, 202, 204, 206, 299),
    *_status(REDIRECTED, 300, 301, 302, 303, 304, 307, 308),
    *_status(REFUSED, 400, 401, 403, 404, 405, 406, 409, 410, 413, 414, 415, 422, 431, 451, 499),
    *_status(THROTTLED, 429, 503),
    *_status(FAILED, 408, 425, 500, 501, 502, 504, 505, 520, 599, 600, 999),
    *_delivered(
        {
            "100 first": answer(b"HTTP/1.1 100 Continue\n\n" + _ACCEPTED, b"ok"),
            "103 first": answer(b"HTTP/1.1 103 Hints\nLink: </a>\n\nHTTP/1.1 103 Hints\n\n" + _ACCEPTED, b"ok"),
            "chunked": answer(_CHUNKED, b"2\r\nok\r\n0\r\n\r\n"),
            "until it closes": answer(b"HTTP/1.1 200 OK", b"ok", then=close),
            "HTTP/1.0": answer(b"HTTP/1.0 200 OK", b"ok", then=close),
            "HTTP/1.0 with length": answer(b"HTTP/1.0 200 OK\nContent-Length: 2", b"ok"),
            "without reason": answer(b"HTTP/1.1 200 \nContent-Length: 2", b"ok"),
            "last of the connection": answer(b"HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close", b"ok"),
            "oversized body": answer(b"HTTP/1.1 200 OK\nContent-Length: 9999999", b"x" * 9_999_999),
        }
    ),
    *_unknown(CLOSED, {"closed unread": _unread(close), "reset unread": _unread(Peer.reset)}, seen=0),
    *_unknown(
        CLOSED,
        {
            "closed": _read(close),
            "reset": _read(Peer.reset),
            "closed after 100": answer(b"HTTP/1.1 100 Continue", then=close),
            "reset after 100": answer(b"HTTP/1.1 100 Continue", then=Peer.reset),
        },
    ),
    *_unknown(
        BROKEN_OFF,
        {
            "closed in the head": _read(close, OK[:20]),
            "reset in the head": _read(Peer.reset, OK[:20]),
            "closed in the body": answer(b"HTTP/1.1 200 OK\nContent-Length: 3", b"ok", then=close),
            "reset in the body": answer(b"HTTP/1.1 200 OK\nContent-Length: 3", b"ok", then=Peer.reset),
            "closed without a body": answer(b"HTTP/1.1 400 Bad\nContent-Length: 3", then=close),
            "closed in a chunk": answer(_CHUNKED, b"3\r\nok", then=close),
            "closed between chunks": answer(_CHUNKED, b"2\r\nok\r\n", then=close),
            "closed in the trailer": answer(_CHUNKED, b"2\r\nok\r\n0\r\nA: ", then=close),
            "reset at the end of HTTP/1.0": answer(b"HTTP/1.0 200 OK", b"ok", then=Peer.reset),
        },
    ),
    *_unknown(
        TIMED_OUT,
        {
            "hanging": _read(Peer.until_left),
            "hanging after 100": answer(b"HTTP/1.1 100 Continue", then=Peer.until_left),
            "hanging in the head": _read(Peer.until_left, OK[:20]),
            "hanging in the body": answer(b"HTTP/1.1 200 OK\nContent-Length: 3", b"ok", then=Peer.until_left),
            "hanging between chunks": answer(_CHUNKED, b"2\r\nok\r\n", then=Peer.until_left),
        },
        hurried=True,
    ),
    *_unknown(TIMED_OUT, {"hanging unread": Peer.hold}, seen=0, hurried=True),
    *_unknown(
        DRIPPING,
        {"head": _dripping(b"HTTP/1.1 200 OK\nA: "), "body": _dripping(b"HTTP/1.1 200 OK\nContent-Length: 1000\n\n")},
        hurried=True,
    ),
    *_unknown(
        NONSENSE,
        {
            "garbage": answer(b"\x15\x03\x01\x00\x02 no HTTP"),
            "HTTP/0.9": answer(b"ok", then=close),
            "HTTP/2": answer(b"HTTP/2 200 OK\nContent-Length: 0"),
            "status 99": answer(b"HTTP/1.1 099 OK\nContent-Length: 0"),
            "101": answer(b"HTTP/1.1 101 Switching Protocols\nUpgrade: websocket\nConnection: Upgrade"),
            "zero byte": answer(b"HTTP/1.1 200 OK\nA: \x00\nContent-Length: 0"),
            "two lengths": answer(b"HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2", b"ok"),
            "negative length": answer(b"HTTP/1.1 200 OK\nContent-Length: -1"),
            "long length": answer(b"HTTP/1.1 200 OK\nContent-Length: " + b"9" * 5000),
            "no chunk": answer(_CHUNKED, b"ok\r\n"),
            "other encoding": answer(b"HTTP/1.1 200 OK\nTransfer-Encoding: gzip", b"ok"),
            "oversized header": answer(b"HTTP/1.1 200 OK\nContent-Length: 0\nA: " + b"x" * 200_000),
        },
    ),
)
