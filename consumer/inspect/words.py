"""What the fixed words in records mean, for people."""

from __future__ import annotations

from datetime import UTC, datetime

VERDICTS = {
    "won": "won: its channel is the order's",
    "won_no_consent": "won, but without consent its checksum is not sent",
    "no_consent": "a later touch won; without consent its checksum is not sent along",
    "earlier": "a later touch won",
    "no_model": "could have won, but attribution.model is none",
    "direct": "no channel: a direct or internal landing wins nothing",
    "same_click": "the same click as an earlier landing",
    "same_landing": "the same session said the same before",
    "outside_window": "it, or its click, is older than its channel's window",
    "other_programme": "its checksum is of another advertiser",
}
"""By the words of `consumer.attribution.lastclick.Verdict`."""

REASONS = {
    "last_click": "the last touch with a channel won",
    "order_channel": "the order named its channel itself (attribution.order_channel: trust)",
    "direct_only": "only direct or internal landings were seen (channels.none)",
    "no_landing": "no landing of this visitor was seen (channels.unknown)",
    "no_model": "attribution.model is none: always the affiliate channel",
}
"""By the words of `consumer.attribution.lastclick.Reason`."""

STATES = {
    "pending": "waiting for the sessions before it, not decided yet",
    "outstanding": "decided, on its way to Awin",
    "unreceipted": "decided; delivery has passed it without a receipt: run `awin-consumer audit`",
    "delivered": "Awin has received it",
    "exported": "handed over by file",
    "for_export": "waiting for `awin-consumer export-offline`",
    "shadow": "decided, and by delivery.mode: shadow never sent",
    "deferred": "to be tried later",
    "dead_letter": "could not be processed",
    "replayed": "could not be processed, and was replayed; nothing is known of it since",
    "not_reportable": "decided, and not reported: it does not concern Awin (programmes.report: awin)",
    "remembered": "decided earlier; its conversion and receipt have expired",
    "unread": "not read yet by the attribute stage",
    "before_cut_over": "not reported: it was completed before the cut-over",
    "excluded": "not reported: orders.exclude takes it out",
    "zero_value": "not reported: it is worth nothing (programmes.zero_value: skip)",
    "untraced": "its record is there, but what became of it is not known",
    "unknown": "not found",
}
"""By the words of `consumer.inspect.explanation.State`."""

OUTCOMES = {
    "delivered": "received",
    "rejected": "refused",
    "throttled": "asked to wait",
    "not_sent": "no connection, nothing sent",
    "unknown": "no usable answer: it may have arrived",
}
"""By the words of `consumer.events.Outcome`."""

NOTES = {
    "malformed_awc": "what the order carried as its click checksum is none: it was ignored",
    "unknown_group": "a line's value has no commission group: it went to the default group",
    "pro_rata": "the lines do not add up to the subtotal: it was divided in their proportion",
    "default_group": "the lines do not add up to the subtotal: all of it went to the default group",
    "forgotten": "the visitor was forgotten before this order was read: what came earlier is not known any more",
}
"""By the words of `consumer.events.Conversion.notes`."""

WAYS = {
    "no_lines": "The order has no lines: all of it is in the default group",
    "sums": "The lines add up to the subtotal: each group gets the sum of its lines",
    "pro_rata": "The lines do not add up to the subtotal, or a group to less than nothing: divided in proportion",
    "default_group": "The lines do not add up to the subtotal, or a group to less than nothing: all of it is in the "
    "default group",
}
"""By the words of `consumer.inspect.arithmetic.Way`."""

NOT_SAID = {
    "many_touches": "the order saw 20 touches or more, and the conversion tells of 20: another may have spoken last",
    "left_out": "the conversion has no room for the touches, so it does not tell which landings were seen",
    "not_known": "the records that would say who said what are not all there any more",
}
"""Why it cannot be told whose word about consent held, by the words of `consumer.inspect.consent.SaidBy`."""

LEFT_OUT = {
    "": "",
    "products": "the product rows, with which it would be too long",
    "products_and_custom": "the product rows and the custom parameters, with which it would be too long",
}
"""By the words of `consumer.awin.sread.SreadRequest.left_out`."""

_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def moment(at_ms: int) -> str:
    """Write a time, UTC, to the millisecond where it has any."""
    at = datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    return f"{at}.{at_ms % 1000:03d}" if at_ms % 1000 else at


def length(duration_ms: int) -> str:
    """Write a duration with its two largest units: ``3 d 4 h``."""
    left = abs(duration_ms) // 1000
    if not left:
        return f"{abs(duration_ms)} ms"
    parts = []
    for name, seconds in _UNITS:
        count, left = divmod(left, seconds)
        parts.append((count, name))
    first = next(index for index, (count, _) in enumerate(parts) if count)
    return " ".join(f"{count} {name}" for count, name in parts[first : first + 2] if count)
