"""One connection to the stand-in: HTTP/1.1 with keep-alive.

On a plain socket, so that it can also do what servers must not do.
"""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from http.client import responses
from typing import Protocol, assert_never

from consumer.demo.awin.behaviour import Answer, Behaviour, CloseAfterReading, Garbage, HalfBody, Hang, Redirect

_MAX_HEAD = 65536
_CHUNK = 65536
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Request:
    """A request as read from a socket, unjudged. Its head is Latin-1; header names are in lower case."""

    connection: int
    method: str
    target: str
    version: str
    headers: dict[str, str]
    body: bytes = field(default=b"", repr=False)

    @property
    def body_length(self) -> int:
        """Bytes of body that follow the head."""
        length = self.headers.get("content-length", "0")
        return int(length) if length.isascii() and length.isdigit() else 0

    @property
    def keeps_connection(self) -> bool:
        """Whether another request can come by the same connection."""
        ends = self.headers.get("connection", "").lower() == "close"
        return self.version == "HTTP/1.1" and not ends and "transfer-encoding" not in self.headers


class Exchange(Protocol):
    """Decides what happens on the connections. Called on the server's thread; must not block."""

    def drops_unread(self) -> bool:
        """Say whether the request whose first bytes have just come is to be thrown away."""

    def behaviour_for(self, request: Request) -> Behaviour:
        """Record the request and say what it meets."""


class Connection:
    """Serves one client until either side has had enough; ``is_last`` is asked after each answer."""

    def __init__(self, sock: socket.socket, number: int, exchange: Exchange, is_last: Callable[[], bool]) -> None:
        self._socket = sock
        self._number = number
        self._exchange = exchange
        self._is_last = is_last
        self._loop = asyncio.get_running_loop()
        self._received = bytearray()
        self.idle = False
        """True between an answer and the next request."""

    async def serve(self) -> None:
        """Answer requests as `Exchange` says; ends without an error however the client leaves."""
        with self._socket, suppress(ConnectionError):
            kept = True
            while kept:
                await self._receive(1)
                self.idle = False
                kept = await self._serve_one()
                self.idle = kept

    async def _serve_one(self) -> bool:
        """Read and answer one request; False when the connection is over."""
        if self._exchange.drops_unread():
            self._reset_on_close()
            return False
        request = await self._read()
        kept = await self._perform(request, self._exchange.behaviour_for(request))
        return kept and request.keeps_connection and not self._is_last()

    async def _read(self) -> Request:
        while b"\r\n\r\n" not in self._received:
            if len(self._received) > _MAX_HEAD:
                raise ConnectionAbortedError
            await self._receive(len(self._received) + 1)
        head, _, self._received = self._received.partition(b"\r\n\r\n")
        request = _parsed(bytes(head), self._number)
        await self._receive(request.body_length)
        body = bytes(self._received[: request.body_length])
        del self._received[: request.body_length]
        return replace(request, body=body)

    async def _receive(self, size: int) -> None:
        """Wait until there are ``size`` unread bytes.

        Raises:
            ConnectionError: the client left.
        """
        while len(self._received) < size:
            chunk = await self._loop.sock_recv(self._socket, _CHUNK)
            if not chunk:
                raise ConnectionAbortedError
            self._received += chunk

    async def _perform(self, request: Request, behaviour: Behaviour) -> bool:
        """Do what was decided; False when that ends the connection."""
        match behaviour:
            case Answer():
                await asyncio.sleep(behaviour.delay_s)
                await self._send(_written(behaviour))
                return True
            case Redirect():
                await self._send(_written(Answer(behaviour.status, {"Location": request.target})))
                return True
            case Hang():
                while True:
                    await self._receive(len(self._received) + 1)
            case CloseAfterReading():
                self._reset_on_close()
            case HalfBody():
                await self._send(_written(Answer(body=b"x" * 100))[:-50])
            case Garbage():
                await self._send(b"\x15\x03\x01\x00\x02 this is no HTTP\r\n\r\n")
            case _:
                assert_never(behaviour)
        return False

    async def _send(self, data: bytes) -> None:
        await self._loop.sock_sendall(self._socket, data)

    def _reset_on_close(self) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)


def _parsed(head: bytes, connection: int) -> Request:
    """Read a head as far as it can be read; what is missing is empty."""
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, version = (*first.split(" "), "", "")[:3]
    headers = (line.partition(":") for line in lines)
    return Request(connection, method, target, version, {name.lower(): value.strip() for name, _, value in headers})


def _written(answer: Answer) -> bytes:
    headers = dict(answer.headers)
    if answer.status not in {204, 304}:
        headers["Content-Length"] = str(len(answer.body))
    lines = [
        f"HTTP/1.1 {answer.status} {responses.get(answer.status, '')}",
        *(f"{name}: {value}" for name, value in headers.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + answer.body
