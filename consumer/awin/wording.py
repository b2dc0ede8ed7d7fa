"""How amounts, parts, texts and flags are written for Awin, by whatever method."""

from __future__ import annotations

from decimal import Decimal

from consumer import money
from consumer.errors import Unreportable
from consumer.events import Conversion

MAX_PRODUCT_CHARACTERS = 255


def amount(value: Decimal, currency: str, field: str) -> str:
    """Write an amount with its currency's minor digits, whatever scale it travelled with.

    Raises:
        Unreportable: ``negative_amount``, or ``bad_amount`` for one that the currency's minor digits cannot express.
    """
    if value < 0:
        raise Unreportable("negative_amount", field, f"{field} is negative: a sale is reported with zero or more")
    try:
        return money.written(value, currency)
    except ArithmeticError as error:
        message = f"{field} has more digits than {currency} can express: it was not rounded when the order was decided"
        raise Unreportable("bad_amount", field, message) from error


def parts(conversion: Conversion) -> str:
    """Write the amount by commission group: ``SHOES:10.00|DEFAULT:5.00``.

    Raises:
        Unreportable: as `amount`.
    """
    currency = conversion.currency
    return "|".join(f"{part.code}:{amount(part.amount, currency, 'parts')}" for part in conversion.parts)


def voucher(conversion: Conversion) -> str:
    """Return the one code that is told: the order's first, empty when it has none."""
    return next(iter(conversion.vouchers), "")


def custom(conversion: Conversion) -> list[tuple[str, str]]:
    """Return the custom parameters, number and text, by number: 2 stands before 10."""
    return sorted(conversion.custom.items(), key=lambda said: (len(said[0]), said[0]))


def product_text(value: str) -> str:
    """Return what may be said of a product's text: no pipe, since Awin divides its rows by it, and 255 characters."""
    return value.replace("|", " ")[:MAX_PRODUCT_CHARACTERS]


def is_test(conversion: Conversion) -> bool:
    """Say whether a sale must be marked as a test."""
    return conversion.test or conversion.mode == "test"


def flag(value: bool) -> str:  # noqa: FBT001  # it is all there is to say
    """Write yes or no."""
    return "1" if value else "0"
