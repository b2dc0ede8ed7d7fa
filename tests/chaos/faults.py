"""What breaks in a chaos run: each fault strikes, and is healed. Which kinds there are says `schedule`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Protocol

from consumer.demo.awin import Answer, Hang, StandInAwin
from consumer.demo.broker import EmbeddedKafka
from tests.chaos import broker_faults, process_faults
from tests.chaos.awin_faults import Halted, KeyRevoked, Paused, Refused, Spoilt, Storm
from tests.chaos.fleet import Fleet
from tests.chaos.load import API, SREAD
from tests.chaos.mood import Mood
from tests.chaos.orders import Orders
from tests.kafka.crash.scenario import PARTITIONS, Scenario


class Fault(Protocol):
    """Something that breaks and is repaired. Both take a moment at most, but for what must be waited for."""

    def strike(self) -> None:
        """Break it."""

    def heal(self) -> None:
        """Repair it."""


@dataclass(frozen=True, slots=True)
class World:
    """All that can break."""

    scenario: Scenario
    kafka: EmbeddedKafka
    fleet: Fleet
    awin: StandInAwin
    mood: Mood
    orders: Orders


def make(kind: str, world: World, number: int) -> Fault:
    """Return a fault of a kind; ``number`` chooses what it strikes."""
    return _MAKERS[kind](world, Random(number))


def kinds() -> set[str]:
    """Return the kinds that can be made."""
    return set(_MAKERS)


Maker = Callable[[World, Random], Fault]


def _member(role: str, fault: Callable[[Fleet, str], Fault]) -> Maker:
    return lambda world, random: fault(world.fleet, f"{role}-{random.choice('ab')}")


def _guest(role: str) -> Maker:
    return lambda world, _: process_faults.Guest(world.fleet, f"{role}-guest")


def _storm(behaviour: Answer | Hang) -> Maker:
    return lambda world, _: Storm(world.mood, behaviour)


def _leader(world: World, random: Random) -> Fault:
    topic, partition = random.choice(["order_completed", "conversion", "receipt"]), random.randrange(PARTITIONS)
    return broker_faults.NodeKilled(world.kafka, lambda: broker_faults.leader(world.scenario, topic, partition))


_OF_MEMBERS: Mapping[str, Callable[[Fleet, str], Fault]] = {
    "killed": process_faults.Killed,
    "stopped": process_faults.Stopped,
    "frozen": process_faults.Frozen,
    "state deleted": process_faults.StateDeleted,
    "state stale": process_faults.StateStale,
}
_MAKERS: Mapping[str, Maker] = {
    **{f"{role} {what}": _member(role, _OF_MEMBERS[what]) for role in ("attribute", "deliver") for what in _OF_MEMBERS},
    "all members killed": lambda world, _: process_faults.AllKilled(world.fleet),
    "attribute rebalanced": _guest("attribute"),
    "deliver rebalanced": _guest("deliver"),
    "leader killed": _leader,
    "controller killed": lambda world, _: broker_faults.NodeKilled(
        world.kafka, lambda: broker_faults.controller(world.kafka)
    ),
    "all brokers down": lambda world, _: broker_faults.AllKilled(world.kafka),
    "transaction left open": lambda world, random: broker_faults.TransactionLeftOpen(world.scenario, random),
    "programme paused": lambda world, random: Paused(world.orders, random.choice([SREAD, API])),
    "programme halted": lambda world, _: Halted(world.mood, world.orders, SREAD),
    "key revoked": lambda world, _: KeyRevoked(world.awin, world.orders, API),
    "Awin refuses": lambda world, _: Refused(world.awin),
    "Awin hangs": _storm(Hang()),
    "Awin fails": _storm(Answer(500)),
    "Awin throttles": _storm(Answer(429, {"Retry-After": "3"})),
    "calls spoilt": lambda world, _: Spoilt(world.mood),
}
