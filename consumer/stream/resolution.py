"""Reading what a producer's schema wrote, in terms of ours.

fastavro resolves a writer's schema to the reader's. Three things it would get wrong are taken out of its hands: it
rounds decimals to the declared precision, it lets a time be in another unit than ours, and it spends a fifth of the
time on making datetimes. So schemas are rewritten before it compiles them: times become plain integers, and decimals
get a logical type of our own that reads them exactly.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from io import BytesIO
from typing import Any, TypeAlias, cast

from fastavro import schemaless_reader
from fastavro.read import LOGICAL_READERS
from fastavro.types import Schema

from consumer.stream.amounts import exact

BodyReader: TypeAlias = Callable[[bytes, int], dict[str, Any]]
"""Reads the body that begins at an offset of a value; fails with any exception on bytes that do not fit."""

_WRITTEN = frozenset({"type", "name", "symbols", "items", "values", "size"})
_LOGICAL = {
    "decimal": "exact-decimal",
    "timestamp-micros": "epoch-micros",
    "timestamp-nanos": "epoch-nanos",
}


def _exact_decimal(data: bytes, writer: dict[str, Any] | None, _reader: dict[str, Any] | None) -> Decimal:
    """Return exactly what was written, whatever precision the writer's schema declares."""
    return exact(data, 0 if writer is None else writer.get("scale", 0))


# Names that only our rewritten schemas use, so other users of fastavro in the process see no difference.
LOGICAL_READERS.update(
    {
        "bytes-exact-decimal": _exact_decimal,
        "fixed-exact-decimal": _exact_decimal,
        "long-epoch-micros": lambda data, _writer, _reader: data // 1_000,
        "long-epoch-nanos": lambda data, _writer, _reader: data // 1_000_000,
    }
)


def writer_form(parsed: Schema) -> Schema:
    """Reduce a parsed schema to what decides the meaning of its bytes.

    Two schemas with equal forms read alike. (Equal fingerprints are not enough: they leave out scales and units.)
    """
    if isinstance(parsed, list):
        return [writer_form(branch) for branch in parsed]
    if isinstance(parsed, str):
        return parsed
    form = {name: content for name, content in parsed.items() if name in _WRITTEN} | _logical(parsed)
    for name in ("items", "values"):
        if name in form:
            form[name] = writer_form(form[name])
    if "fields" in parsed:
        form["fields"] = [{"name": field["name"], "type": writer_form(field["type"])} for field in parsed["fields"]]
    return form["type"] if len(form) == 1 else form


def struct_form(parsed: Schema) -> Schema:
    """Rewrite one of our own schemas into the field names of its Struct: a time ``x`` becomes ``x_ms``.

    Names do not travel, so this form reads and writes the same bytes; as a reader's schema it finds the writer's
    field by its alias.
    """
    if isinstance(parsed, list):
        return [struct_form(branch) for branch in parsed]
    if isinstance(parsed, str):
        return parsed
    form = {name: content for name, content in parsed.items() if name != "logicalType"} | _logical(parsed)
    for name in ("items", "values"):
        if name in form:
            form[name] = struct_form(form[name])
    if "fields" in form:
        form["fields"] = [_struct_field(field) for field in form["fields"]]
    return {name: content for name, content in form.items() if not name.startswith("__")}


def _struct_field(field: dict[str, Any]) -> dict[str, Any]:
    branches = field["type"] if isinstance(field["type"], list) else [field["type"]]
    is_time = any(isinstance(branch, dict) and branch.get("logicalType") == "timestamp-millis" for branch in branches)
    renamed = {"name": f"{field['name']}_ms", "aliases": [field["name"]]} if is_time else {}
    return field | {"type": struct_form(field["type"])} | renamed


def _logical(parsed: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes by which our logical readers know a type; none for a type that is read as it is."""
    logical = _LOGICAL.get(parsed.get("logicalType", ""))
    if logical is None:
        return {}
    return {"logicalType": logical} | ({"scale": parsed.get("scale", 0)} if logical == "exact-decimal" else {})


def body_reader(writer: Schema, reader: Schema | None) -> BodyReader:
    """Return a reader of bodies written with ``writer``, resolved to ``reader`` unless it is ``None``; both compiled.

    What it returns has the reader's field names. It refuses bytes that are left over.
    """

    def read(value: bytes, start: int) -> dict[str, Any]:
        stream = BytesIO(value)
        stream.seek(start)
        body = schemaless_reader(stream, writer, reader)
        if stream.tell() != len(value):
            raise ValueError(f"{len(value) - stream.tell()} bytes left over")
        return cast("dict[str, Any]", body)

    return read
