"""A server on a plain socket that does with each connection what a script says, be it HTTP or not."""

from __future__ import annotations

import os
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Literal, NamedTuple, Self

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

_GIVES_UP_S = 30.0
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Seen(NamedTuple):
    """A request whose head arrived whole."""

    connection: int
    """The first one is 1."""
    head: bytes


class Peer:
    """One connection, in the hands of a script. Its methods raise `ConnectionError` when the client has left."""

    def __init__(self, sock: socket.socket, number: int, record: Callable[[Seen], None], over: threading.Event) -> None:
        self.socket = sock
        self.number = number
        self._record = record
        self._over = over
        self._received = bytearray()
        self._length = 0

    def encrypt(self, context: ssl.SSLContext) -> None:
        """Shake hands for TLS; all that follows is encrypted."""
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def head(self) -> None:
        """Read and record the head of a request."""
        while (end := self._received.find(b"\r\n\r\n")) < 0:
            self._receive()
        head = bytes(self._received[:end])
        del self._received[: end + 4]
        length = head.lower().partition(b"content-length:")[2].split()
        self._length = int(length[0]) if length else 0
        self._record(Seen(self.number, head))

    def body(self) -> bytes:
        """Read the rest of the request."""
        while len(self._received) < self._length:
            self._receive()
        body = bytes(self._received[: self._length])
        del self._received[: self._length]
        return body

    def request(self) -> bytes:
        """Read and record a request; return its body."""
        self.head()
        return self.body()

    def first_byte(self) -> None:
        """Wait until something has come, without reading it."""
        if not self.socket.recv(1, socket.MSG_PEEK):
            raise ConnectionAbortedError

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def drip(self, data: bytes) -> None:
        """Send it byte by byte, fifty in a second."""
        for number in range(len(data)):
            self.send(data[number : number + 1])
            time.sleep(0.02)

    def flood(self, data: bytes) -> None:
        """Send it again and again until the client leaves."""
        while True:
            self.send(data)

    def send_unencrypted(self, data: bytes) -> None:
        """Send it past the encryption."""
        os.write(self.socket.fileno(), data)

    def reset(self) -> None:
        """End the connection with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self.socket.close()

    def until_left(self) -> None:
        """Read, and record requests, until the client leaves."""
        with suppress(ConnectionError):
            while True:
                self.request()

    def hold(self) -> None:
        """Do nothing at all until the test is over."""
        self._over.wait(_GIVES_UP_S)

    def _receive(self) -> None:
        chunk = self.socket.recv(65536)
        if not chunk:
            raise ConnectionAbortedError
        self._received += chunk


Script = Callable[[Peer], None]


def healthy(peer: Peer) -> None:
    """Answer every request as Awin would."""
    while True:
        peer.request()
        peer.send(OK)


class SocketServer:
    """Listens on 127.0.0.1, on a free port.

    The first connections meet ``scripts``, one each, and all further ones ``later``: so whoever sends a request again
    by another connection is recorded, and answered. A connection is closed when its script ends.

    Leave the block when all clients have closed. What they sent until then has been recorded after it.
    """

    def __init__(self, *scripts: Script, later: Script = healthy, scheme: Literal["http", "https"] = "http") -> None:
        self._scripts = scripts
        self._later = later
        self._scheme = scheme
        self._seen: list[Seen] = []
        self._seen_more = threading.Condition()
        self._mistakes: list[Exception] = []
        self._threads: list[threading.Thread] = []
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._port = self._listener.getsockname()[1]
        self._last_caller: int | None = None
        self._acceptor = threading.Thread(target=self._accept, daemon=True)

    @property
    def url(self) -> str:
        """Where to send requests."""
        return f"{self._scheme}://127.0.0.1:{self._port}/sread.php"

    @property
    def connections(self) -> int:
        """How many there were so far."""
        return len(self._threads)

    def seen(self, ref: str) -> int:
        """Say how often a request with this order reference was seen so far."""
        with self._seen_more:
            return sum(f"ref={ref} ".encode() in request.head for request in self._seen)

    def wait_for(self, ref: str) -> None:
        """Wait until a request with this order reference is seen."""
        with self._seen_more:
            self._seen_more.wait_for(lambda: self.seen(ref), _GIVES_UP_S)

    def join(self, connection: int) -> None:
        """Wait until this connection has been closed; it must have been accepted."""
        self._threads[connection - 1].join(_GIVES_UP_S)

    def __enter__(self) -> Self:
        self._acceptor.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Serve whoever waits to be accepted, then close.

        Raises:
            Exception: what a script ended with, if that was not the client's leaving.
        """
        self._over.set()
        with socket.socket() as last:
            last.bind(("127.0.0.1", 0))
            self._last_caller = last.getsockname()[1]
            last.connect(("127.0.0.1", self._port))
            self._acceptor.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()
        for mistake in self._mistakes:
            raise mistake

    def _record(self, request: Seen) -> None:
        with self._seen_more:
            self._seen.append(request)
            self._seen_more.notify_all()

    def _accept(self) -> None:
        while True:
            accepted, (_, caller) = self._listener.accept()
            if caller == self._last_caller:
                accepted.close()
                return
            accepted.settimeout(_GIVES_UP_S)
            thread = threading.Thread(target=self._serve, args=(accepted, len(self._threads)), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, accepted: socket.socket, index: int) -> None:
        peer = Peer(accepted, index + 1, self._record, self._over)
        try:
            (self._scripts[index] if index < len(self._scripts) else self._later)(peer)
        except (ConnectionError, ssl.SSLError):
            pass  # the client left, or would not have us
        except Exception as mistake:  # noqa: BLE001 - the test's thread raises it
            self._mistakes.append(mistake)
        finally:
            peer.socket.close()
