"""Which orders are exported, into which files, and what their receipts say then."""

from __future__ import annotations

from collections import Counter
from datetime import date
from random import Random

import pytest
from msgspec.structs import replace

from consumer.awin.offline import Layout
from consumer.errors import TopicError, Unavailable
from consumer.export.run import run_name
from consumer.export.selection import Selection
from consumer.stream.memory import MemoryTransaction
from tests.delivery.conversions import T0_MS, codecs, key_of, sale
from tests.export.memory_folder import Dying, Killed, MemoryFolder
from tests.export.shop import HOUR_MS, NAMES, PARTITIONS, Shop, offline_sale, order_refs, rows

DAY = date(2023, 11, 14)
"""That of `T0_MS`."""


@pytest.fixture
def shop() -> Shop:
    """Topics without records."""
    return Shop()


@pytest.fixture
def folder() -> MemoryFolder:
    """An empty one."""
    return MemoryFolder()


def test_a_file_by_programme_and_day(shop: Shop, folder: MemoryFolder) -> None:
    """The day is that of the sale in the United Kingdom; rows are in the order of the sales."""
    shop.leave(
        offline_sale("late", at_ms=T0_MS + 60_000),
        offline_sale("early"),
        offline_sale("other", programme="2002"),
        offline_sale("next", at_ms=T0_MS + 24 * HOUR_MS),
    )
    outcome = shop.export(folder)
    assert [(each.programme, each.day, each.orders) for each in outcome.files] == [
        ("1001", "2023-11-14", 2),
        ("1001", "2023-11-15", 1),
        ("2002", "2023-11-14", 1),
    ]
    names = [each.name for each in outcome.files]
    assert folder.names() == set(names)
    assert names[0] == f"awin-1001-2023-11-14-{run_name(shop.now_ms, '000000')}.csv"
    assert [row["order_ref"] for row in rows(folder.read(names[0]))] == ["early", "late"]
    assert outcome.orders == {"1001": 3, "2002": 1}


def test_the_receipt_says_where_the_order_went(shop: Shop, folder: MemoryFolder) -> None:
    """It keeps what it said of the conversion, and of attempts."""
    shop.leave(offline_sale("A-1"))
    shop.put_aside(sale("A-2"))
    before = shop.receipts()
    shop.now_ms += 5
    (file,) = shop.export(folder).files
    after = shop.receipts()
    for ref in ("A-1", "A-2"):
        expected = replace(before[ref], ending="exported", excerpt=file.name, finished_at_ms=shop.now_ms)
        assert after[ref] == expected
    assert (after["A-1"].reason, after["A-2"].reason) == ("offline", "too_old")


def test_receipts_stay_in_their_partitions(shop: Shop, folder: MemoryFolder) -> None:
    """Each is where deliver wrote it, which compaction and restoring rest on."""
    shop.leave(*(offline_sale(f"A-{number}") for number in range(20)))
    shop.export(folder)
    for number in range(PARTITIONS):
        by_ending: dict[str, set[bytes | None]] = {"deferred": set(), "exported": set()}
        for record in shop.log.records(NAMES.receipt, number):
            by_ending[codecs().read_receipt(record.value, ()).ending].add(record.key)
        assert by_ending["deferred"] == by_ending["exported"]


def test_a_second_run_has_nothing_to_do(shop: Shop, folder: MemoryFolder) -> None:
    """It says what is in earlier files, and touches none of them; a later order goes to a file of its own."""
    shop.leave(offline_sale("A-1"))
    (first,) = shop.export(folder).files
    content = folder.read(first.name)
    again = shop.export(folder)
    assert (again.files, again.skipped, again.orders) == ((), {"already_exported": 1}, {})
    shop.leave(offline_sale("A-2"))
    (second,) = shop.export(folder).files
    assert (folder.read(first.name), order_refs([folder.read(second.name)])) == (content, Counter(["A-2"]))


