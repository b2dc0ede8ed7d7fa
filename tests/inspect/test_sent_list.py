"""What was sent in a time, with the values that went out."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from msgspec.structs import replace

from consumer.events import Part
from consumer.inspect.progress import Unseen
from consumer.inspect.sent_list import Sent, SentList, SentReport, Wanted
from tests.delivery.conversions import codecs, key_of, sale, schemas
from tests.export.memory_folder import MemoryFolder
from tests.export.shop import EVERYTHING as ALL_DAYS
from tests.export.shop import HOUR_MS, Shop, offline_sale
from tests.inspect.log_reader import LogReader

ALL = Wanted(from_ms=0)


@pytest.fixture
def shop() -> Shop:
    """Five orders with all kinds of endings, an hour between any two."""
    made = Shop()
    yens = replace(sale("A-5"), currency="JPY", amount=Decimal(7), parts=(Part("X", Decimal(7)),))
    acts: tuple[Callable[[], None], ...] = (
        lambda: made.deliver(sale("A-1")),
        lambda: made.put_aside(sale("A-2"), "rejected"),
        lambda: made.leave(offline_sale("A-3", programme="2002")),
        lambda: made.put_aside(sale("A-4"), "too_old"),
        lambda: made.deliver(yens),
    )
    for act in acts:
        made.now_ms += HOUR_MS
        act()
    return made


def listed(shop: Shop, wanted: Wanted = ALL, most: int = 99) -> tuple[SentReport, dict[str, Sent]]:
    """Return the report, and everything listed by reference."""
    found: list[Sent] = []
    report = SentList(LogReader(shop.log), schemas(), shop.names).run(wanted, most=most, on_sent=found.append)
    assert len(found) == len({sent.receipt.order_ref for sent in found}) == report.receipts
    return report, {sent.receipt.order_ref: sent for sent in found}


def test_every_receipt_comes_with_its_conversion(shop: Shop) -> None:
    """Also that of a dead letter, and of what waits for files."""
    report, found = listed(shop)
    assert sorted(found) == ["A-1", "A-2", "A-3", "A-4", "A-5"]
    assert {ref: sent.receipt.ending for ref, sent in found.items()} == {
        "A-1": "delivered",
        "A-2": "dead_letter",
        "A-3": "deferred",
        "A-4": "dead_letter",
        "A-5": "delivered",
    }
    for ref, sent in found.items():
        assert sent.conversion is not None
        assert sent.conversion.order_ref == ref
    assert report.without_conversion == 0


def test_totals_are_by_programme_ending_and_currency(shop: Shop) -> None:
    """With what the orders are worth."""
    totals = [(each.programme, each.ending, each.currency, each.orders, each.amount) for each in listed(shop)[0].totals]
    assert totals == [
        ("1001", "dead_letter", "EUR", 2, Decimal("99.98")),
        ("1001", "delivered", "EUR", 1, Decimal("49.99")),
        ("1001", "delivered", "JPY", 1, Decimal(7)),
        ("2002", "deferred", "EUR", 1, Decimal("49.99")),
    ]


def test_receipts_are_chosen_by_time_programme_and_ending(shop: Shop) -> None:
    """From a moment on, and before another."""
    last_ms = shop.now_ms
    assert set(listed(shop, Wanted(from_ms=last_ms))[1]) == {"A-5"}
    assert set(listed(shop, Wanted(from_ms=0, to_ms=last_ms - 2 * HOUR_MS))[1]) == {"A-1", "A-2"}
    assert set(listed(shop, Wanted(from_ms=0, programmes=frozenset({"2002"})))[1]) == {"A-3"}
    assert set(listed(shop, Wanted(from_ms=0, endings=frozenset({"dead_letter"})))[1]) == {"A-2", "A-4"}


def test_the_newest_receipt_of_an_order_holds(shop: Shop) -> None:
    """One that came after the time that is asked for takes the order out of it; a tombstone does, too."""
    until_ms = shop.now_ms + 1
    shop.now_ms += HOUR_MS
    shop.export(MemoryFolder(), ALL_DAYS)
    shop.receipt(0, key_of(sale("A-1")), None)
    shop.receipt(1, key_of(sale("A-1")), None)
    assert set(listed(shop, Wanted(from_ms=0, to_ms=until_ms))[1]) == {"A-2", "A-5"}
    assert {ref: sent.receipt.ending for ref, sent in listed(shop, Wanted(from_ms=until_ms))[1].items()} == {
        "A-3": "exported",
        "A-4": "exported",
    }


def test_a_repeat_counted_later_moves_no_order(shop: Shop) -> None:
    """The receipt is written again, and says when the order was finished."""
    receipt = shop.receipts()["A-1"]
    shop.receipt(receipt.source.partition, key_of(sale("A-1")), codecs().write_receipt(replace(receipt, repeats=3)))
    _, found = listed(shop, Wanted(from_ms=0, to_ms=receipt.finished_at_ms + 1))
    assert found["A-1"].receipt.repeats == 3


def test_expired_conversions_are_counted(shop: Shop) -> None:
    """Their orders are listed all the same, without values."""
    for at in shop.log.partitions(shop.names.conversion):
        shop.log.truncate(*at, shop.log.end_offset(*at))
    report, found = listed(shop)
    assert (report.receipts, report.without_conversion) == (5, 5)
    assert all(sent.conversion is None for sent in found.values())
    assert {(each.currency, each.amount) for each in report.totals} == {("", Decimal(0))}


def test_a_conversion_that_is_another_orders_is_not_taken_for_it(shop: Shop) -> None:
    """As where the outbox was made anew."""
    receipt = shop.receipts()["A-1"]
    other = replace(receipt, order_ref="A-9")
    shop.receipt(receipt.source.partition, b"1001:A-9", codecs().write_receipt(other))
    _, found = listed(shop)
    assert found["A-9"].conversion is None
    assert found["A-1"].conversion is not None


def test_the_report_names_the_newest(shop: Shop) -> None:
    """So many at most, the latest first; the counts are of all."""
    report, _ = listed(shop, most=2)
    assert [sent.receipt.order_ref for sent in report.newest] == ["A-5", "A-4"]
    assert report.receipts == 5
    assert listed(shop, most=0)[0].newest == ()


def test_progress_adds_up(shop: Shop) -> None:
    """What was expected has been read at the end."""

    class Counting(Unseen):
        expected = read = 0

        def expect(self, records: int) -> None:
            self.expected += records

        def advance(self, records: int) -> None:
            self.read += records

    counting = Counting()
    SentList(LogReader(shop.log), schemas(), shop.names, counting).run(ALL, most=0)
    assert counting.expected == counting.read > 0
