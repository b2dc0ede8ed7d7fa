"""Which click checksums are well-formed, and what they tell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.attribution.awc import Checksum, parse
from consumer.attribution.touch import Kind

HASH = "a430d81e22c9e8687f423efcf024fbaa"


def test_normal_checksum_tells_advertiser_and_click_time() -> None:
    """The first number is the advertiser, the middle one the click's time in seconds."""
    value = f"1001_1403695822_{HASH}"
    assert parse(value) == Checksum(value, Kind.NORMAL, 1_403_695_822_000, "1001")


def test_gclid_checksum_tells_neither_advertiser_nor_time() -> None:
    """The number in the gclid form is not the advertiser's, and the form carries no time."""
    assert parse("gclid_1001_Cj0-K_Q") == Checksum("gclid_1001_Cj0-K_Q", Kind.GCLID, None, None)


@pytest.mark.parametrize("value", ["1_1_a", "0_0_0", "007_1403695822_Z", f"1001_1403695822_{HASH.upper()}"])
def test_well_formed(value: str) -> None:
    """Short numbers, leading zeros and hashes that are not 32 hex digits are accepted, letter case kept."""
    checksum = parse(value)
    assert checksum is not None
    assert checksum.value == value


@pytest.mark.parametrize(
    "value",
    [
        "",
        "1001",
        "1001_1403695822",
        "1001_1403695822_",
        "_1403695822_abc",
        "1001__abc",
        "1001_1403695822_ab_c",
        "1001_1403695822_ab-c",
        "1001_1403695822_abc\n",
        " 1001_1403695822_abc",
        "1001_-5_abc",
        "1001_1.5_abc",
        "१००१_1403695822_abc",
        "1001_1403695822_äbc",
        "gclid_1001_",
        "gclid__abc",
        "GCLID_1001_abc",
        "gclid_1001_a.b",
        "gclid_१_abc",
        "gclid_1001_abc\n",
    ],
)
def test_not_well_formed(value: str) -> None:
    """Anything else is no checksum: missing pieces, other characters, digits that are not ASCII."""
    assert parse(value) is None


@pytest.mark.parametrize("form", ["1_1_{}", "gclid_1_{}"])
def test_longest_checksum(form: str) -> None:
    """A checksum has at most 200 characters."""
    room = 200 - len(form.format(""))
    assert parse(form.format("a" * room)) is not None
    assert parse(form.format("a" * (room + 1))) is None


def test_absurd_click_time_is_malformed() -> None:
    """The click's time must fit 64-bit milliseconds."""
    most = (2**63 - 1) // 1000
    assert parse(f"1_{most}_a") == Checksum(f"1_{most}_a", Kind.NORMAL, most * 1000, "1")
    assert parse(f"1_{most + 1}_a") is None
    assert parse(f"1_{'9' * 190}_a") is None


@given(st.text() | st.from_regex(r"(gclid|\d+)_\d+_\w+", fullmatch=True))
def test_any_text_is_a_checksum_of_itself_or_none(value: str) -> None:
    """Parsing raises for no text and never changes the value."""
    checksum = parse(value)
    assert checksum is None or (checksum.value == value and value.isascii())
