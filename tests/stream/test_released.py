"""What earlier releases wrote can be read: all of them, not only the last (backward transitive).

``released/VERSION`` holds the schemas of a release as they were. 0.1.0 is not out yet; until it is, its folder follows
the schemas, and a change of it is seen in review.
"""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path

import pytest
from fastavro import parse_schema, schemaless_writer
from fastavro.types import Schema
from fastavro.utils import generate_many

from consumer.stream.resolution import body_reader
from consumer.stream.schemas import CONTRACTS, parse_writer
from tests.stream.avro_samples import SCHEMAS

RELEASES = Path(__file__).with_name("released")
FILES = sorted(RELEASES.glob("*/*.avsc"))


def bodies(written: Schema, count: int = 100) -> list[bytes]:
    """Write random records by a schema."""
    found = []
    for record in generate_many(written, count):
        body = BytesIO()
        schemaless_writer(body, written, record)
        found.append(body.getvalue())
    return found


def test_every_release_has_every_topic() -> None:
    """Nothing is left out."""
    assert {(file.parent.name, file.stem) for file in FILES} >= {("0.1.0", topic) for topic in CONTRACTS}


@pytest.mark.parametrize("file", FILES, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_what_a_release_wrote_is_read(file: Path) -> None:
    """By our schema of today, whatever a record holds."""
    written = parse_writer(file.read_text("utf-8")).form
    read = body_reader(written, SCHEMAS.contract(file.stem).form)
    for body in bodies(written):
        assert read(body, 0)


def test_a_field_without_a_default_would_be_noticed() -> None:
    """The check can fail."""
    schema = json.loads((RELEASES / "0.1.0/session.landed.avsc").read_text("utf-8"))
    written = parse_writer(json.dumps(schema)).form
    changed = parse_schema({**schema, "fields": [*schema["fields"], {"name": "new", "type": "string"}]})
    with pytest.raises(Exception, match="new"):
        body_reader(written, changed)(bodies(written, 1)[0], 0)
