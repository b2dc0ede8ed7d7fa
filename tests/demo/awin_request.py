"""A request that Awin would accept, to be changed for the worse."""

from __future__ import annotations

from urllib.parse import quote

AWC = "1001_1403695822_a430d81e22c9e8687f423efcf024fbaA"
CASHBACK_AWC = "1001_1403695999_ffff"
GOOD = {
    "tt": "ss",
    "tv": "2",
    "merchant": "1001",
    "amount": "49.99",
    "ch": "aw",
    "parts": "SHOES:40.00|DEFAULT:9.99",
    "vc": "",
    "cr": "EUR",
    "ref": "A-1 & <ü>",
    "testmode": "0",
    "cks": AWC,
    "customeracquisition": "NEW",
    "p1": "awin-s2s-consumer 1.0",
}


def query(**changes: str | None) -> str:
    """Write a good request's query with some values changed, ``None`` leaving the parameter out."""
    said = {name: value for name, value in {**GOOD, **changes}.items() if value is not None}
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in said.items())
