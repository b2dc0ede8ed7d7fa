"""Faults of Awin, and of what is ordered of programmes."""

from __future__ import annotations

from consumer.demo.awin import Answer, Behaviour, StandInAwin
from tests.chaos.mood import Mood
from tests.chaos.orders import Orders

_SPOILT_IN = 6
"""So many orders, of which one makes Awin refuse the whole call."""


class Storm:
    """Every request meets the same failure."""

    def __init__(self, mood: Mood, behaviour: Behaviour) -> None:
        self._mood = mood
        self._behaviour = behaviour

    def strike(self) -> None:
        self._mood.storm(self._behaviour)

    def heal(self) -> None:
        self._mood.clear()


class Refused:
    """Nobody listens."""

    def __init__(self, awin: StandInAwin) -> None:
        self._awin = awin

    def strike(self) -> None:
        self._awin.refuse()

    def heal(self) -> None:
        self._awin.accept()


class Spoilt:
    """Calls with a bad order are refused as a whole."""

    def __init__(self, mood: Mood) -> None:
        self._mood = mood

    def strike(self) -> None:
        self._mood.spoil(_SPOILT_IN, spoils_call=True)

    def heal(self) -> None:
        self._mood.spoil(spoils_call=False)


class Paused:
    """A programme is paused by command, and resumed."""

    def __init__(self, orders: Orders, programme: str) -> None:
        self._orders = orders
        self._programme = programme

    def strike(self) -> None:
        self._orders.pause(self._programme)

    def heal(self) -> None:
        self._orders.resume(self._programme)


class Halted:
    """Awin rejects every order of a programme, which halts it; when that is over, it is resumed by command."""

    def __init__(self, mood: Mood, orders: Orders, programme: str) -> None:
        self._mood = mood
        self._orders = orders
        self._programme = programme

    def strike(self) -> None:
        self._mood.storm(Answer(403, body=b"unknown programme"), self._programme)

    def heal(self) -> None:
        self._mood.clear(self._programme)
        self._orders.resume(self._programme)


class KeyRevoked:
    """The programme's key is refused, which halts it; it is good again, and the programme is resumed by command."""

    def __init__(self, awin: StandInAwin, orders: Orders, programme: str) -> None:
        self._awin = awin
        self._orders = orders
        self._programme = programme

    def strike(self) -> None:
        self._awin.revoke_keys(self._programme)

    def heal(self) -> None:
        self._awin.restore_keys(self._programme)
        self._orders.resume(self._programme)
