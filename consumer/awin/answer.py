"""What an answer of Awin's says about the attempt that it ends.

Awin publishes no response body and no error table, so the status decides and 2xx means received, not validated.
"""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from consumer.events import Outcome

MAX_RETRY_AFTER_S = 3600.0
"""The longest pause that an answer can ask for: a longer wish is cut down to it, so no mistake stops us for days."""

EXCERPT_CHARACTERS = 200

_ABOUT_THE_ATTEMPT = {408, 425}
_EXCERPT_BYTES = 1000
_WORD = string.ascii_letters + string.digits + "_-"
_PRIVATE = re.compile(
    r"""  [a-z][a-z0-9+.-]*://[^\s"'<>]+      # a URL
        | /[^\s"'<>?]*\?[^\s"'<>]+          # a path with a query, as error pages repeat it
        | gclid_[0-9]+_[a-z0-9_-]+          # a click checksum of Google's parallel tracking
        | [0-9]+_[0-9]+_[a-z0-9]+           # a click checksum
    """,
    re.IGNORECASE | re.VERBOSE,
)


def outcome_of_status(status: int) -> Outcome:
    """Say how an attempt ended that was answered with ``status``; redirects are never followed, so 3xx is a no.

    408 and 425 are about the attempt, not about the sale: whether it arrived in whole is not known.
    """
    if status in {429, 503}:
        return "throttled"
    if 200 <= status < 300:
        return "delivered"
    if 300 <= status < 500 and status not in _ABOUT_THE_ATTEMPT:
        return "rejected"
    return "unknown"


def retry_after_s(value: str | None, now: datetime) -> float | None:
    """Return the seconds that a ``Retry-After`` header asks to wait, between 0 and `MAX_RETRY_AFTER_S`.

    Takes both forms of RFC 9110, 10.2.3: seconds, and a date, which is held against ``now`` (an aware time).
    ``None`` when there is no header or it is neither.
    """
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER_S)
    try:
        until = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        return None
    if until.tzinfo is None:
        until = until.replace(tzinfo=UTC)
    return min(max((until - now).total_seconds(), 0.0), MAX_RETRY_AFTER_S)


def excerpt(body: bytes) -> str:
    """Return the beginning of a body as one line of at most 200 characters that may be kept and shown.

    Unprintable characters become spaces; whatever looks like a click checksum or a URL becomes ``[redacted]``.
    """
    text = body[:_EXCERPT_BYTES].decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    shown = _PRIVATE.sub("[redacted]", line)
    if len(body) > _EXCERPT_BYTES:
        shown = shown.rstrip(_WORD)  # the cut may have left the start of a checksum that no longer looks like one
    return shown[:EXCERPT_CHARACTERS]
