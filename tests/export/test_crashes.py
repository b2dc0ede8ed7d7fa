"""Whatever an export dies of: in the end each order is in exactly one file, and its receipt names that file."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from itertools import count
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.errors import Fenced, OutputError
from tests.delivery.conversions import T0_MS, sale
from tests.export.memory_folder import Dying, Killed, MemoryFolder
from tests.export.shop import HOUR_MS, Shop, offline_sale, order_refs

STEPS = 120
"""More than the steps of a run in these tests."""


class Archive:
    """Keeps what was taken out of the folder, and notices a name that comes twice."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}

    def take_from(self, folder: MemoryFolder) -> None:
        """Upload what is finished."""
        taken = folder.take_away()
        assert not self.files.keys() & taken.keys()
        self.files.update(taken)


def trade(shop: Shop, numbers: range) -> list[str]:
    """Let orders of all kinds come and be dealt with; return those that are for the export."""
    wanted = []
    for number in numbers:
        ref, at_ms = f"A-{number}", T0_MS + number % 3 * 24 * HOUR_MS
        match number % 5:
            case 0:
                shop.deliver(sale(ref, at_ms=at_ms))
                continue
            case 1:
                shop.put_aside(sale(ref, at_ms=at_ms))
            case _:
                shop.leave(offline_sale(ref, at_ms=at_ms, programme="1001" if number % 2 else "2002"))
        wanted.append(ref)
    return wanted


def die(shop: Shop, folder: MemoryFolder, at: int, random: Random, *, power: bool) -> bool:
    """Run an export that dies at a step, if it has so many; with ``power``, of a power cut. Return whether it died."""
    try:
        shop.export(folder, dying=Dying(at), random=random, receipts_per_transaction=random.randint(1, 4))
    except Killed:
        if power:
            folder.cut_power(random)
        return True
    return False


def check(shop: Shop, archive: Archive, wanted: list[str]) -> None:
    """Hold files and receipts against what was to be exported."""
    assert order_refs(archive.files.values()) == Counter(wanted)
    assert shop.exported() == Counter(wanted)
    receipts = shop.receipts()
    for name, content in archive.files.items():
        assert {receipts[ref].excerpt for ref in order_refs([content])} == {name}


@given(
    st.lists(st.tuples(st.integers(0, STEPS), st.booleans(), st.booleans()), max_size=6),
    st.integers(0, 12),
    st.randoms(use_true_random=False),
)
def test_each_order_is_exported_exactly_once(deaths: list[tuple[int, bool, bool]], orders: int, random: Random) -> None:
    """Deaths of the process and power cuts at any step, orders that come meanwhile, files that are taken away early."""
    shop, folder, archive = Shop(), MemoryFolder(), Archive()
    wanted = trade(shop, range(orders))
    for number, (at, power, taken) in enumerate(deaths, 1):
        shop.now_ms += HOUR_MS
        die(shop, folder, at, random, power=power)
        if taken:
            archive.take_from(folder)
        wanted += trade(shop, range(number * 100, number * 100 + orders % 4))
    shop.now_ms += HOUR_MS
    shop.export(folder)
    archive.take_from(folder)
    check(shop, archive, wanted)
    assert folder.names() == set()


@pytest.mark.parametrize("power", [False, True])
def test_a_death_at_every_single_step_is_made_good(*, power: bool) -> None:
    """Several files, of several transactions each: the next run leaves no trace of it."""
    for at in count():
        shop, folder, archive = Shop(), MemoryFolder(), Archive()
        wanted = trade(shop, range(1, 12))
        died = die(shop, folder, at, Random(at), power=power)
        archive.take_from(folder)
        shop.export(folder)
        archive.take_from(folder)
        check(shop, archive, wanted)
        assert folder.names() == set()
        if not died:
            break
    assert at > 80


@pytest.mark.parametrize("power", [False, True])
def test_an_interrupted_repair_is_made_good(*, power: bool) -> None:
    """A run that dies between two transactions of a file, and the next one at each step of making that good."""
    for at in count():
        shop, folder, archive = Shop(), MemoryFolder(), Archive()
        wanted = trade(shop, range(1, 12))
        for first in count():
            die(shop, folder, first, Random(1), power=False)
            if shop.exported():
                break
        died = die(shop, folder, at, Random(at), power=power)
        archive.take_from(folder)
        shop.export(folder)
        archive.take_from(folder)
        check(shop, archive, wanted)
        if not died:
            break


@given(st.integers(0, STEPS), st.booleans(), st.integers(1, 12), st.randoms(use_true_random=False))
def test_a_second_export_fences_the_first(at: int, same_folder: bool, orders: int, random: Random) -> None:  # noqa: FBT001  # drawn by hypothesis
    """It may begin at any step of the first and end before that goes on: each order is still exported once.

    Folders are locked against this on one machine; with a lock that does not hold, as on some shared disks, the first
    may find its files gone, and fails.
    """
    shop, first, archive = Shop(), MemoryFolder(), Archive()
    second = first if same_folder else MemoryFolder()
    wanted = trade(shop, range(orders))
    with suppress(Fenced, OutputError):
        shop.export(first, dying=Dying(at, lambda: _export(shop, second)), random=random)
    shop.export(first)
    for folder in {id(first): first, id(second): second}.values():
        archive.take_from(folder)
    check(shop, archive, wanted)


def _export(shop: Shop, folder: MemoryFolder) -> None:
    shop.export(folder)
