"""How a record's value says with which schema it was written.

Single-object encoding (Avro specification): ``C3 01``, then the schema's CRC-64-AVRO fingerprint, little-endian.
Confluent wire format: ``00`` and a schema id of four bytes, big-endian; or nothing before the body and the header
``__value_schema_id``, which holds ``00`` and the id or ``01`` and a GUID. The header is looked at first.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias
from uuid import UUID

from consumer.errors import Undecodable

SchemaRef: TypeAlias = bytes | int | str
"""A schema by fingerprint (8 bytes as they travel), by registry id, or by registry GUID."""
Headers: TypeAlias = Sequence[tuple[str, bytes | None]]

SCHEMA_ID_HEADER = "__value_schema_id"
SINGLE_OBJECT_MARK = b"\xc3\x01"
_SINGLE_OBJECT_SIZE = 10
_CONFLUENT_SIZE = 5
_GUID_SIZE = 17


def unframe(value: bytes, headers: Headers) -> tuple[SchemaRef, int]:
    """Return which schema a value was written with and where its body begins.

    Raises:
        Undecodable: ``bad_framing``: nothing says which schema it is.
    """
    if headers:
        # As Kafka's `lastHeader`: a forwarder may have added a newer one.
        for name, content in reversed(headers):
            if name == SCHEMA_ID_HEADER and content is not None:
                return _schema_id(content), 0
    if value[:2] == SINGLE_OBJECT_MARK and len(value) >= _SINGLE_OBJECT_SIZE:
        return value[2:_SINGLE_OBJECT_SIZE], _SINGLE_OBJECT_SIZE
    if value[:1] == b"\x00" and len(value) >= _CONFLUENT_SIZE:
        return int.from_bytes(value[1:_CONFLUENT_SIZE], "big"), _CONFLUENT_SIZE
    raise Undecodable(
        "bad_framing",
        "",
        f"the value ({len(value)} bytes) begins neither with C3 01 and a fingerprint nor with 00 and a schema id, and "
        f"there is no header {SCHEMA_ID_HEADER}: have the producer write single-object or Confluent-framed Avro",
    )


def _schema_id(content: bytes) -> SchemaRef:
    """Read the header ``__value_schema_id``."""
    if len(content) == _CONFLUENT_SIZE and content[0] == 0:
        return int.from_bytes(content[1:], "big")
    if len(content) == _GUID_SIZE and content[0] == 1:
        return str(UUID(bytes=content[1:]))
    raise Undecodable(
        "bad_framing",
        "",
        f"the header {SCHEMA_ID_HEADER} ({len(content)} bytes) holds neither 00 and an id nor 01 and a GUID: "
        "see the producer's serializer",
    )


def single_object_prefix(fingerprint: bytes) -> bytes:
    """Return what stands before a body in single-object encoding."""
    return SINGLE_OBJECT_MARK + fingerprint


def describe(ref: SchemaRef) -> str:
    """Name a schema for a message; a fingerprint as the number that Avro tools print."""
    if isinstance(ref, bytes):
        return f"fingerprint {int.from_bytes(ref, 'little'):016x}"
    return f"registry id {ref}"
