"""Decoding one topic's values, whatever schema and framing they were written with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec
from msgspec import Struct

from consumer.errors import Undecodable
from consumer.stream.framing import Headers, SchemaRef, describe, single_object_prefix, unframe
from consumer.stream.resolution import BodyReader, body_reader
from consumer.stream.schemas import Schemas, WriterSchema, parse_writer

RecordT = TypeVar("RecordT", bound=Struct)

_LONGEST_DETAIL = 200


class Decoder(Generic[RecordT]):
    """Decodes the values of one topic. Compiles a reader for each writer's schema once; one thread uses it.

    Args:
        topic: the contract, by the topic's default name.
        record: the Struct that a value becomes.
        schemas: the contract itself, and what values may have been written with.
    """

    def __init__(self, topic: str, record: type[RecordT], schemas: Schemas) -> None:
        self._contract = schemas.contract(topic)
        self._record = record
        self._schemas = schemas
        self._readers: dict[SchemaRef, Callable[[bytes, int], RecordT]] = {}
        self._own_ref: SchemaRef = self._contract.written.fingerprint
        self._own_prefix = single_object_prefix(self._contract.written.fingerprint)
        self._read_own = self._own_reader()

    def __call__(self, value: bytes | None, headers: Headers = ()) -> RecordT:
        """Decode one value.

        Raises:
            Undecodable: ``null_value``, ``bad_framing``, ``unknown_schema``, ``undecodable``, ``missing_field`` or
                ``bad_event_time``. The caller adds topic, partition and offset.
            SchemaUnavailable: the registry does not answer; decode the same value again later.
        """
        if value is None:
            raise Undecodable(
                "null_value", "", "the record has no value; the topic takes no tombstones: see its producer"
            )
        if value.startswith(self._own_prefix) and not headers:
            ref, start, reader = self._own_ref, len(self._own_prefix), self._read_own
        else:
            ref, start = unframe(value, headers)
            reader = self._readers.get(ref) or self._compile(ref)
        try:
            record = reader(value, start)
        except Exception as error:
            raise self._misfit(ref, error) from error
        self._check(record)
        return record

    def _own_reader(self) -> Callable[[bytes, int], RecordT]:
        """Return the reader of bodies written with a schema that reads like ours."""
        return self._building(body_reader(self._contract.form, None))

    def _build(self, body: dict[str, Any]) -> RecordT:
        """Make the Struct of what was read."""
        return msgspec.convert(body, self._record)

    def _check(self, record: RecordT) -> None:
        """Refuse what the schema allows and the topic does not."""

    def _compile(self, ref: SchemaRef) -> Callable[[bytes, int], RecordT]:
        writer = self._writer(ref)
        if writer.form == self._contract.written.form:
            reader = self._read_own
        else:
            reader = self._building(body_reader(writer.form, self._contract.form))
        self._readers[ref] = reader
        return reader

    def _building(self, read: BodyReader) -> Callable[[bytes, int], RecordT]:
        return lambda value, start: self._build(read(value, start))

    def _writer(self, ref: SchemaRef) -> WriterSchema:
        if isinstance(ref, bytes):
            writer = self._schemas.writer(ref)
            if writer is None:
                raise _unknown(ref, "place the producer's .avsc file in the folder of schemas.directory and restart")
            return writer
        if self._schemas.registry is None:
            raise _unknown(ref, "no schema registry is configured (schemas.registry.url)")
        try:
            return parse_writer(self._schemas.registry.schema_by_id(ref))
        except LookupError as error:
            raise _unknown(ref, "the registry does not have it; check that producer and consumer use one") from error
        except ValueError as error:
            raise _unknown(ref, "the registry's text is not an Avro schema of one record; see the producer") from error

    def _misfit(self, ref: SchemaRef, error: Exception) -> Undecodable:
        detail = f"{type(error).__name__}: {error}"[:_LONGEST_DETAIL]
        return Undecodable(
            "undecodable",
            "",
            f"the body does not follow the schema with {describe(ref)}, or that does not resolve to "
            f"{self._contract.written.name} ({detail}): see the producer's serializer and schema",
        )


def _unknown(ref: SchemaRef, remedy: str) -> Undecodable:
    return Undecodable("unknown_schema", "", f"the schema with {describe(ref)} is not known: {remedy}")
