"""The table of endings and outcomes in docs/operations.md, row by row; the tests of delivery hold the product to it."""

from __future__ import annotations

from typing import Literal, NamedTuple

from consumer.events import Outcome


class Row(NamedTuple):
    """One kind of ending."""

    ending: str
    outcome: Outcome
    seen: Literal["one", "none", "one or none"]
    """The requests that the server sees."""


CANNOT_BE_MADE = Row("a request that cannot be made: no valid address, a header that HTTP forbids", "rejected", "none")
UNREACHABLE = Row("no address (DNS), refused, no connection within `connect_timeout`", "not_sent", "none")
NO_TLS = Row(
    "no TLS: unknown authority, other host, expired, handshake broken off or not over within `connect_timeout`",
    "not_sent",
    "none",
)
NO_PLACE = Row("no free connection within `pool_timeout`", "not_sent", "none")
NOT_WRITTEN = Row("the request does not leave within `write_timeout`", "unknown", "one or none")
CLOSED = Row(
    "closed or reset before an answer, while the request leaves or afterwards, read or not, a kept connection included",
    "unknown",
    "one or none",
)
TIMED_OUT = Row("no answer, or no more of it, within `read_timeout`", "unknown", "one or none")
DRIPPING = Row("an answer, or `1xx` and no answer, for longer than the four timeouts together", "unknown", "one")
BROKEN_OFF = Row(
    "an answer that breaks off, whatever its status: in the head, short of its length, before the last chunk",
    "unknown",
    "one",
)
NONSENSE = Row(
    "anything but HTTP/1: garbage, lengths that make no sense, `101`, more than 100 KB of head", "unknown", "one"
)
UNASKED = Row("an answer, or a piece of one, that was there before the request", "unknown", "one")
DELIVERED = Row("`2xx`, with or without a body (of which 64 KB are read)", "delivered", "one")
REDIRECTED = Row("`3xx`, which is never followed", "rejected", "one")
REFUSED = Row("`4xx` other than `408`, `425`, `429`", "rejected", "one")
THROTTLED = Row("`429`, `503`", "throttled", "one")
FAILED = Row("`408`, `425`, `5xx` other than `503`, and statuses that do not exist", "unknown", "one")

ROWS = (
    CANNOT_BE_MADE,
    UNREACHABLE,
    NO_TLS,
    NO_PLACE,
    NOT_WRITTEN,
    CLOSED,
    TIMED_OUT,
    DRIPPING,
    BROKEN_OFF,
    NONSENSE,
    UNASKED,
    DELIVERED,
    REDIRECTED,
    REFUSED,
    THROTTLED,
    FAILED,
)
