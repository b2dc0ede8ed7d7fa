"""What the settings make of an order record that left no trace. Pure. Source: docs/attribution.md, section 8."""

from __future__ import annotations

from msgspec import Struct, structs

from consumer.attribution.conversion import accept
from consumer.attribution.programmes import chosen, is_excluded
from consumer.attribution.rules import Rulebook
from consumer.errors import Reject
from consumer.inspect.traces import Judgement, OrderFound

_IN_FUTURE = "completed_at is further ahead of the record's time than attribution.max_clock_skew allows"
_TOO_LATE = "the order entered Kafka later after its completion than attribution.max_order_delay allows"


class Stand(Struct, frozen=True, kw_only=True):
    """How far the attribute stage is in the partition of an order record."""

    cut_over_ms: int | None
    """Orders completed earlier are not ours; ``None``: it never worked on the partition."""
    first_order: int
    """The first offset that it read."""
    read_to: int


def judge(found: OrderFound, stand: Stand, rulebook: Rulebook) -> Judgement:
    """Say what becomes of an order record, the first thing that holds, but for repeats.

    Args:
        found: the record.
        stand: how far the attribute stage is in its partition.
        rulebook: the settings as they are.
    """
    order, cut_over_ms = found.order, stand.cut_over_ms
    if cut_over_ms is None or found.at.offset >= stand.read_to:
        return Judgement(ending="unread", cut_over_ms=cut_over_ms)
    if order.completed_at_ms > found.recorded_at_ms + rulebook.shop.max_clock_skew_ms:
        return Judgement(ending="refused", message=_IN_FUTURE, cut_over_ms=cut_over_ms)
    if found.at.offset < stand.first_order or order.completed_at_ms < cut_over_ms:
        return Judgement(ending="before_cut_over", cut_over_ms=cut_over_ms)
    if is_excluded(order, rulebook):
        return Judgement(ending="excluded", cut_over_ms=cut_over_ms)
    return structs.replace(_of_programme(found, rulebook), cut_over_ms=cut_over_ms)


def _of_programme(found: OrderFound, rulebook: Rulebook) -> Judgement:
    order, shop = found.order, rulebook.shop
    of = chosen(order, rulebook)
    programme = None if of is None else of.advertiser_id
    try:
        rules = accept(order, rulebook)
    except Reject as error:
        return Judgement(ending="refused", programme=programme, message=error.message)
    if rules is None:
        return Judgement(ending="zero_value", programme=programme)
    if found.recorded_at_ms > order.completed_at_ms + shop.max_order_delay_ms:
        return Judgement(ending="refused", programme=programme, message=_TOO_LATE)
    return Judgement(ending="accepted", programme=programme)
