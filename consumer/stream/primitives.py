"""Avro's primitive types, read from a value at a position. Each function returns what it read and where it ended.

For bodies of our own schemas, which are read without a general Avro reader. A text that is cut off leaves the position
beyond the end: whoever reads the last field compares it with the length.

Raises:
    ValueError: the bytes are not of the type.
    LookupError: they end too soon.
"""

from __future__ import annotations

NULL = 0
PRESENT = 2
"""The branches of an optional value, as they travel."""


def read_text(value: bytes, at: int) -> tuple[str, int]:
    """Read a string."""
    size = value[at]
    if size & 0x81:
        start, end = text_bounds(value, at)
    else:
        start = at + 1
        end = start + (size >> 1)
    return value[start:end].decode(), end


def read_bytes(value: bytes, at: int) -> tuple[bytes, int]:
    """Read bytes."""
    start, end = text_bounds(value, at)
    return value[start:end], end


def text_bounds(value: bytes, at: int) -> tuple[int, int]:
    """Return where the content of a string, or of bytes, starts and ends."""
    size, start = read_long(value, at)
    if size < 0:
        raise ValueError("a string of negative length")
    return start, start + size


def read_long(value: bytes, at: int) -> tuple[int, int]:
    """Read a zig-zag number of at most ten bytes."""
    number = shift = 0
    while True:
        byte = value[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            break
        shift += 7
        if shift > 63:
            raise ValueError("a number without end")
    if shift == 63 and byte > 1:
        raise ValueError("a number of more than 64 bits")
    return (number >> 1) ^ -(number & 1), at


def after_null(value: bytes, at: int) -> int:
    """Return where a null of an optional value ended."""
    if value[at] != NULL:
        raise ValueError("no such branch of a union")
    return at + 1
