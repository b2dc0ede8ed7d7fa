"""How Awin behaves in a chaos run: a little of every failure all the time, and what a fault asks for on top."""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable, Sequence
from email.utils import formatdate
from functools import partial
from random import Random

from consumer.demo.awin import (
    OK,
    Answer,
    AwinRequest,
    Behaviour,
    CloseAfterReading,
    CloseBeforeReading,
    Garbage,
    HalfBody,
    Hang,
    Redirect,
    StandInAwin,
)

Choice = Callable[[], Behaviour]

READ_TIMEOUT_S = 3.0
"""Of deliver: what takes longer is accepted, and nobody hears of it."""
TROUBLE = 0.12
"""So many requests meet a failure, whatever the fault."""
_REJECTED_IN = 60
"""One order in so many is never accepted by the Conversion API."""


def _always(*behaviours: Behaviour) -> Sequence[Choice]:
    return [partial(_same, each) for each in behaviours]


def _same(behaviour: Behaviour) -> Behaviour:
    return behaviour


def _throttled_until() -> Behaviour:
    return Answer(429, {"Retry-After": formatdate(time.time() + 1, usegmt=True)})


TROUBLES: Sequence[Choice] = (
    *_always(
        Answer(500),
        Answer(502, body=b"<html>" + b"x" * 100_000),
        Answer(503, {"Retry-After": "1"}),
        Answer(429, {"Retry-After": "1"}),
        Answer(200, delay_s=0.5),
        Answer(200, delay_s=READ_TIMEOUT_S + 1),
        CloseAfterReading(),
        HalfBody(),
        Garbage(),
        Hang(),
    ),
    _throttled_until,
)
OF_SINGLES: Sequence[Choice] = _always(
    Answer(400, body=b"no such group"), Answer(404), Redirect(), Answer(200, body=b"thank you")
)
"""Of single requests. To reject a call would be the end of many orders, and soon of the programme; and one that is
thanked for would be accepted with orders that fail."""


class Mood:
    """Chooses for a stand-in. Its methods may be called from any thread.

    Args:
        awin: whose mood it is.
        random: of the failures.
    """

    def __init__(self, awin: StandInAwin, random: Random) -> None:
        self._awin = awin
        self._random = random
        self._lock = threading.Lock()
        self._storms: dict[str, Behaviour] = {}
        self._calm = False
        awin.behave(self._choose)
        self.spoil(_REJECTED_IN, spoils_call=False)

    def storm(self, behaviour: Behaviour, programme: str = "") -> None:
        """Do nothing but this, to everybody or to one programme, until `clear`."""
        with self._lock:
            self._storms[programme] = behaviour

    def clear(self, programme: str = "") -> None:
        """Undo `storm`."""
        with self._lock:
            self._storms.pop(programme, None)

    def spoil(self, one_in: int = _REJECTED_IN, *, spoils_call: bool) -> None:
        """Let the Conversion API refuse one order in so many, always the same ones, or their calls as a whole."""

        def refused(request: AwinRequest) -> str | None:
            return None if zlib.crc32(request.ref.encode()) % one_in else "the order is refused"

        self._awin.reject(refused, spoils_call=spoils_call)

    def drop_one(self) -> None:
        """Reset the next connection before its request is read, unless all is calm."""
        if not self._calm:
            self._awin.plan(CloseBeforeReading())

    def calm(self) -> None:
        """Accept everything from now on."""
        with self._lock:
            self._calm = True
            self._storms.clear()
        self._awin.reject(lambda _: None)

    def _choose(self, request: AwinRequest) -> Behaviour:
        with self._lock:
            if self._calm:
                return OK
            programme = request.parameters.get("merchant", "")
            storm = self._storms.get(programme) or self._storms.get("")
            if storm is not None:
                return storm
            if self._random.random() >= TROUBLE:
                return OK
            is_call = "ref" not in request.parameters
            troubles = TROUBLES if is_call or self._random.random() < 0.9 else OF_SINGLES
            return self._random.choice(troubles)()
