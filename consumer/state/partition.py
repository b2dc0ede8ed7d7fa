"""One partition's state as the attribute stage sees it: what is committed, and the open transaction's changes on top.

Nothing reaches the tables before `committed` is called, which is after the transaction that carried the changelog
records has committed: state is never ahead of the log.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from msgspec.structs import replace

from consumer.attribution.touch import Touch
from consumer.errors import StateError
from consumer.state import orders, touches
from consumer.state.orders import Ledger, Link, Pending
from consumer.state.table import Table


class PartitionState:
    """Touches, orders and ledger of one partition. Not thread-safe."""

    def __init__(self, partition: int, touch_table: Table, order_table: Table) -> None:
        self.partition = partition
        self._touch_table = touch_table
        self._order_table = order_table
        self._new_touches: list[bytes] = []
        self._touches_by_visitor: dict[str, list[Touch]] = {}
        self._forgotten: set[str] = set()
        self._changed_orders: dict[bytes, bytes | None] = {}
        self._new_pending: dict[bytes, Pending] = {}
        self._ledger: Ledger | None = None
        self._load_ledger()

    @property
    def ledger(self) -> Ledger:
        """The counts, the watermark and the facts of this partition; changes go out with the next transaction.

        Raises:
            StateError: there is none yet (`open_ledger` makes it).
        """
        if self._ledger is None:
            raise StateError(f"partition {self.partition} has no ledger")
        return self._ledger

    @property
    def is_new(self) -> bool:
        """True when this partition was never worked on."""
        return self._ledger is None

    def open_ledger(self, ledger: Ledger) -> None:
        """Set the facts of a partition's first assignment."""
        self._ledger = ledger

    def add_touch(self, visitor: str, touch: Touch) -> None:
        """Keep one touch."""
        self._new_touches += touches.entry(visitor, touch)
        self._touches_by_visitor.setdefault(visitor, []).append(touch)

    def touches(self, visitor: str) -> list[Touch]:
        """Return every touch known of a visitor, in no particular order."""
        known: list[Touch] = []
        if visitor not in self._forgotten:
            known = list(map(touches.decode, self._touch_table.values(self.partition, touches.visitor_prefix(visitor))))
        known += self._touches_by_visitor.get(visitor, ())
        return known

    def forget_visitor(self, visitor: str, marker: Touch) -> None:
        """Erase every touch known of a visitor, earlier markers too, and keep a marker; later touches are kept."""
        if visitor not in self._forgotten:
            for key, _ in self._stored(visitor):
                self._new_touches += (key, touches.DELETED)
        for touch in self._touches_by_visitor.pop(visitor, ()):
            self._new_touches += (touches.entry(visitor, touch)[0], touches.DELETED)
        self._forgotten.add(visitor)
        self.add_touch(visitor, marker)

    def forget_checksums(self, outbox_key: bytes) -> bool:
        """Erase the checksums from what was decided for an order; False when there are none."""
        link = self.link(outbox_key)
        if link is None or not link.click_checksums:
            return False
        self._changed_orders[orders.link_key(outbox_key)] = orders.encode(replace(link, click_checksums=()))
        return True

    def rewrite(self, visitor: str, touch: Touch) -> None:
        """Replace a stored touch by what is left of it, from the next commit on; not one that is being erased."""
        if visitor not in self._forgotten:
            self._new_touches += touches.entry(visitor, touch)

    def stored_visitors(self, after: str | None, most_touches: int) -> list[tuple[str, list[Touch]]]:
        """Return the stored touches of whole visitors, in the order of their keys, a piece at a time.

        Args:
            after: the last visitor of the piece before; ``None``: begin.
            most_touches: the piece ends with the visitor with whom it has so many. Fewer: it is the last one.
        """
        found: list[tuple[str, list[Touch]]] = []
        start = b"" if after is None else touches.visitor_end(after)
        for count, (key, value) in enumerate(self._touch_table.scan(self.partition, touches.PREFIX, start)):
            visitor = touches.visitor_of(key)
            if not found or found[-1][0] != visitor:
                if count >= most_touches:
                    break
                found.append((visitor, []))
            found[-1][1].append(touches.decode(value))
        return found

    def pending(self, outbox_key: bytes) -> Pending | None:
        """Return the pending order of this key, if there is one."""
        new = self._new_pending.get(outbox_key)
        if new is not None:
            return new
        value = self._order(orders.pending_key(outbox_key))
        return None if value is None else orders.decode_pending(value)

    def link(self, outbox_key: bytes) -> Link | None:
        """Return what was decided for this key, if anything was."""
        value = self._order(orders.link_key(outbox_key))
        return None if value is None else orders.decode_link(value)

    def add_pending(self, outbox_key: bytes, pending: Pending, max_bytes: int) -> bool:
        """Accept an order that waits for its sessions; False, and nothing is changed, if it is larger than that."""
        key, value = orders.pending_key(outbox_key), orders.encode(pending)
        if len(key) + len(value) > max_bytes:
            return False
        self._changed_orders[key] = value
        self._new_pending[outbox_key] = pending
        return True

    def drop_pending(self, outbox_key: bytes) -> None:
        """Forget a pending order; one that no commit has seen waiting leaves no trace."""
        key = orders.pending_key(outbox_key)
        if self._new_pending.pop(outbox_key, None) is None:
            self._changed_orders[key] = None
        else:
            del self._changed_orders[key]

    def settle(self, outbox_key: bytes, link: Link) -> None:
        """Replace a pending order by its link."""
        self.drop_pending(outbox_key)
        self._changed_orders[orders.link_key(outbox_key)] = orders.encode(link)

    def all_pending(self) -> Iterator[tuple[bytes, Pending]]:
        """Yield the committed pending orders with their outbox keys."""
        for key, value in self._order_table.scan(self.partition, b"p"):
            yield key[1:], orders.decode_pending(value)

    def touch_records(self, max_bytes: int) -> Iterator[bytes]:
        """Yield the changelog records for the touches that came since the last commit."""
        for piece in touches.split(self._new_touches, max_bytes):
            yield touches.pack(piece)

    def order_records(self) -> Collection[tuple[bytes, bytes | None]]:
        """Return the changelog records for the orders that changed since the last commit, the ledger last."""
        self._changed_orders[orders.LEDGER_KEY] = orders.encode(self.ledger)
        return self._changed_orders.items()

    def committed(self, next_touch_offset: int | None, next_order_offset: int) -> None:
        """Write the changes to the tables: their transaction has committed, and ended at these changelog offsets."""
        if next_touch_offset is not None:
            changes = touches.changes(iter(self._new_touches))
            self._touch_table.commit(self.partition, changes, next_touch_offset)
        self._order_table.commit(self.partition, self._changed_orders.items(), next_order_offset)
        self._forget_changes()

    def rollback(self) -> None:
        """Forget everything since the last commit."""
        self._forget_changes()
        self._load_ledger()

    def _forget_changes(self) -> None:
        self._new_touches = []
        self._touches_by_visitor = {}
        self._forgotten = set()
        self._changed_orders = {}
        self._new_pending = {}

    def _stored(self, visitor: str) -> Iterator[tuple[bytes, bytes]]:
        return self._touch_table.scan(self.partition, touches.visitor_prefix(visitor))

    def _order(self, key: bytes) -> bytes | None:
        if key in self._changed_orders:
            return self._changed_orders[key]
        return self._order_table.get(self.partition, key)

    def _load_ledger(self) -> None:
        value = self._order_table.get(self.partition, orders.LEDGER_KEY)
        self._ledger = None if value is None else orders.decode_ledger(value)
