"""The schema files: our own contracts, and those that producers wrote with.

Our contracts come with the package, one file a topic. A folder of the user's adds what producers write with, before
they begin to: any number of ``.avsc`` files, such as ``session.landed.v2.avsc``; their names are free.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fastavro import parse_schema
from fastavro.schema import fingerprint, to_parsing_canonical_form
from fastavro.types import Schema

from consumer.errors import SettingsError
from consumer.stream.framing import describe
from consumer.stream.resolution import struct_form, writer_form

CONTRACTS = ("session.landed", "order.completed", "awin.conversion", "awin.receipt", "awin.dead-letter", "awin.control")
"""The files that come with the package, without ``.avsc``; the default names of the topics."""


@dataclass(frozen=True, slots=True)
class WriterSchema:
    """A schema that values may have been written with."""

    name: str
    """Full name of the record."""
    fingerprint: bytes
    """CRC-64-AVRO of the parsing canonical form, little-endian as it travels."""
    form: Schema
    """What decides the meaning of the bytes, compiled; see `writer_form`."""


@dataclass(frozen=True, slots=True)
class Contract:
    """One of our own schemas: how others write it, and, compiled, how it reads and writes the names of its Struct."""

    topic: str
    written: WriterSchema
    form: Schema


class SchemaRegistry(Protocol):
    """Where the schemas of Confluent-framed values are kept."""

    def schema_by_id(self, schema_id: int | str) -> str:
        """Return the text of the schema with an id or a GUID, complete in itself.

        Raises:
            LookupError: the registry says that there is none.
            ValueError: what it has is no Avro schema.
            SchemaUnavailable: it does not answer.
        """


class Schemas:
    """Every schema that came from a file, and the registry that knows others."""

    def __init__(
        self,
        contracts: Mapping[str, Contract],
        writers: Mapping[bytes, WriterSchema],
        registry: SchemaRegistry | None = None,
    ) -> None:
        self._contracts = contracts
        self._writers = writers
        self.registry = registry
        """The schemas of Confluent-framed values; without one they are ``unknown_schema``."""

    def asking(self, registry: SchemaRegistry | None) -> Schemas:
        """Return the same schemas with a registry for what is framed with its ids."""
        return Schemas(self._contracts, self._writers, registry)

    @classmethod
    def load(cls, directory: Path | None = None) -> Schemas:
        """Read the contracts that come with the package, and every ``.avsc`` file of ``directory``.

        Raises:
            SettingsError: the folder or one of its files cannot be used; the text names it.
        """
        shipped = shipped_directory()
        contracts = {topic: _contract(topic, shipped / f"{topic}.avsc") for topic in CONTRACTS}
        writers = {contract.written.fingerprint: contract.written for contract in contracts.values()}
        if directory is not None:
            if not directory.is_dir():
                raise SettingsError(f"schemas.directory: there is no folder {directory}")
            for path in sorted(directory.glob("*.avsc")):
                writer = _from_file(path)
                if writers.setdefault(writer.fingerprint, writer).form != writer.form:
                    raise SettingsError(
                        f"{path}: another schema with the same {describe(writer.fingerprint)} has other decimals or "
                        "time units, which fingerprints leave out: rename the record or add a field to tell them apart"
                    )
        return cls(contracts, writers)

    def contract(self, topic: str) -> Contract:
        """Return our own schema of a topic, by the topic's default name."""
        return self._contracts[topic]

    def writer(self, fingerprint: bytes) -> WriterSchema | None:
        """Return the schema with a fingerprint (8 bytes, little-endian), ``None`` when no file has it."""
        return self._writers.get(fingerprint)


def shipped_directory() -> Path:
    """Return the folder of our contracts: inside an installed package, else the source tree's ``schemas/``.

    Raises:
        SettingsError: the installation is incomplete.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "schemas", package.parent / "schemas"):
        if (folder / f"{CONTRACTS[0]}.avsc").is_file():
            return folder
    raise SettingsError(f"the schemas are missing from the installation in {package}: install the package again")


def parse_writer(text: str) -> WriterSchema:
    """Compile a schema that someone wrote with.

    Raises:
        ValueError: the text is not the Avro schema of one record, complete in itself.
    """
    try:
        return _writer(_parse(text))
    except Exception as error:
        raise ValueError(f"not the Avro schema of a record ({type(error).__name__}: {error})") from error


def _parse(text: str) -> dict[str, object]:
    parsed = parse_schema(json.loads(text))
    if not isinstance(parsed, dict) or parsed["type"] != "record":
        raise ValueError("it describes something else")
    return parsed


def _writer(parsed: dict[str, object]) -> WriterSchema:
    # fastavro prints the fingerprint's bytes as they travel, not the number.
    travelling = bytes.fromhex(fingerprint(to_parsing_canonical_form(parsed), "CRC-64-AVRO"))
    return WriterSchema(str(parsed["name"]), travelling, parse_schema(writer_form(parsed)))


def _from_file(path: Path) -> WriterSchema:
    try:
        return parse_writer(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path}: {error}") from error


def _contract(topic: str, path: Path) -> Contract:
    return Contract(topic, _from_file(path), parse_schema(struct_form(_parse(path.read_text("utf-8")))))