def test_only_what_is_asked_for_is_taken(shop: Shop, folder: MemoryFolder) -> None:
    """Days are days in the United Kingdom, first and last included; the rest waits."""
    midnight_ms = T0_MS - T0_MS % (24 * HOUR_MS)
    for ref, at_ms in (("before", midnight_ms - 1), ("first", midnight_ms), ("last", midnight_ms + 48 * HOUR_MS - 1)):
        shop.leave(offline_sale(ref, at_ms=at_ms))
    shop.leave(offline_sale("after", at_ms=midnight_ms + 48 * HOUR_MS), offline_sale("other", programme="2002"))
    selection = Selection(first=DAY, last=date(2023, 11, 15), programmes=frozenset({"1001"}))
    outcome = shop.export(folder, selection)
    assert order_refs(map(folder.read, folder.names())) == Counter(["first", "last"])
    assert outcome.skipped == {"other_programme": 1, "outside_dates": 2}
    assert {ref for ref, receipt in shop.receipts().items() if receipt.ending == "deferred"} == {
        *("before", "after", "other")
    }


def test_what_has_another_ending_is_not_touched(shop: Shop, folder: MemoryFolder) -> None:
    """Delivered orders, dead letters for other reasons, and a sale too old that was delivered after all."""
    shop.deliver(sale("delivered"))
    shop.put_aside(sale("rejected"), "rejected")
    shop.put_aside(sale("replayed"))
    receipt = replace(shop.receipts()["replayed"], ending="delivered", reason="")
    shop.log.produce(NAMES.receipt, key_of(sale("replayed")), codecs().write_receipt(receipt))
    before = shop.receipts()
    outcome = shop.export(folder)
    assert (outcome.files, outcome.skipped, shop.receipts()) == ((), {}, before)


def test_shadow_is_never_exported(shop: Shop, folder: MemoryFolder) -> None:
    """Whatever a receipt says of it."""
    shop.leave(replace(offline_sale("A-1"), mode="shadow"))
    outcome = shop.export(folder)
    assert (outcome.files, outcome.skipped) == ((), {"shadow": 1})


def test_test_orders_say_so(shop: Shop, folder: MemoryFolder) -> None:
    """Those of test mode and those that are tests by themselves; the others say that they are none."""
    shop.leave(
        replace(offline_sale("mode"), mode="test"), replace(offline_sale("order"), test=True), offline_sale("live")
    )
    (file,) = shop.export(folder).files
    assert {row["order_ref"]: row["test"] for row in rows(folder.read(file.name))} == {
        "mode": "1",
        "order": "1",
        "live": "0",
    }


def test_without_a_column_for_it_no_test_is_exported(shop: Shop, folder: MemoryFolder) -> None:
    """It would count as a sale. It waits."""
    shop.leave(replace(offline_sale("test"), mode="test"), offline_sale("live"))
    outcome = shop.export(folder, layout=Layout((("order_ref", "order_ref"), ("amount", "amount"))))
    assert order_refs(map(folder.read, folder.names())) == Counter(["live"])
    assert (outcome.skipped, outcome.lost) == ({"no_test_column": 1}, 0)


def test_a_sale_too_old_comes_from_its_dead_letter(shop: Shop, folder: MemoryFolder) -> None:
    """Also when its conversion has expired; from the outbox when the letter has, or has not all of it."""
    shop.put_aside(sale("letter"))
    for at in shop.log.partitions(NAMES.conversion):
        shop.log.truncate(*at, shop.log.end_offset(*at))
    shop.put_aside(sale("truncated"), truncated=True)
    shop.export(folder)
    assert order_refs(map(folder.read, folder.names())) == Counter(["letter", "truncated"])


def test_what_has_expired_cannot_be_exported(shop: Shop, folder: MemoryFolder) -> None:
    """It is counted as lost, and the others are exported."""
    shop.leave(offline_sale("gone"))
    for at in shop.log.partitions(NAMES.conversion):
        shop.log.truncate(*at, shop.log.end_offset(*at))
    shop.leave(offline_sale("there"))
    outcome = shop.export(folder)
    assert order_refs(map(folder.read, folder.names())) == Counter(["there"])
    assert (outcome.skipped, outcome.lost) == ({"expired": 1}, 1)


def test_the_conversion_of_another_order_is_none(shop: Shop, folder: MemoryFolder) -> None:
    """Where an outbox was made anew, receipts point at strangers."""
    shop.leave(offline_sale("A-1"))
    shop.log.create(NAMES.conversion, PARTITIONS)
    for number in range(PARTITIONS):
        shop.log.produce(NAMES.conversion, b"1001:B-1", codecs_value("B-1"), number)
    outcome = shop.export(folder)
    assert (outcome.files, outcome.skipped) == ((), {"expired": 1})


