"""The request that a method of delivery makes of conversions."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct


class HttpRequest(Struct, frozen=True, kw_only=True):
    """One request, whole. It holds personal data and perhaps a key, so it is never logged."""

    url: str
    verb: Literal["GET", "POST"] = "GET"
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    max_answer_bytes: int = 65_536
    """The most that is read of the answer's body."""
