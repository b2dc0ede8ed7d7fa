"""Attempts over the real transport, for tests that have a socket at the other end."""

from __future__ import annotations

import asyncio
import ssl
import time
from typing import NamedTuple

from consumer.awin.http import HttpRequest
from consumer.delivery.attempt.sender import Answer, Sender, transport
from consumer.delivery.settings import DeliverSettings
from tests.delivery.conversions import T0_MS

PATIENT = DeliverSettings(
    connect_timeout_ms=10_000, read_timeout_ms=10_000, write_timeout_ms=10_000, pool_timeout_ms=10_000
)
HURRIED = DeliverSettings(connect_timeout_ms=700, read_timeout_ms=300, write_timeout_ms=500, pool_timeout_ms=200)
"""For attempts that only a timeout ends."""

NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts no server; made quicker than what the product trusts."""

_HURRY_S = 1.7
_NOISE_S = 8.0


class Attempted(NamedTuple):
    """What became of an attempt and of the next one by the same transport."""

    answer: Answer
    next_answer: Answer


def get(url: str, ref: str) -> HttpRequest:
    """Return the request for one order."""
    return HttpRequest(url=f"{url}?ref={ref}")


def attempt(asked: HttpRequest, *, url: str, hurried: bool = False, trust: ssl.SSLContext | None = NOBODY) -> Attempted:
    """Make an attempt, and then one for the order ``next``, which has time enough.

    ``trust`` is as for `transport`.

    Fails when a hurried attempt outlasts its timeouts, and another one does not end at once.
    """
    settings = HURRIED if hurried else PATIENT
    longest_s = _NOISE_S + (_HURRY_S if hurried else 0)

    async def run() -> Attempted:
        http = transport(PATIENT, trust=trust)
        try:
            began_s = time.monotonic()
            answer = await Sender(http, settings, lambda: T0_MS).attempt(asked)
            assert time.monotonic() - began_s < longest_s
            return Attempted(answer, await Sender(http, PATIENT, lambda: T0_MS).attempt(get(url, "next")))
        finally:
            await http.aclose()

    return asyncio.run(run())


def attempt_alone(asked: HttpRequest, settings: DeliverSettings) -> Answer:
    """Make one attempt under these settings."""

    async def run() -> Answer:
        sender = Sender(transport(settings, trust=NOBODY), settings, lambda: T0_MS)
        try:
            return await sender.attempt(asked)
        finally:
            await sender.aclose()

    return asyncio.run(run())
