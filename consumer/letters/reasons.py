"""What the reasons of dead letters mean, and what to do. Source: docs/attribution.md 9, docs/operations.md.

Both pages have the same reasons as these tables; a test holds them together.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from consumer.delivery.sent import TOO_OLD

CONFLICT = "conflict"


class Advice(Struct, frozen=True, kw_only=True):
    """What is to be known of a reason."""

    means: str
    do: str
    helps: bool = True
    """Whether a replay of the same bytes can end otherwise; else it is made only when the reason is asked for."""


def _correct(means: str, what: str) -> Advice:
    """Return the advice for a record that will always be refused."""
    return Advice(means=means, do=f"correct {what}, then have the event sent again", helps=False)


ATTRIBUTE: Mapping[str, Advice] = {
    "null_value": _correct("an order without value, or a session with neither value nor key", "the producer"),
    "bad_visitor_key": _correct("a request to forget a visitor whose id is not UTF-8", "the visitor's id"),
    "bad_framing": _correct("the value begins with no mark of Avro", "the producer's serializer"),
    "unknown_schema": Advice(
        means="the schema that the value names is not known",
        do="place the schema in schemas.directory, restart, then replay",
    ),
    "undecodable": Advice(
        means="the body does not follow its schema, or that does not resolve to ours, or an amount is too large",
        do="correct the schema and replay; where the bytes are wrong, have the event sent again",
    ),
    "missing_field": _correct("a session without an id, a visitor or an address", "the producer"),
    "bad_event_time": _correct("a time outside the years 2000 to 2099", "the producer: milliseconds UTC"),
    "event_time_in_future": Advice(
        means="the event's time is later than its record's by more than attribution.max_clock_skew",
        do="correct the producer's clock or unit; or raise max_clock_skew for a while, restart, and replay",
    ),
    "visitor_id_too_long": _correct("a visitor id of more than 1,000 characters", "the producer"),
    "session_id_too_long": _correct("a session id of more than 1,000 characters", "the producer"),
    "order_ref_empty": _correct("an order without a reference", "the producer"),
    "order_ref_too_long": _correct("a reference of more than 50 characters, which is Awin's limit", "the reference"),
    "order_ref_bad": _correct("a reference with a character that no request can carry", "the reference"),
    "no_programme": Advice(means="the conditions of no programme hold", do="complete programmes, restart, then replay"),
    "currency_not_enabled": Advice(
        means="the currency is not one of its programme's",
        do="enable it at Awin and in programmes.currencies, restart, then replay; or correct the order",
    ),
    "bad_currency": _correct("the currency is not three upper-case letters", "the producer: ISO 4217"),
    "bad_amount": _correct("an amount of 10^14 or more", "the amount"),
    "negative_amount": Advice(
        means="the subtotal, or with parts_mismatch: reject a commission group, is below zero",
        do="refunds are no orders: correct the order; or choose another parts_mismatch, restart, and replay",
    ),
    "bad_commission_group": Advice(
        means="a code with other characters than A-Z, 0-9 and _ . -",
        do="map the value in programmes.groups, restart, and replay; or correct the lines",
    ),
    "parts_mismatch": Advice(
        means="with parts_mismatch: reject, the lines do not add up to the subtotal",
        do="correct the lines; or choose another parts_mismatch, restart, and replay",
    ),
    "bad_channel": _correct("the order's channel is not 1 to 20 letters and digits", "the channel"),
    CONFLICT: Advice(
        means="the reference came before with another subtotal, currency or lines",
        do="the first is reported; if this one is right, correct the sale at Awin",
        helps=False,
    ),
    "order_too_late": Advice(
        means="the record is later than attribution.max_order_delay after its order",
        do="report it by hand; or raise max_order_delay, restart, and replay: its oldest clicks may have expired",
    ),
    "order_too_large": Advice(
        means="the order does not fit state or its conversion its topic (topics.max_message_bytes)",
        do="have it sent again with fewer or shorter lines; or raise the limit, restart, and replay",
    ),
}
"""Reasons of the attribute stage."""

DELIVER: Mapping[str, Advice] = {
    "rejected": Advice(
        means="Awin answered 4xx or 3xx, or the request could not be made",
        do="see what Awin said; replay once it is mended there or in the settings",
    ),
    "request_too_long": Advice(
        means="the sale alone is longer than any server takes", do="report it by hand", helps=False
    ),
    "exhausted": Advice(
        means="delivery.retry.max_attempts attempts failed while other orders got through",
        do="see what Awin said last; then replay",
    ),
    TOO_OLD: Advice(
        means="the sale is older than delivery.max_age, and Awin would date it at receipt",
        do="export it (awin-consumer export-offline), or replay it with --too-old send: Awin dates it today",
    ),
    "unknown_outcome": Advice(
        means="an attempt may have reached Awin, and delivery.unknown_outcome is park",
        do="look at Awin whether the sale is there; if not, replay",
    ),
    CONFLICT: Advice(
        means="another conversion of the same reference said something else",
        do="the first is reported; if this one is right, correct the sale at Awin",
        helps=False,
    ),
    "undecodable": Advice(
        means="the conversion cannot be read", do="run the release that wrote it, or a newer one; then replay"
    ),
    "no_api_key": Advice(
        means="the programme reports by the Conversion API, but has no key",
        do="set programmes.api_key_file and restart; then replay",
    ),
}
"""Reasons of the deliver stage."""

_UNKNOWN = Advice(means="a reason that this release does not know", do="run the release that wrote it")


def advice(stage: str, reason: str) -> Advice:
    """Return what is to be known of a letter's reason."""
    return (ATTRIBUTE if stage == "attribute" else DELIVER).get(reason, _UNKNOWN)
