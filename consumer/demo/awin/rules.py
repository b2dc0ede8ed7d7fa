"""What the stand-in Awin demands of a request, read independently of the code that writes requests."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from urllib.parse import unquote_to_bytes

_WITHOUT_DIGITS = "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF"
_THREE_DIGITS = "BHD IQD JOD KWD LYD OMR TND"

MINOR_DIGITS: Mapping[str, int] = {
    **dict.fromkeys(_WITHOUT_DIGITS.split(), 0),
    **dict.fromkeys(_THREE_DIGITS.split(), 3),
}
"""ISO 4217 currencies whose amounts do not have two digits."""

PATH = "/sread.php"
MAX_TARGET = 8192

_REQUIRED = ("tt", "tv", "merchant", "amount", "ch", "parts", "vc", "cr", "ref", "testmode")
_FORMS = {
    "tt": "ss",
    "tv": "2",
    "merchant": "[0-9]+",
    "ch": "[A-Za-z0-9]{1,20}",
    "cr": "[A-Z]{3}",
    "testmode": "[01]",
    "customeracquisition": "NEW|RETURNING",
}
_FREE = re.compile(r"vc|p[1-9][0-9]*")
_ROW = re.compile(r"bd\[[0-9]+\]")
CODE = re.compile(r"[A-Z0-9_.-]+")
_AMOUNT = re.compile(r"[0-9]+(?:\.([0-9]+))?")
_NORMAL_CHECKSUM = re.compile(r"([0-9]+)_[0-9]+_[A-Za-z0-9]+")
_GCLID_CHECKSUM = re.compile(r"gclid_[0-9]+_[A-Za-z0-9_-]+")
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})")
_ENCODED = re.compile(r"[A-Za-z0-9_.~+*-]*(?:%[0-9A-Fa-f]{2}[A-Za-z0-9_.~+*-]*)+")


@dataclass(frozen=True, slots=True)
class Known:
    """What only the real Awin and the shop know: gives away amounts, references and checksums that merely look right.

    Both may go on growing while the stand-in runs.
    """

    subtotals: Mapping[str, Decimal]
    """The shop's orders by the reference the customer sees: after discounts, before tax and shipping."""
    checksums: Container[str]
    """Every click checksum that was given out."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How strictly parameters are read. Violations name the parameter and never repeat its value."""

    currency_digits: Mapping[str, int]
    """Digits after the point by currency; two for those that are missing."""
    known: Known | None = None

    def violations(self, method: str, target: str) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return the parameters of a request, decoded once, and everything that is wrong with it."""
        path, _, query = target.partition("?")
        parameters, wrong = _parse(query)
        if method != "GET":
            wrong.append("method: is not GET")
        if path != PATH:
            wrong.append(f"path: is not {PATH}")
        if len(target) > MAX_TARGET:
            wrong.append(f"URL: is longer than {MAX_TARGET} bytes")
        wrong += [f"{name}: is missing" for name in _REQUIRED if name not in parameters]
        wrong += [f"{name}: {what}" for name, what in self.faults(parameters)]
        return parameters, tuple(wrong)

    def faults(self, parameters: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        """Yield the name of each parameter with a wrong value, and what is wrong with it."""
        for name, value in parameters.items():
            for what in self._check(name, value, parameters):
                yield name, what

    def is_money(self, value: str, currency: str) -> bool:
        """Say whether an amount is written plainly, with its currency's digits."""
        match = _AMOUNT.fullmatch(value)
        return match is not None and len(match[1] or "") == self.currency_digits.get(currency, 2)

    def _check(self, name: str, value: str, parameters: Mapping[str, str]) -> Iterator[str]:
        if _ENCODED.fullmatch(value):
            yield "is still percent-encoded after decoding once"
        if form := _FORMS.get(name):
            if not re.fullmatch(form, value):
                yield f"does not match {form}"
        elif name == "amount":
            yield from self._amount(value, parameters)
        elif name == "parts":
            yield from self._parts(value, parameters)
        elif name == "ref":
            yield from self._ref(value)
        elif name == "cks":
            yield from self._checksums(value, parameters.get("merchant"))
        elif _ROW.fullmatch(name):
            yield from self._row(value, parameters)
        elif not _FREE.fullmatch(name):
            yield "is not a parameter"

    def _amount(self, value: str, parameters: Mapping[str, str]) -> Iterator[str]:
        if not self.is_money(value, parameters.get("cr", "")):
            yield "is not a plain number with the currency's digits"
        elif self.known:
            subtotal = self.known.subtotals.get(parameters.get("ref", ""))
            if subtotal is not None and subtotal != Decimal(value):
                yield "is not the order's subtotal"

    def _parts(self, value: str, parameters: Mapping[str, str]) -> Iterator[str]:
        amounts = []
        for part in value.split("|"):
            code, _, amount = part.partition(":")
            if not CODE.fullmatch(code):
                yield f"a group does not match {CODE.pattern}"
            if not self.is_money(amount, parameters.get("cr", "")):
                yield "an amount is not a plain number with the currency's digits"
                return
            amounts.append(Decimal(amount))
        if _AMOUNT.fullmatch(parameters.get("amount", "")) and sum(amounts) != Decimal(parameters["amount"]):
            yield "do not add up to the amount"

    def _ref(self, value: str) -> Iterator[str]:
        if not 1 <= len(value) <= 50:
            yield "has not 1 to 50 characters"
        if any(unicodedata.category(character) == "Cc" for character in value):
            yield "has a control character"
        if self.known and value not in self.known.subtotals:
            yield "is no order reference of the shop"

    def _checksums(self, value: str, merchant: str | None) -> Iterator[str]:
        checksums = value.split(",")
        if len(checksums) > 2 or len(set(checksums)) < len(checksums):
            yield "is not one checksum, or two different ones"
        for position, checksum in enumerate(checksums):
            normal = _NORMAL_CHECKSUM.fullmatch(checksum)
            if not normal and not _GCLID_CHECKSUM.fullmatch(checksum):
                yield "is not a click checksum"
            elif not normal and position > 0:
                yield "has the normal checksum after the strictly necessary one"
            elif normal and normal[1] != merchant:
                yield "is another merchant's"
            elif self.known and checksum not in self.known.checksums:
                yield "was never given out"

    def _row(self, value: str, parameters: Mapping[str, str]) -> Iterator[str]:
        fields = value.split("|")
        if len(fields) != 10 or fields[0] != "AW:P":
            yield "is not AW:P and nine more fields"
            return
        if any(len(field) > 255 for field in fields):
            yield "has a field longer than 255 characters"
        if fields[1] != parameters.get("merchant") or fields[2] != parameters.get("ref"):
            yield "is another order's"
        if not CODE.fullmatch(fields[8]):
            yield f"its group does not match {CODE.pattern}"


def _parse(query: str) -> tuple[dict[str, str], list[str]]:
    """Split and decode a query once; of a repeated parameter the first value stays."""
    parameters: dict[str, str] = {}
    wrong: list[str] = []
    for pair in query.split("&") if query else ():
        raw_name, _, raw_value = pair.partition("=")
        name = _decoded(raw_name, "a name", wrong)
        value = _decoded(raw_value, name, wrong)
        if name in parameters:
            wrong.append(f"{name}: is there twice")
        parameters.setdefault(name, value)
    return parameters, wrong


def _decoded(raw: str, what: str, wrong: list[str]) -> str:
    if not raw.isascii() or _BROKEN_ESCAPE.search(raw):
        wrong.append(f"{what}: is not percent-encoded")
    try:
        return unquote_to_bytes(raw.replace("+", " ")).decode()
    except UnicodeDecodeError:
        wrong.append(f"{what}: is not UTF-8")
        return unquote_to_bytes(raw).decode("utf-8", "replace")
