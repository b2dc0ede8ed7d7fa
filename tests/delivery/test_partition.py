"""The lanes of one number share their keys: whatever is in hand of an order holds back what comes after it."""

from __future__ import annotations

from consumer.delivery.lane import Lane
from consumer.delivery.outstanding import Finished, Outstanding
from consumer.delivery.pacing.delay import Delay
from consumer.delivery.partition import OutboxPartition
from consumer.delivery.put_off import PutOff
from consumer.stream.log import TopicPartition
from tests.delivery.conversions import outstanding, sale


def partition() -> OutboxPartition:
    """Return one of which nothing was read."""
    fresh, deferred = (Lane(TopicPartition(topic, 0), 0) for topic in ("awin.conversion", "awin.deferred"))
    return OutboxPartition(0, fresh, deferred, Delay(1, 1), PutOff(1.0))


def taken(lane: Lane, order_ref: str) -> Outstanding:
    """Return the conversion in the next record of a lane."""
    item = outstanding(sale(order_ref), lane.next_offset, lane.at.topic)
    lane.read(lane.next_offset)
    return item


def test_one_conversion_of_a_key_at_a_time() -> None:
    """A second one waits for the commit of the first, a third for that of the second, whichever lane they came by."""
    made = partition()
    first, second, third = (taken(lane, "A-1") for lane in (made.fresh, made.deferred, made.fresh))
    assert [made.enter(item) for item in (first, second, third)] == [True, False, False]
    for item, following in ((first, [second]), (second, [third]), (third, [])):
        made.lane_of(item).finish(Finished(offset=item.record.offset, ending="delivered", key=item.key))
        assert made.committed() == following
    assert made.enter(taken(made.fresh, "A-1"))


def test_orders_of_other_keys_wait_for_nobody() -> None:
    """Each has its own turn, and all of them count."""
    made = partition()
    items = [taken(lane, f"A-{number}") for number, lane in enumerate((made.fresh, made.deferred))]
    assert [made.enter(item) for item in items] == [True, True]
    assert (made.slots, made.unfinished, made.pending) == (2, 2, 0)
    made.deferred.finish(Finished(offset=0, ending="deferred", key=items[1].key))
    assert (made.slots, made.unfinished, made.pending) == (1, 2, 1)
    assert made.committed() == []
    assert (made.slots, made.unfinished, made.pending) == (1, 1, 0)
