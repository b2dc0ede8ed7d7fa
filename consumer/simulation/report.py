"""What a simulation tells: how many orders would change, which, and what they are worth. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from typing import Literal, TypeAlias, TypeVar

from msgspec import Struct

from consumer import money
from consumer.events import OrderCompleted, Position
from consumer.inspect.newest import Newest
from consumer.simulation.decision import Decision, What, differences

_Key = TypeVar("_Key")
_Moved: TypeAlias = tuple[str, str | None, str | None, tuple[What, ...]]
NotCompared = Literal["not_retained", "sessions_gone", "erased", "pending", "repeat", "before_cut_over", "unreadable"]

NOT_COMPARED: dict[NotCompared, str] = {
    "not_retained": "their conversions are not retained any more",
    "sessions_gone": "sessions that they may have seen are not retained any more",
    "erased": "their visitors were forgotten, or it is not known which of their checksums had been erased",
    "pending": "not decided yet when the simulation began",
    "repeat": "repeats of orders outside the range",
    "before_cut_over": "completed before the cut-over",
    "unreadable": "order records that cannot be decoded",
}
CHANGES: dict[What, str] = {
    "reported": "would be reported",
    "not_reported": "would not be reported",
    "programme": "other programme",
    "channel": "other channel",
    "checksums": "other checksum",
    "parts": "other parts",
}


class Change(Struct, frozen=True, kw_only=True):
    """An order that other rules would have decided otherwise. Holds click checksums, which are personal data."""

    at: Position
    """Where the order's record stands."""
    order_ref: str
    order_id: str
    completed_at_ms: int
    currency: str
    amount: Decimal
    what: tuple[What, ...]
    before: Decision | None
    """What was decided; ``None``: it was not reported."""
    after: Decision | None
    """What would be decided; ``None``: it would not be reported, for the reason in ``why_not``."""
    why_not: str


class Movement(Struct, frozen=True, kw_only=True):
    """Orders that move from one channel to another, or change otherwise within one."""

    currency: str
    before: str | None
    """The channel; ``None``: not reported."""
    after: str | None
    what: tuple[What, ...]
    """What changes where the channel does not."""
    orders: int
    amount: Decimal


class Total(Struct, frozen=True, kw_only=True):
    """The orders of one currency that were compared and reported, before or after."""

    currency: str
    orders: int
    amount: Decimal
    changed_orders: int
    changed_amount: Decimal


class Kept(Struct, frozen=True):
    """How much of a topic is still there."""

    topic: str
    since_ms: int | None
    """Record time from which on every partition has everything; ``None``: nothing of it has been deleted."""


class Report(Struct, frozen=True, kw_only=True):
    """The result of a simulation."""

    from_ms: int
    to_ms: int | None
    kept: tuple[Kept, ...]
    orders: int
    """Order records of the range, repeats included; each is counted in exactly one of the next three."""
    compared: int
    """Orders that were reported, or would be."""
    unreported: int
    """Order records that were not reported and would not be: refused, excluded, repeated."""
    not_compared: dict[NotCompared, int]
    changed: int
    totals: tuple[Total, ...]
    movements: tuple[Movement, ...]
    """The most orders first."""
    changes: tuple[Change, ...]
    """The newest, latest first."""
    notes: tuple[str, ...]


class Tally:
    """Counts what comparing brings.

    Args:
        listed: how many changed orders the report names.
        on_change: told every changed order.
    """

    def __init__(self, listed: int, on_change: Callable[[Change], None]) -> None:
        self._not_compared: Counter[NotCompared] = Counter()
        self._on_change = on_change
        self._unreported = 0
        self._compared: dict[str, _Sum] = {}
        self._changed: dict[str, _Sum] = {}
        self._movements: dict[_Moved, _Sum] = {}
        self._newest: Newest[Change] = Newest(listed)

    def leave_out(self, why: NotCompared) -> None:
        """Take an order record that is not compared."""
        self._not_compared[why] += 1

    def compare(
        self, at: Position, order: OrderCompleted, before: Decision | None, after: Decision | None, why_not: str
    ) -> None:
        """Take an order with what was and what would be decided; ``why_not`` says why it would not be reported."""
        decision = after or before
        if decision is None:
            self._unreported += 1
            return
        amount = decision.amount
        _add(self._compared, order.currency, amount)
        what = differences(before, after)
        if not what:
            return
        _add(self._changed, order.currency, amount)
        old, new = _channel(before), _channel(after)
        moved: _Moved = (order.currency, old, new, what if old == new else ())
        _add(self._movements, moved, amount)
        change = Change(
            at=at,
            order_ref=order.order_ref,
            order_id=order.order_id,
            completed_at_ms=order.completed_at_ms,
            currency=order.currency,
            amount=amount,
            what=what,
            before=before,
            after=after,
            why_not=why_not if after is None else "",
        )
        self._on_change(change)
        self._newest.take(change.completed_at_ms, change)

    def report(self, from_ms: int, to_ms: int | None, kept: tuple[Kept, ...], notes: tuple[str, ...]) -> Report:
        """Return the report."""
        compared = sum(each.orders for each in self._compared.values())
        return Report(
            from_ms=from_ms,
            to_ms=to_ms,
            kept=kept,
            orders=compared + self._unreported + self._not_compared.total(),
            compared=compared,
            unreported=self._unreported,
            not_compared=dict(self._not_compared),
            changed=sum(each.orders for each in self._changed.values()),
            totals=tuple(self._total(currency) for currency in sorted(self._compared)),
            movements=tuple(
                Movement(
                    currency=currency, before=before, after=after, what=what, orders=each.orders, amount=each.amount
                )
                for (currency, before, after, what), each in sorted(
                    self._movements.items(), key=lambda item: (-item[1].orders, str(item[0]))
                )
            ),
            changes=self._newest.latest_first(),
            notes=notes,
        )

    def _total(self, currency: str) -> Total:
        compared, changed = self._compared[currency], self._changed.get(currency, _Sum())
        return Total(
            currency=currency,
            orders=compared.orders,
            amount=compared.amount,
            changed_orders=changed.orders,
            changed_amount=changed.amount,
        )


class _Sum(Struct):
    """So many orders and what they are worth."""

    orders: int = 0
    amount: Decimal = Decimal(0)


def _add(sums: dict[_Key, _Sum], key: _Key, amount: Decimal) -> None:
    each = sums.setdefault(key, _Sum())
    each.orders += 1
    each.amount = money.plus(each.amount, amount)


def _channel(decision: Decision | None) -> str | None:
    return None if decision is None else decision.channel
