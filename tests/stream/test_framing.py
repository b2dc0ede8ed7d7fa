"""What a value and its headers say about its schema."""

from __future__ import annotations

from uuid import UUID

import pytest

from consumer.errors import Undecodable
from consumer.stream.framing import Headers, SchemaRef, unframe

GUID = UUID("89791762-2336-186f-9674-299b90a8e8e2")
HEADER = "__value_schema_id"


@pytest.mark.parametrize(
    ("value", "headers", "found"),
    [
        (b"\xc3\x01fingerpr!", (), (b"fingerpr", 10)),
        (b"\xc3\x01fingerpr", (("traceparent", b"00"),), (b"fingerpr", 10)),
        (b"\x00\x00\x01\x00\x07body", (), (65_543, 5)),
        (b"\x00\xff\xff\xff\xff", (), (2**32 - 1, 5)),
        (b"body", ((HEADER, b"\x00\x00\x00\x00\x07"),), (7, 0)),
        (b"\xc3\x01fingerpr!", ((HEADER, b"\x01" + GUID.bytes),), (str(GUID), 0)),
        (b"", ((HEADER, b"\x00\x00\x00\x00\x07"),), (7, 0)),
        (b"body", ((HEADER, b"\x00\x00\x00\x00\x07"), (HEADER, b"\x00\x00\x00\x00\x08")), (8, 0)),
        (b"\x00\x00\x00\x00\x07body", ((HEADER, None),), (7, 5)),
        (b"\x00\x00\x00\x00\x07body", (("__key_schema_id", b"\x00\x00\x00\x00\x09"),), (7, 5)),
    ],
)
def test_schema_and_start_of_the_body(value: bytes, headers: Headers, found: tuple[SchemaRef, int]) -> None:
    """The last schema header wins over the prefix, then comes the fingerprint or the registry id."""
    assert unframe(value, headers) == found


@pytest.mark.parametrize(
    ("value", "headers"),
    [
        (b"", ()),
        (b"{}", ()),
        (b"\xc3\x01finger", ()),
        (b"\xc3\x02fingerpr", ()),
        (b"\x00\x00\x00\x07", ()),
        (b"\x01" + GUID.bytes, ()),
        (b"\x00\x00\x00\x00\x07body", ((HEADER, b""),)),
        (b"\x00\x00\x00\x00\x07body", ((HEADER, b"7"),)),
        (b"\x00\x00\x00\x00\x07body", ((HEADER, b"\x00" + GUID.bytes),)),
        (b"\x00\x00\x00\x00\x07body", ((HEADER, b"\x01\x00\x00\x00\x07"),)),
    ],
)
def test_anything_else_is_bad_framing(value: bytes, headers: Headers) -> None:
    """A value that names no schema, or whose header makes no sense, is refused as a whole."""
    with pytest.raises(Undecodable) as refusal:
        unframe(value, headers)
    assert (refusal.value.reason, refusal.value.field) == ("bad_framing", "")
