"""Connections to Awin: each exchange has one to itself, and only one that ended well is used again."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import cast

import httpx

_Origin = tuple[str, str, int | None]


class Connections(httpx.AsyncBaseTransport):
    """A pool over transports that are used for one exchange at a time.

    httpx has a pool of its own, but an exchange that is cancelled at an unlucky moment keeps its place there for ever
    (httpcore 1.0.9: cancelled while it takes a lock or gives a connection back). Here, whatever does not end well takes
    its transport with it.

    Args:
        open_one: makes a transport that has to hold one connection at most.
        most: exchanges at once; further ones wait, as long as their ``pool`` timeout.
        idle_s: an idle connection is not used after this time. Servers close theirs after 5 s or more, and a request
            that leaves at that very moment is lost without anybody knowing.
        monotonic_s: the clock for ``idle_s``.
    """

    def __init__(
        self,
        open_one: Callable[[], httpx.AsyncBaseTransport],
        *,
        most: int,
        idle_s: float,
        monotonic_s: Callable[[], float],
    ) -> None:
        self._open_one = open_one
        self._places = asyncio.Semaphore(most)
        self._idle_s = idle_s
        self._monotonic_s = monotonic_s
        self._idle: defaultdict[_Origin, deque[tuple[float, httpx.AsyncBaseTransport]]] = defaultdict(deque)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request on a connection of its own. Its place is free again when the answer's stream is closed.

        Raises:
            httpx.PoolTimeout: all places were taken for too long.
            httpx.TransportError: whatever the transport raises.
        """
        await self._take_place(request.extensions.get("timeout", {}).get("pool"))
        origin = (request.url.scheme, request.url.host, request.url.port)
        try:
            await self._close_expired()
            connection = self._idle[origin].pop()[1] if self._idle[origin] else self._open_one()
        except BaseException:
            self._places.release()
            raise
        try:
            response = await connection.handle_async_request(request)
        except BaseException:
            await self._drop(connection)
            raise
        stream = _Stream(
            cast("httpx.AsyncByteStream", response.stream),  # what an asynchronous transport answers with
            partial(self._keep, origin, connection),
            partial(self._drop, connection),
        )
        return httpx.Response(
            response.status_code, headers=response.headers, stream=stream, extensions=response.extensions
        )

    async def aclose(self) -> None:
        """Close what is idle; the rest closes when its exchange ends, which must not be later."""
        for connections in list(self._idle.values()):
            while connections:
                await connections.popleft()[1].aclose()

    async def _take_place(self, timeout_s: float | None) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await self._places.acquire()
        except TimeoutError:
            raise httpx.PoolTimeout("all connections are in use") from None

    async def _close_expired(self) -> None:
        expired_s = self._monotonic_s() - self._idle_s
        for connections in list(self._idle.values()):  # another exchange may come by while one is closed
            while connections and connections[0][0] <= expired_s:
                await connections.popleft()[1].aclose()

    def _keep(self, origin: _Origin, connection: httpx.AsyncBaseTransport) -> None:
        self._places.release()
        self._idle[origin].append((self._monotonic_s(), connection))

    async def _drop(self, connection: httpx.AsyncBaseTransport) -> None:
        self._places.release()  # first, since closing can be cancelled: the socket is closed by then, but not more
        await connection.aclose()


class _Stream(httpx.AsyncByteStream):
    """An answer's body, which ends the exchange when it is closed."""

    def __init__(
        self, stream: httpx.AsyncByteStream, keep: Callable[[], None], drop: Callable[[], Awaitable[None]]
    ) -> None:
        self._stream = stream
        self._keep = keep
        self._drop = drop
        self._whole = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for piece in self._stream:
            yield piece
        self._whole = True

    async def aclose(self) -> None:
        try:
            await self._stream.aclose()
        except BaseException:
            await self._drop()
            raise
        if self._whole:
            self._keep()
        else:
            await self._drop()