def test_orders_of_an_old_and_a_new_outbox_are_told_apart(shop: Shop, folder: MemoryFolder) -> None:
    """Their receipts name the same place: the one that stands there is exported, the other is told as expired."""
    shop.leave(*(offline_sale(f"A-{number}") for number in range(6)))
    shop.log.create(NAMES.conversion, PARTITIONS)
    shop.leave(*(offline_sale(f"B-{number}") for number in range(6)))
    outcome = shop.export(folder)
    assert order_refs(map(folder.read, folder.names())) == Counter(f"B-{number}" for number in range(6))
    assert (outcome.skipped, outcome.lost) == ({"expired": 6}, 6)


def test_sales_too_old_of_an_old_and_a_new_outbox_are_told_apart(shop: Shop, folder: MemoryFolder) -> None:
    """Their dead letters name the same place: each gives its own order's conversion, and a stranger's gives none."""
    refs = [f"{outbox}-{number}" for outbox in "ABC" for number in range(6)]
    for outbox, reason in zip("ABC", ("rejected", "too_old", "too_old"), strict=True):
        for number in range(6):
            shop.put_aside(sale(f"{outbox}-{number}"), reason)
        shop.log.create(NAMES.conversion, PARTITIONS)
    outcome = shop.export(folder)
    assert order_refs(map(folder.read, folder.names())) == Counter(refs[6:])
    assert outcome.skipped == {}


def test_a_sale_too_old_and_one_left_to_files_at_one_place_are_told_apart(shop: Shop, folder: MemoryFolder) -> None:
    """The former is in its dead letter, the latter in the new outbox."""
    for number in range(6):
        shop.put_aside(sale(f"A-{number}"))
    shop.log.create(NAMES.conversion, PARTITIONS)
    shop.leave(*(offline_sale(f"B-{number}") for number in range(6)))
    outcome = shop.export(folder)
    assert order_refs(map(folder.read, folder.names())) == Counter(f"{a}-{n}" for a in "AB" for n in range(6))
    assert outcome.skipped == {}


def codecs_value(order_ref: str) -> bytes:
    """Return the encoded conversion of an order."""
    record = Shop()
    record.leave(offline_sale(order_ref))
    (value,) = (each.value for at in record.log.partitions(NAMES.conversion) for each in record.log.records(*at))
    assert value is not None
    return value


def test_an_unreadable_conversion_stops_no_other(shop: Shop, folder: MemoryFolder) -> None:
    """It is counted as lost."""
    shop.leave(offline_sale("A-1"))
    receipt = codecs().read_receipt(shop.log.records(NAMES.receipt, _partition(shop))[0].value, ())
    junk = shop.log.produce(NAMES.conversion, b"1001:junk", b"junk", receipt.source.partition)
    other = replace(receipt, order_ref="junk", source=replace(receipt.source, offset=junk.offset))
    shop.receipt(junk.partition, b"1001:junk", codecs().write_receipt(other))
    outcome = shop.export(folder)
    assert order_refs(map(folder.read, folder.names())) == Counter(["A-1"])
    assert (outcome.skipped, outcome.lost) == ({"undecodable": 1}, 1)


def _partition(shop: Shop) -> int:
    return next(at.partition for at in shop.log.partitions(NAMES.receipt) if shop.log.records(*at))


def test_an_unreadable_receipt_stops_the_export(shop: Shop, folder: MemoryFolder) -> None:
    """It might be the one that says that an order is exported; the error says where it is."""
    shop.leave(offline_sale("A-1"))
    shop.receipt(1, b"1001:A-1", b"junk")
    with pytest.raises(TopicError, match=r"awin\.receipt\[1\]@\d+: .*what became of its order"):
        shop.export(folder)
    assert folder.names() == set()


def test_an_erased_receipt_is_none(shop: Shop, folder: MemoryFolder) -> None:
    """A tombstone takes an order out."""
    shop.leave(offline_sale("A-1"))
    shop.receipt(_partition(shop), b"1001:A-1", None)
    assert shop.export(folder).files == ()


