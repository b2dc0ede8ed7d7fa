"""Money as Avro decimals: exact, both ways."""

from __future__ import annotations

from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow

WRITTEN_SCALE = 4
"""Decimals of every amount that we write: decimal(20, 4)."""

_STEP = Decimal(1).scaleb(-WRITTEN_SCALE)
_LIMITS = Context(prec=20, traps=[InvalidOperation, Inexact])
_MAX_BYTES = 32
_EXACT = Context(prec=80, traps=[InvalidOperation, Overflow])


def exact(data: bytes, scale: int) -> Decimal:
    """Return exactly the amount that was written with so many decimals, whatever precision its schema declares.

    Raises:
        ValueError: it has more than 32 bytes.
    """
    if len(data) > _MAX_BYTES:
        raise ValueError(f"a decimal of {len(data)} bytes")
    return Decimal(int.from_bytes(data, "big", signed=True)).scaleb(-scale, _EXACT)


def unscaled(amount: Decimal) -> bytes:
    """Return an amount as decimal(20, 4): two's complement, big-endian, in as few bytes as will do.

    Raises:
        ValueError: it has more than four decimals, is 10^16 or more, or is no number.
    """
    try:
        units = int(amount.quantize(_STEP, None, _LIMITS).scaleb(WRITTEN_SCALE, _LIMITS))
    except (ArithmeticError, ValueError) as error:
        raise ValueError("an amount does not fit decimal(20, 4)") from error
    magnitude = units if units >= 0 else ~units
    return units.to_bytes(magnitude.bit_length() // 8 + 1, "big", signed=True)
