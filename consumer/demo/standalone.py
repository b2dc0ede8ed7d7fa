"""The stand-in Awin and the synthetic shop as processes of their own, for as long as they are let."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from random import Random
from types import FrameType

from consumer.demo.awin import MINOR_DIGITS, Answer, Behaviour, log_normal
from consumer.demo.awin.connection import Request
from consumer.demo.awin.conversion_api import BASE, ConversionApi
from consumer.demo.awin.judgement import Judgement, Repeats
from consumer.demo.awin.keys import Keys
from consumer.demo.awin.port import Port
from consumer.demo.awin.rules import Rules
from consumer.demo.awin.sread import Sread
from consumer.demo.producing import OpenShop
from consumer.demo.shop import Shop
from consumer.errors import ConsumerError
from consumer.settings import Settings
from consumer.stream.schemas import Schemas

_FORGET_AFTER = 50_000
_TELL_EVERY_S = 10.0
_FOREVER_S = 10 * 365 * 86_400.0

Tell = Callable[[str], None]


class Counter:
    """A stand-in Awin that counts what came and forgets it, unlike `StandInAwin`, so that it can stay for weeks.

    Of the orders that came it knows the latest, to tell a repeat that says something else.
    """

    def __init__(self, latency: Callable[[], float]) -> None:
        self.requests = 0
        self.violations = 0
        self._latency = latency
        self._rules = Rules(MINOR_DIGITS)
        self._begin()

    def drops_unread(self) -> bool:
        """Read every request."""
        return False

    def behaviour_for(self, request: Request) -> Behaviour:
        """Judge a request, count it and say what it meets."""
        judgement = self._judged(request)
        self.requests += len(judgement.requests)
        self.violations += len(judgement.call.violations) if judgement.call is not None else 0
        self.violations += sum(len(each.violations) for each in judgement.requests)
        if self.requests - self._began >= _FORGET_AFTER:
            self._begin()
        behaviour = judgement.refusal or judgement.answered(Answer())
        return replace(behaviour, delay_s=self._latency()) if isinstance(behaviour, Answer) else behaviour

    def _judged(self, request: Request) -> Judgement:
        judge = self._api.judge if request.target.startswith(BASE) else self._sread.judge
        return judge(request, self.requests + 1)

    def _begin(self) -> None:
        repeats = Repeats()
        self._began = self.requests
        self._sread = Sread(self._rules, repeats, strict=True)
        self._api = ConversionApi(self._rules, repeats, Keys(), strict=True)


def serve_awin(host: str, port: int, tell: Tell) -> None:
    """Answer as Awin would until SIGTERM or SIGINT.

    Raises:
        ConsumerError: the address cannot be had.
    """
    counter = Counter(log_normal(median_s=0.04, sigma=0.5, random=Random(1)))
    listening = Port(host, port, counter)
    stop = _stop_on_signals()
    try:
        number = listening.open()
    except OSError as error:
        raise ConsumerError(f"{host}:{port} cannot be listened on: {error.strerror}") from error
    tell(f"listening on {host}:{number}")
    told = 0
    while not stop.wait(_TELL_EVERY_S):
        if counter.requests > told:
            told = counter.requests
            tell(f"{told} orders came, with {counter.violations} violations")
    listening.close()
    tell(f"{counter.requests} orders came, with {counter.violations} violations; closed")


def keep_shop(settings: Settings, *, rate: float, seed: int, seconds: float | None, tell: Tell) -> None:
    """Produce sessions and orders for so many seconds, or until SIGTERM or SIGINT."""
    stop = _stop_on_signals()
    shop = OpenShop(
        Shop(seed, rate),
        settings.kafka.bootstrap_servers,
        settings.topics.session_landed,
        settings.topics.order_completed,
        Schemas.load(),
        _FOREVER_S if seconds is None else seconds,
    )
    shop.open()
    tell(f"the shop is open: {rate:g} events a second")
    while shop.is_open() and not stop.wait(0.2):
        pass
    shop.close()
    tell(f"the shop is closed: {shop.sessions} sessions and {shop.orders} orders")


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)
    return stop


def to_stderr(text: str) -> None:
    """Write a line at once."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()
