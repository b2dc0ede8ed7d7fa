"""The hot path reads sessions as fastavro does, and is stricter about bad bytes."""

from __future__ import annotations

from contextlib import suppress

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from consumer.events import SessionLanded
from consumer.stream.resolution import body_reader
from consumer.stream.session_body import read_session
from tests.stream.avro_producers import SESSION_FIELDS, body, shipped
from tests.stream.avro_samples import SCHEMAS

SHIPPED = shipped("session.landed")
read_generally = body_reader(SCHEMAS.contract("session.landed").form, None)

texts = st.text(max_size=20) | st.integers(20, 9_000).map("aä€".__mul__)
bodies = st.fixed_dictionaries(
    {
        "session_id": texts,
        "visitor_id": texts,
        "landed_at": st.integers(-(2**63), 2**63 - 1),
        "landing_url": texts,
        "referrer": st.none() | texts,
        "consent": st.sampled_from((None, "unknown", "granted", "denied")),
        "market": st.none() | texts,
        "customer_id": st.none() | texts,
    }
).map(lambda fields: body(SHIPPED, fields))


@given(value=bodies, before=st.binary(max_size=12))
def test_it_reads_what_fastavro_reads(value: bytes, before: bytes) -> None:
    """Every session written by fastavro is read alike, wherever in the value it begins."""
    at = len(before)
    assert read_session(before + value, at) == _general(before + value, at)


@given(value=bodies, at=st.integers(0, 10_000), change=st.binary(max_size=3), cut=st.integers(0, 3))
@example(value=body(SHIPPED, SESSION_FIELDS), at=-1, change=b"", cut=1)
def test_what_it_takes_fastavro_takes_too(value: bytes, at: int, change: bytes, cut: int) -> None:
    """Damaged bytes that it accepts mean the same to fastavro, unless that trips over the texts that it skips."""
    at = at % len(value)
    damaged = value[:at] + change + value[at + cut :]
    with suppress(ValueError, LookupError):
        assert read_session(damaged, 0) == _general(damaged, 0)


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("nothing", b""),
        ("negative size", b"\x05s-1"),
        ("size without end", b"\xff" * 40),
        ("time without end", b"\x02s\x02v" + b"\xff" * 40),
        ("time of more than 64 bits", b"\x02s\x02v" + b"\xff" * 9 + b"\x02" + b"\x02u\x00\x00\x00\x00"),
        ("size beyond the end", b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01s"),
        ("no such branch of referrer", b"\x02s\x02v\x02\x02u\x04\x00\x00\x00"),
        ("negative branch of referrer", b"\x02s\x02v\x02\x02u\x01\x02r\x00\x00\x00"),
        ("no such consent", b"\x02s\x02v\x02\x02u\x00\x02\x06\x00\x00"),
        ("negative consent", b"\x02s\x02v\x02\x02u\x00\x02\x01\x00\x00"),
        ("no such branch of market", b"\x02s\x02v\x02\x02u\x00\x00\x03\x00"),
        ("market beyond the end", b"\x02s\x02v\x02\x02u\x00\x00\x02\x7em\x00"),
        ("left over", b"\x02s\x02v\x02\x02u\x00\x00\x00\x00\x00"),
        ("invalid UTF-8", b"\x04\xc3\x28\x02v\x02\x02u\x00\x00\x00\x00"),
    ],
)
def test_bad_bytes_are_refused(name: str, damaged: bytes) -> None:
    """Each way of being wrong is seen, those included that fastavro lets pass."""
    with pytest.raises((ValueError, LookupError)):
        read_session(damaged, 0)


def _general(value: bytes, at: int) -> SessionLanded:
    fields = read_generally(value, at)
    return msgspec.convert(fields, SessionLanded)
