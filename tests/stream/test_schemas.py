"""Which schemas are known, and by which fingerprint."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fastavro.schema import fingerprint

from consumer.errors import SettingsError
from consumer.stream.schemas import CONTRACTS, Schemas, parse_writer, shipped_directory
from tests.stream.avro_producers import field_of, shipped


def test_fingerprints_are_the_published_ones() -> None:
    """The fingerprint of ``"int"`` is the number that the Avro project's own tests have, little-endian."""
    assert bytes.fromhex(fingerprint('"int"', "CRC-64-AVRO")) == 0x7275D51A3F395C8F.to_bytes(8, "little")


@pytest.mark.parametrize("topic", CONTRACTS)
def test_a_contract_is_found_by_its_fingerprint(topic: str) -> None:
    """What encoders put before a body names the schema file."""
    schemas = Schemas.load()
    written = schemas.contract(topic).written
    assert schemas.writer(written.fingerprint) == written
    assert written.name.startswith("awin_s2s_consumer.")


def test_every_shipped_file_is_a_contract() -> None:
    """No schema file lies about that nobody reads."""
    assert {path.stem for path in shipped_directory().glob("*.avsc")} == set(CONTRACTS)


def test_docs_and_order_of_attributes_do_not_change_a_fingerprint() -> None:
    """A contract without its docs is the same contract."""
    bare = shipped("session.landed")
    for each in bare["fields"]:
        del each["doc"]
    assert parse_writer(json.dumps(bare)) == Schemas.load().contract("session.landed").written


def test_a_folder_adds_schemas(tmp_path: Path) -> None:
    """Files of any name are known beside the contracts; other files are left alone."""
    newer = shipped("session.landed")
    newer["fields"].append({"name": "device", "type": "string"})
    _write(tmp_path / "session.landed.v2.avsc", newer)
    _write(tmp_path / "order.completed.avsc", shipped("order.completed"))
    (tmp_path / "README").write_text("not a schema")
    schemas = Schemas.load(tmp_path)
    added = parse_writer(json.dumps(newer))
    assert schemas.writer(added.fingerprint) == added
    assert Schemas.load().writer(added.fingerprint) is None
    assert schemas.contract("session.landed") == Schemas.load().contract("session.landed")


@pytest.mark.parametrize("text", ["", "{", '"int"', "[]", '{"type": "record"}', '{"type": "nonsense"}'])
def test_a_file_that_is_no_schema_is_named(tmp_path: Path, text: str) -> None:
    """Loading stops with the file's name."""
    (tmp_path / "broken.avsc").write_text(text)
    with pytest.raises(SettingsError, match=r"broken\.avsc"):
        Schemas.load(tmp_path)


def test_a_folder_that_is_missing_is_named(tmp_path: Path) -> None:
    """Loading stops with the setting and the folder."""
    with pytest.raises(SettingsError, match=r"schemas\.directory: .*nowhere"):
        Schemas.load(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("topic", "field", "type_"),
    [
        ("order.completed", "subtotal", {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 2}),
        ("order.completed", "subtotal", "bytes"),
        ("session.landed", "landed_at", {"type": "long", "logicalType": "timestamp-micros"}),
    ],
)
def test_schemas_that_fingerprints_cannot_tell_apart_are_refused(
    tmp_path: Path, topic: str, field: str, type_: object
) -> None:
    """A scale or a time unit is not part of a fingerprint: such a schema would be misread, so loading stops."""
    twin = shipped(topic)
    field_of(twin, field)["type"] = type_
    _write(tmp_path / "twin.avsc", twin)
    with pytest.raises(SettingsError, match=r"twin\.avsc.*same fingerprint"):
        Schemas.load(tmp_path)


def _write(path: Path, schema: dict[str, Any]) -> None:
    path.write_text(json.dumps(schema), "utf-8")
