"""Whatever breaks, every conversion gets exactly one ending, and whatever reached Awin twice says so."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from random import Random

import pytest
from msgspec.structs import replace

from consumer.demo import awin
from consumer.demo.awin import AwinRequest, StandInAwin
from consumer.errors import Rebalanced, Unavailable
from consumer.events import Conversion
from consumer.stream.memory import Shuffled
from tests.delivery.conversions import key_of, sale
from tests.delivery.stages import INPUTS, Member, World

ORDERS = 25
ROUNDS = 40
MAX_OUTSTANDING = 4
THROTTLED = awin.Answer(429)


class Expected:
    """What must have become of everything produced, told from the log alone: per key the first record counts."""

    def __init__(self) -> None:
        self.first: dict[str, Conversion] = {}
        self.repeats: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def add(self, conversion: Conversion) -> None:
        """Take in the next record of its key."""
        first = self.first.setdefault(conversion.order_ref, conversion)
        if first is conversion:
            self.counts[ending_of(conversion)] += 1
        elif first.fingerprint == conversion.fingerprint and ending_of(first) == "for_export":
            self.counts["silent_repeat"] += 1
        elif first.fingerprint == conversion.fingerprint:
            self.repeats[conversion.order_ref] += 1
            self.counts["repeat"] += 1
        else:
            self.counts["dead_letter"] += 1


def ending_of(conversion: Conversion) -> str:
    """Return what becomes of a conversion that is the first of its order."""
    if conversion.mode == "shadow":
        return "shadow"
    return "for_export" if conversion.method == "offline" else "delivered"


def produce(world: World, random: Random, expected: Expected) -> None:
    """Append a few conversions, some of them for orders seen before, and sometimes junk."""
    for _ in range(random.randint(0, 3)):
        number = random.randrange(ORDERS)
        mode = "shadow" if number % 5 == 0 else "live"
        fingerprint = random.choice([b"same", b"same", b"other"])
        conversion = sale(f"A-{number}", mode="shadow" if mode == "shadow" else "live", fingerprint=fingerprint)
        conversion = replace(conversion, method="offline" if number % 4 == 0 else "sread")
        world.produce(conversion)
        expected.add(conversion)
    if random.random() < 0.1:
        world.log.produce("awin.conversion", key_of(sale("junk")), b"junk")
        expected.counts["dead_letter"] += 1


def troubled(random: Random) -> Callable[[AwinRequest], awin.Behaviour]:
    """Return an Awin that answers about every second request well."""
    troubles: list[awin.Behaviour] = [
        awin.Answer(500),
        THROTTLED,
        awin.CloseAfterReading(),
        awin.HalfBody(),
        awin.Answer(200, delay_s=0.02),
        awin.Answer(200, delay_s=0.15),
    ]
    return lambda _: random.choice([*troubles, *[awin.OK] * 4])


class Fleet:
    """Two members at most, that come, go and die."""

    def __init__(self, world: World, random: Random) -> None:
        self.world = world
        self.random = random
        self.members: dict[str, Member] = {}

    def ensure(self) -> None:
        """Start what is missing and share the partitions out anew."""
        for name in ("a", "b"):
            if name not in self.members:
                self.members[name] = self.world.member(
                    name,
                    max_outstanding=MAX_OUTSTANDING,
                    read_timeout_ms=100,
                    alone=False,
                    max_attempts=1_000,
                    deferred_delay_ms=0,
                    breaker_failures=self.random.randint(2, 20),
                    breaker_after_ms=0,
                    breaker_cooldown_ms=20,
                    breaker_cooldown_cap_ms=50,
                )
        self.share()

    def share(self) -> None:
        """Give each partition to some member."""
        owners = [self.random.choice(list(self.members)) for _ in self.world.log.partitions("awin.conversion")]
        shares = {
            name: [at for at in self.world.log.partitions(*INPUTS) if owners[at.partition] == name]
            for name in self.members
        }
        self.world.log.rebalance(shares, "group")

    def strike(self) -> None:
        """Let something happen to one of them."""
        name = self.random.choice(sorted(self.members))
        member = self.members[name]
        match self.random.randrange(10):
            case 0:
                del self.members[name]
                member.crash()
                self.ensure()
            case 1:
                del self.members[name]
                member.stage.close()
                self.ensure()
            case 2:
                self.share()
            case 3:
                self.world.log.expel(name, "group")
                self.step()
                self.share()
            case 4:
                member.transaction.fail_next_commit(Rebalanced("not just now"))
            case 5:
                member.transaction.fail_next_commit(Unavailable("no answer"))
            case 6:
                self.world.log.available = not self.world.log.available
            case 7:
                self.world.order("1001", self.random.choice(("paused", "halted", "running", "running")))
            case _:
                pass

    def step(self) -> None:
        """Let every member do a little."""
        for member in self.members.values():
            member.stage.step(0.002)
            assert member.metrics.most_outstanding <= MAX_OUTSTANDING


@pytest.mark.parametrize("seed", range(6))
def test_every_conversion_has_one_ending(seed: int) -> None:
    """Crashes, expulsions, rebalances, failing commits and a troubled Awin lose, double and miscount nothing."""
    random, expected = Random(seed), Expected()
    with StandInAwin(strict=True) as stand_in:
        world = World(stand_in, partitions=3, chooser=Shuffled(seed))
        stand_in.behave(troubled(Random(seed)))
        fleet = Fleet(world, random)
        fleet.ensure()
        for _ in range(ROUNDS):
            produce(world, random, expected)
            for _ in range(random.randint(1, 6)):
                fleet.step()
            fleet.strike()
        world.log.available = True
        world.order("1001", "running")
        stand_in.behave(lambda _: awin.OK)
        settle(world, fleet, sum(expected.counts.values()))
        for member in fleet.members.values():
            member.stage.close()
        check(world, expected)
        world.close()


def counted(world: World) -> Counter[str]:
    """Return the ending counts that the partitions' marks hold; what was put off has none yet."""
    total: Counter[str] = Counter()
    for at in world.log.partitions(*INPUTS):
        if world.committed(at.partition, at.topic) is not None:
            total.update(world.mark(at.partition, at.topic).counts)
    del total["deferred"]
    return total


def settle(world: World, fleet: Fleet, records: int) -> None:
    """Run until every record is accounted for."""
    deadline_s = time.monotonic() + 30
    while counted(world).total() < records and time.monotonic() < deadline_s:
        fleet.step()


def check(world: World, expected: Expected) -> None:
    """Hold what a reader of the topics and the server saw against what must have become of it."""
    receipts = world.receipts()
    assert counted(world) == expected.counts
    assert receipts.keys() == expected.first.keys()
    assert {ref: receipt.repeats for ref, receipt in receipts.items() if receipt.repeats} == expected.repeats
    deferrals = {(each.order_ref, each.deferrals) for each in world.all_receipts() if each.ending == "deferred"}
    put_off = sum(number > 0 for _, number in deferrals)
    assert len(world.all_receipts()) == len(receipts) + expected.repeats.total() + put_off
    sources = [letter.source for letter in world.dead_letters()]
    assert len(sources) == len(set(sources)) == expected.counts["dead_letter"]
    arrived = world.awin.counts_by_ref()
    maybe_booked = Counter(request.ref for request in world.awin.requests if request.behaviour != THROTTLED)
    for ref, receipt in receipts.items():
        assert receipt.fingerprint == expected.first[ref].fingerprint
        assert (arrived[ref] > 0) == (receipt.ending == "delivered")
        assert receipt.possible_repeat or receipt.unknown_attempts or maybe_booked[ref] <= 1
