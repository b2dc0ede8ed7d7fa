"""What became of order records that have no conversion, as the orders' changelog of their partition says it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Literal, NamedTuple

from consumer.state import orders
from consumer.state.orders import Link
from consumer.stream.log import Record

Ending = Literal["pending", "not_retained", "repeat", "unreported"]


class Fate(NamedTuple):
    """What became of an order record."""

    ending: Ending
    """``pending``: it had not been decided when the simulation began. ``not_retained``: its conversion has expired.
    ``repeat``: of an order outside the range. ``unreported``: it was not reported."""
    session_cut: int | None = None


class _Accepted(NamedTuple):
    offset: int
    completed_at_ms: int


class PartitionOrders:
    """The links and pending orders of some references.

    Args:
        references: the order references that matter.
        seen_to: what the changelog says from this offset on was written after the conversions were looked at.
    """

    def __init__(self, references: Collection[str], seen_to: int) -> None:
        self._references = {each.encode() for each in references}
        self._seen_to = seen_to
        self._waiting: dict[bytes, list[_Accepted]] = {}
        self._links: dict[bytes, list[tuple[Link, bool]]] = {}

    def take(self, record: Record) -> None:
        """Take the changelog's next record.

        Raises:
            StateError: a newer release wrote it.
        """
        key = record.key or b""
        kind, reference = key[:1], key[1:].partition(b":")[2]
        if reference not in self._references:
            return
        if kind == b"p":
            if record.value is not None:  # else it was decided, and has a link
                pending = orders.decode_pending(record.value)
                accepted = _Accepted(pending.offset, pending.order.completed_at_ms)
                self._waiting.setdefault(reference, []).append(accepted)
        elif kind == b"o" and record.value is not None:
            is_later = record.offset >= self._seen_to
            self._links.setdefault(reference, []).append((orders.decode_link(record.value), is_later))

    def fate(self, offset: int, reference: str, in_range: Callable[[int], bool]) -> Fate:
        """Say what became of the order record at an offset.

        ``in_range`` tells of a completion time whether orders of it are decided again.
        """
        links = self._links.get(reference.encode(), [])
        waiting = self._waiting.get(reference.encode(), [])
        for link, is_later in links:
            if link.offset == offset:
                return Fate("pending") if is_later else _fate(link)
        if any(each.offset == offset for each in waiting):
            return Fate("pending")
        others = waiting + [_Accepted(link.offset, link.completed_at_ms) for link, _ in links]
        if any(each.offset < offset and not in_range(each.completed_at_ms) for each in others):
            return Fate("repeat")
        return Fate("unreported")


def _fate(link: Link) -> Fate:
    return Fate("not_retained") if link.reported else Fate("unreported", link.session_cut)
