"""One partition's sessions and orders by given rules, as the attribute stage goes through them. Pure.

Source: docs/attribution.md. What differs from the stage: nothing waits. An order is decided when every session that it
may see has been read, which by section 2 gives the same.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Container, Iterable, Sequence

from consumer.attribution import conversion, erasure, landing, lastclick
from consumer.attribution.channels import ChannelTable
from consumer.attribution.rules import Rulebook, Rules
from consumer.attribution.touch import Touch
from consumer.errors import Reject
from consumer.events import OrderCompleted, Position, SessionLanded, outbox_key
from consumer.simulation.decision import Decision, decision_of
from consumer.state import orders
from consumer.state.orders import Pending
from consumer.stream.framing import Headers
from consumer.stream.log import Record

NOT_REPORTABLE = "not_reportable"
REPEAT = "repeat"


class Sessions:
    """Reads the sessions of one partition, in order.

    Args:
        shop: the rules.
        decode: raises `Reject` for what becomes a dead letter.
    """

    def __init__(self, shop: Rules, decode: Callable[[bytes | None, Headers], SessionLanded]) -> None:
        self.watermark_ms = 0
        self._shop = shop
        self._decode = decode
        self._table = ChannelTable(shop.own_domains, shop.channel_rules)

    def take(self, record: Record, wanted: Container[str]) -> tuple[str, Touch | None] | None:
        """Take a session record; return what it leaves of a wanted visitor: a touch, or none where he is forgotten."""
        if record.value is None and record.key:
            visitor = record.key.decode(errors="replace")
            return (visitor, None) if visitor in wanted else None
        try:
            event = self._decode(record.value, record.headers)
            conversion.check_id("visitor_id", event.visitor_id)
            conversion.check_id("session_id", event.session_id)
        except Reject:
            return None
        landed_at_ms = event.landed_at_ms
        if landed_at_ms > record.timestamp_ms + self._shop.max_clock_skew_ms:
            return None
        before_ms = self.watermark_ms
        self.watermark_ms = max(before_ms, min(landed_at_ms, record.timestamp_ms))
        if event.visitor_id not in wanted:
            return None
        channel, rule, awc, kind, _ = landing.read(event.landing_url, event.referrer, self._table)
        return event.visitor_id, Touch(
            record.offset, landed_at_ms, before_ms, event.session_id, channel, rule, awc, kind, event.consent
        )


class Orders:
    """Judges the orders of one partition, in order.

    Args:
        rulebook: the rules.
        max_order_bytes: how large an order may be in state.
    """

    def __init__(self, rulebook: Rulebook, max_order_bytes: int) -> None:
        self._rulebook = rulebook
        self._max_order_bytes = max_order_bytes
        self._accepted: set[bytes] = set()

    def accept(self, record: Record, order: OrderCompleted, *, fits: bool) -> Rules | str:
        """Take an order record that is not before the cut-over; return its programme's rules, or why it has none.

        ``fits``: it is known not to be too large, since it was decided.
        """
        if order.completed_at_ms > record.timestamp_ms + self._rulebook.shop.max_clock_skew_ms:
            return "event_time_in_future"
        try:
            rules = conversion.accept(order, self._rulebook)
        except Reject as error:
            return error.reason
        return NOT_REPORTABLE if rules is None else self._identify(record, order, rules, fits=fits)

    def _identify(self, record: Record, order: OrderCompleted, rules: Rules, *, fits: bool) -> Rules | str:
        key = outbox_key(rules.advertiser_id, order.order_ref)
        if key in self._accepted:
            return REPEAT
        if record.timestamp_ms > order.completed_at_ms + rules.max_order_delay_ms:
            return "order_too_late"
        if not fits and self._is_too_large(key, record, order):
            return "order_too_large"
        self._accepted.add(key)
        return rules

    def _is_too_large(self, key: bytes, record: Record, order: OrderCompleted) -> bool:
        pending = Pending(order, record.offset, record.timestamp_ms, conversion.fingerprint(order))
        return len(orders.pending_key(key)) + len(orders.encode(pending)) > self._max_order_bytes


def as_erased(touches: Iterable[Touch], erased: Container[int]) -> list[Touch]:
    """Return touches as they stood in state, those at the erased offsets without their checksum."""
    known = list(touches)
    return [erasure.without_checksum(touch, known) if touch.offset in erased else touch for touch in known]


def may_miss_a_checksum(order: OrderCompleted, touches: Sequence[Touch], rules: Rules) -> bool:
    """Whether a checksum may have been erased, since it was refused for long enough, of which a later grant speaks.

    ``rules`` are those that were in force. When the order's own grant came is not known: as late as an order may.
    """
    refused_ms = min((touch.landed_at_ms for touch in touches if touch.consent == "denied"), default=None)
    if refused_ms is None:
        return False
    granted_ms = [touch.watermark_before_ms for touch in touches if touch.consent == "granted"]
    if order.consent == "granted":
        granted_ms.append(order.completed_at_ms + rules.max_order_delay_ms)
    return any(refused_ms + rules.consent_settle_ms <= at_ms for at_ms in granted_ms)


def decide(
    order: OrderCompleted, touches: Collection[Touch], rules: Rules, cut: int | None, source: Position
) -> Decision | None:
    """Decide an order that was accepted; ``None`` when its programme reports only Awin's orders and it is none."""
    attribution = lastclick.decide(order, touches, rules, cut)
    if rules.report != "all" and not attribution.concerns_awin():
        return None
    return decision_of(conversion.build(order, b"", attribution, rules, source, cut, entered_at_ms=0))
