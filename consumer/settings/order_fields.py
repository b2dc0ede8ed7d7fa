"""Settings that name fields of an order; docs/attribution.md, section 8."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

from consumer.attribution.order_fields import is_field

Value = str | bool | None

_SYMBOLS = {"customer_type": {"NEW", "RETURNING"}, "consent": {"granted", "denied", "unknown"}}


def _order_field(name: str) -> str:
    if not is_field(name):
        raise ValueError("orders have no such field; see docs/configuration.md, 'Fields of an order'")
    return name


def _values(stated: object) -> tuple[Value, ...]:
    values = tuple(stated) if isinstance(stated, list | tuple) else (stated,)
    if not values:
        raise ValueError("states no value, so it would never hold")
    if not all(isinstance(value, Value) for value in values):
        raise ValueError("a value is text, true, false or null: write a number in quotes")
    return values


def _meant(conditions: dict[str, tuple[Value, ...]]) -> dict[str, tuple[Value, ...]]:
    """Refuse values that the field never has: the condition would hold for no order, silently."""
    for field, stated in conditions.items():
        for value in stated:
            if isinstance(value, bool) != (field == "test") and value is not None:
                raise ValueError(
                    f"{field}: write {value!r} in quotes" if isinstance(value, bool) else f"{field} is true or false"
                )
            if value == "" or (field in _SYMBOLS and value is not None and value not in _SYMBOLS[field]):
                raise ValueError(f"{field} is never {value!r}")
            if field == "currency" and isinstance(value, str) and not re.fullmatch("[A-Z]{3}", value):
                raise ValueError(f"{field} is never {value!r}")
    return conditions


def _parameter_number(name: str) -> str:
    if not re.fullmatch("[1-9][0-9]*", name):
        raise ValueError("a custom parameter is named by its number, from 1 on")
    return name


def _numbered(custom: object) -> object:
    """Take numbers for names, since ``2: market`` is a number in YAML. What else may be wrong is not judged here."""
    if not isinstance(custom, dict):
        return custom
    numbered = {str(name) if type(name) is int else name: field for name, field in custom.items()}
    if len(numbered) < len(custom):
        raise ValueError("a number comes twice")
    return numbered


OrderField = Annotated[str, AfterValidator(_order_field)]
Conditions = Annotated[dict[OrderField, Annotated[tuple[Value, ...], BeforeValidator(_values)]], AfterValidator(_meant)]
_Number = Annotated[str, AfterValidator(_parameter_number)]
Parameters = Annotated[dict[_Number, OrderField], BeforeValidator(_numbered)]
