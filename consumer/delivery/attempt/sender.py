"""One attempt: one request to Awin, and what its answer means.

The request goes straight to an httpx transport. A client on top would follow its own ideas between two orders:
it keeps cookies, prepares redirects (a broken one then hides the status) and logs every URL.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

import httpx

from consumer import __version__
from consumer.awin.answer import excerpt, outcome_of_status, retry_after_s
from consumer.awin.http import HttpRequest
from consumer.delivery.attempt.connections import Connections
from consumer.delivery.attempt.course import Course
from consumer.delivery.settings import DeliverSettings
from consumer.events import Outcome
from consumer.tls import client_context

_HEADERS = (
    ("User-Agent", f"awin-s2s-consumer/{__version__}"),
    ("Accept", "*/*"),
    ("Accept-Encoding", "identity"),
)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_CANNOT_BE_MADE = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
_IDLE_S = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What became of one attempt."""

    outcome: Outcome
    http_status: int | None
    retry_after_s: float | None
    excerpt: str
    """The beginning of the body, or the name of what went wrong; holds nothing personal."""
    body: bytes = field(default=b"", repr=False)
    """What was read of the body."""


def transport(
    settings: DeliverSettings,
    *,
    trust: ssl.SSLContext | None = None,
    monotonic_s: Callable[[], float] = time.monotonic,
) -> httpx.AsyncBaseTransport:
    """Return the real transport: HTTP/1.1 over connections that are kept, no retries and no proxy.

    Servers are verified against the authorities in the package certifi, which come with httpx and change with it, so
    every machine trusts the same; ``trust`` replaces them. The environment has no say: neither proxies
    (``HTTPS_PROXY`` and the like) nor authorities (``SSL_CERT_FILE``, ``SSL_CERT_DIR``) nor ``SSLKEYLOGFILE``.
    """
    context = trust or client_context()
    single = httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=None)

    def open_one() -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(
            verify=context, trust_env=False, http1=True, http2=False, limits=single, retries=0
        )

    return Connections(open_one, most=settings.max_outstanding, idle_s=_IDLE_S, monotonic_s=monotonic_s)


class Sender:
    """Makes attempts through a transport, on one event loop."""

    def __init__(self, http: httpx.AsyncBaseTransport, settings: DeliverSettings, now_ms: Callable[[], int]) -> None:
        timeouts = httpx.Timeout(
            connect=settings.connect_timeout_ms / 1000,
            read=settings.read_timeout_ms / 1000,
            write=settings.write_timeout_ms / 1000,
            pool=settings.pool_timeout_ms / 1000,
        ).as_dict()
        self._http = http
        self._now_ms = now_ms
        self._timeouts = timeouts
        self._longest_s = sum(limit for limit in timeouts.values() if limit is not None)

    async def attempt(self, asked: HttpRequest) -> Answer:
        """Send one request and read its answer; the server sees it at most once.

        Whatever goes wrong before a byte can have left is ``not_sent``. Everything later is ``unknown``, an answer that
        breaks off included, since it may have been accepted. It lasts no longer than the four timeouts together,
        however slowly the bytes drip. What is no address, or no header, is ``rejected``: it would never be sent.
        docs/operations.md has all endings in a table.
        """
        course = Course()
        try:
            request = httpx.Request(
                asked.verb,
                asked.url,
                headers=[*_HEADERS, *asked.headers],
                content=asked.body,
                extensions={"timeout": self._timeouts, "trace": course},
            )
        except (httpx.InvalidURL, ValueError) as error:
            return _failure("rejected", error)
        try:
            async with asyncio.timeout(self._longest_s):
                return await self._exchange(request, course, asked.max_answer_bytes)
        except _CANNOT_BE_MADE as error:
            return _failure("rejected", error)
        except (httpx.HTTPError, OSError) as error:  # a broken TLS record arrives as a bare SSLError, an OSError
            never_sent = course.never_sent or (isinstance(error, _NEVER_SENT) and not course.sending)
            return _failure("not_sent" if never_sent else "unknown", error)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def _exchange(self, request: httpx.Request, course: Course, most: int) -> Answer:
        response = await self._http.handle_async_request(request)
        stream = cast("httpx.AsyncByteStream", response.stream)  # what an asynchronous transport answers with
        async with aclosing(stream):
            if course.answered_early:
                raise httpx.RemoteProtocolError("the answer was there before the request")
            body = await _beginning(stream, most)
        now = datetime.fromtimestamp(self._now_ms() / 1000, UTC)
        return Answer(
            outcome=outcome_of_status(response.status_code),
            http_status=response.status_code,
            retry_after_s=retry_after_s(response.headers.get("Retry-After"), now),
            excerpt=excerpt(body),
            body=body,
        )


async def _beginning(stream: httpx.AsyncByteStream, most: int) -> bytes:
    """Read the body, to its end if that comes soon so that the connection can be kept."""
    body = bytearray()
    async for piece in stream:
        body += piece
        if len(body) >= most:
            break
    return bytes(body[:most])


def _failure(outcome: Outcome, error: Exception) -> Answer:
    return Answer(outcome=outcome, http_status=None, retry_after_s=None, excerpt=type(error).__name__)
