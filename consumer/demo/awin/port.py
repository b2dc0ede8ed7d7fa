"""The stand-in's listening port, on a thread of its own with one event loop; each connection is a task."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Collection, Coroutine
from concurrent.futures import Future

from consumer.demo.awin.connection import Connection, Exchange


class Port:
    """A port that listens, can refuse for a while, and closes. Its methods may be called from any thread."""

    def __init__(self, host: str, port: int, exchange: Exchange) -> None:
        self._address = (host, port)
        self._exchange = exchange
        self._thread = threading.Thread(target=self._main, name="stand-in-awin", daemon=True)
        self._opened: Future[int] = Future()
        self._connections: dict[asyncio.Task[None], Connection] = {}
        self._listening = False
        self._accepted = 0

    def open(self) -> int:
        """Listen, and return the port's number. Once only.

        Raises:
            OSError: the address cannot be had.
        """
        self._thread.start()
        return self._opened.result()

    def close(self) -> None:
        """Close everything, answered or not, and wait until that is done."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def refuse(self) -> None:
        """Refuse new connections from now on and end idle ones; busy ones still get their answer. The port stays ours.

        No-op when already refusing.
        """
        self._do(self._refuse())

    def listen(self) -> None:
        """Undo `refuse`, on the same port. No-op when listening."""
        self._do(self._listen())

    def _do(self, coroutine: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def _main(self) -> None:
        asyncio.run(self._run())

    async def _run(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        try:
            self._listener = self._bound()
            await self._listen()
        except OSError as error:
            self._opened.set_exception(error)
            return
        self._opened.set_result(self._address[1])
        await self._closing.wait()
        self._stop_listening()
        await _end(list(self._connections))
        self._listener.close()

    def _bound(self) -> socket.socket:
        """Return a socket that holds our port; until it listens, connecting to it is refused."""
        listener = socket.socket()
        try:
            listener.settimeout(0)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(self._address)
        except OSError:
            listener.close()
            raise
        self._address = listener.getsockname()
        return listener

    async def _listen(self) -> None:
        if not self._listening:
            self._listening = True
            self._listener.listen(1024)
            self._loop.add_reader(self._listener, self._accept)

    async def _refuse(self) -> None:
        if self._listening:
            self._stop_listening()
            self._listener = self._bound()
            await _end([task for task, connection in self._connections.items() if connection.idle])

    def _stop_listening(self) -> None:
        if self._listening:
            self._listening = False
            self._loop.remove_reader(self._listener)
            self._listener.close()

    def _accept(self) -> None:
        try:
            accepted, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # the client has left again
        accepted.settimeout(0)
        self._accepted += 1
        connection = Connection(accepted, self._accepted, self._exchange, lambda: not self._listening)
        task = asyncio.create_task(connection.serve())
        self._connections[task] = connection
        task.add_done_callback(self._connections.pop)


async def _end(tasks: Collection[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for them; a task cancelled before its first step closes nothing, so let each begin."""
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