def test_what_was_done_to_orders_is_told(shop: Shop, folder: MemoryFolder) -> None:
    """An apostrophe, a click too old, and attempts that may have arrived."""
    shop.leave(offline_sale("=1+1"), replace(offline_sale("A-2"), click_checksums=("1001_1600000000_abc",)))
    shop.put_aside(sale("A-3"))
    receipt = replace(shop.receipts()["A-3"], unknown_attempts=2, attempts=2)
    shop.log.produce(NAMES.receipt, key_of(sale("A-3")), codecs().write_receipt(receipt))
    outcome = shop.export(folder)
    assert outcome.notes == {"neutralised": 1, "checksum_too_old": 1, "may_have_arrived": 1}
    assert order_refs(map(folder.read, folder.names())) == Counter(["'=1+1", "A-2", "A-3"])
    assert shop.exported() == Counter(["=1+1", "A-2", "A-3"])


def test_a_repeat_or_conflict_that_deliver_judged_is_no_order_of_its_own(shop: Shop, folder: MemoryFolder) -> None:
    """The conversion that the receipt names is the one that is exported."""
    shop.leave(offline_sale("A-1"))
    other = replace(offline_sale("A-1", at_ms=T0_MS + 1_000), fingerprint=b"other")
    shop.log.produce(NAMES.conversion, key_of(other), codecs_value("A-1"))
    shop.export(folder)
    assert order_refs(map(folder.read, folder.names())) == Counter(["A-1"])


def test_what_deliver_has_not_passed_yet_waits_for_it(shop: Shop, folder: MemoryFolder) -> None:
    """Only then it is settled which of several conversions of an order holds."""
    shop.log.produce(NAMES.conversion, b"1001:A-1", codecs_value("A-1"))
    assert shop.export(folder).files == ()


def test_an_interrupted_file_is_finished_whatever_is_asked_for(shop: Shop, folder: MemoryFolder) -> None:
    """The next run publishes it, though its day and programme are others, and says so."""
    shop.leave(offline_sale("A-1"))
    for at in range(100):
        try:
            shop.export(folder, dying=Dying(at))
        except Killed:
            if shop.exported():
                break
    assert not any(name.endswith(".csv") for name in folder.names())
    other = Selection(first=date(2020, 1, 1), last=date(2020, 1, 1), programmes=frozenset({"2002"}))
    (file,) = shop.export(folder, other).files
    assert (file.programme, file.orders, file.interrupted) == ("1001", 1, True)
    assert order_refs([folder.read(file.name)]) == Counter(["A-1"])


def test_a_replay_between_the_transactions_of_a_broken_run_is_respected(shop: Shop, folder: MemoryFolder) -> None:
    """What was not committed then, and was delivered meanwhile, is in no file."""
    refs = [f"A-{number}" for number in range(6)]
    for ref in refs:
        shop.put_aside(sale(ref))
    for at in range(200):
        try:
            shop.export(folder, dying=Dying(at), receipts_per_transaction=2)
        except Killed:
            if shop.exported().total() == 4:
                break
    left = (set(refs) - set(shop.exported())).pop()
    replayed = replace(shop.receipts()[left], ending="delivered", reason="")
    shop.log.produce(NAMES.receipt, key_of(sale(left)), codecs().write_receipt(replayed))
    shop.export(folder)
    assert order_refs(map(folder.read, folder.names())) == Counter(set(refs) - {left})


def test_an_outage_leaves_everything_to_the_next_run(shop: Shop, folder: MemoryFolder) -> None:
    """The error is told, nothing is published, and then each order is exported once."""
    shop.leave(*(offline_sale(f"A-{number}") for number in range(5)))

    def break_off() -> None:
        shop.log.available = False

    with pytest.raises(Unavailable):
        shop.export(folder, dying=Dying(9, break_off), random=Random(0))
    shop.log.available = True
    assert not any(name.endswith(".csv") for name in folder.names())
    shop.export(folder)
    assert order_refs(map(folder.read, folder.names())) == Counter(f"A-{number}" for number in range(5))


def test_an_open_transaction_of_an_earlier_export_is_ended_before_anything_is_read(
    shop: Shop, folder: MemoryFolder
) -> None:
    """Its receipts are aborted, so its orders are exported."""
    shop.leave(offline_sale("A-1"))
    earlier = MemoryTransaction(shop.log, "group-export")
    exported = replace(shop.receipts()["A-1"], ending="exported", excerpt="lost.csv")
    earlier.send(NAMES.receipt, b"1001:A-1", codecs().write_receipt(exported), _partition(shop))
    assert len(shop.export(folder).files) == 1
