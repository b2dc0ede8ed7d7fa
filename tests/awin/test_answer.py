"""What an answer says about its attempt, and what of it may be kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumer.awin.answer import EXCERPT_CHARACTERS, MAX_RETRY_AFTER_S, excerpt, outcome_of_status, retry_after_s
from consumer.events import Outcome

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
AWC = "1001_1403695822_a430d81e22c9e8687f423efcf024fbaa"


@pytest.mark.parametrize(
    ("statuses", "outcome"),
    [
        ((200, 201, 202, 204, 206, 299), "delivered"),
        ((429, 503), "throttled"),
        ((400, 401, 403, 404, 405, 410, 414, 422, 431, 499), "rejected"),
        ((408, 425), "unknown"),
        ((300, 301, 302, 303, 304, 307, 308), "rejected"),
        ((500, 501, 502, 504, 520, 599), "unknown"),
        ((100, 101, 103, 199, 0, -1, 600, 999), "unknown"),
    ],
)
def test_the_status_decides_the_outcome(statuses: tuple[int, ...], outcome: Outcome) -> None:
    """Received, told to wait, refused for good, or possibly received."""
    assert {outcome_of_status(status) for status in statuses} == {outcome}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("120", 120.0),
        ("  7 ", 7.0),
        ("86400", MAX_RETRY_AFTER_S),
        ("9" * 5000, MAX_RETRY_AFTER_S),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sunday, 01-Mar-26 12:00:30 GMT", 30.0),
        ("Sun Mar  1 12:00:30 2026", 30.0),
        ("Sun, 01 Mar 2026 12:00:30 -0000", 30.0),
        ("Sun, 01 Mar 2026 13:00:30 +0100", 30.0),
        ("Sun, 01 Mar 2026 11:59:00 GMT", 0.0),
        ("Wed, 01 Mar 2028 12:00:00 GMT", MAX_RETRY_AFTER_S),
    ],
)
def test_both_forms_of_retry_after_are_read(value: str, seconds: float) -> None:
    """Seconds and dates, even in the obsolete spellings; never below zero nor above the bound."""
    assert retry_after_s(value, NOW) == seconds


@pytest.mark.parametrize(
    "value", [None, "", " ", "soon", "-5", "+5", "1.5", "1e3", "٣", "²", "12 s", "2026-03-01", "\0"]
)
def test_a_retry_after_that_is_neither_is_ignored(value: str | None) -> None:
    """Garbage is as good as no header."""
    assert retry_after_s(value, NOW) is None


DATE_WORDS = ["Sun,", "06", "Nov", "1994", "08:49:37", "GMT", "9999", "-0000", ":", "99999999999"]


@given(st.text() | st.lists(st.sampled_from(DATE_WORDS)).map(" ".join))
def test_no_retry_after_is_an_error(value: str) -> None:
    """Whatever a server writes, the answer is a bounded number or nothing."""
    seconds = retry_after_s(value, NOW)
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S


@given(st.integers(0, int(MAX_RETRY_AFTER_S)), st.integers(-12, 14))
def test_a_date_means_the_same_in_every_time_zone(seconds: int, hours: int) -> None:
    """The wait is the distance between two moments, however either is written."""
    zone = timezone(timedelta(hours=hours))
    assert retry_after_s(format_datetime((NOW + timedelta(seconds=seconds)).astimezone(zone)), NOW) == seconds


def test_an_excerpt_is_one_short_clean_line() -> None:
    """Line breaks, control and invisible characters become single spaces; the rest is cut."""
    assert excerpt(b"<h1>Bad\r\n\tRequest</h1>\x00\x1b[31m\xe2\x80\xae") == "<h1>Bad Request</h1> [31m"
    assert len(excerpt(b"word " * 1000)) == EXCERPT_CHARACTERS
    assert excerpt(b"\xff\xfeno text") == "\ufffd\ufffdno text"
    assert excerpt(b"") == ""


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        (f"unknown cks {AWC}.", "unknown cks [redacted]."),
        (f"cks={AWC},{AWC}", "cks=[redacted],[redacted]"),
        (f"cks%3D{AWC.upper()}", "cks%3D[redacted]"),
        ("bad gclid_77_Cj0KCQ-x_y!", "bad [redacted]!"),
        ("see https://www.awin1.com/sread.php?ref=A-1&vc=X for more", "see [redacted] for more"),
        ('<a href="HTTP://awin1.com/?a=b">here</a>', '<a href="[redacted]">here</a>'),
        ("The URL /sread.php?tt=ss&ref=A-1 was not found", "The URL [redacted] was not found"),
    ],
)
def test_checksums_and_urls_are_not_kept(body: str, shown: str) -> None:
    """A server that repeats our request does not bring it into receipts and logs."""
    assert excerpt(body.encode()) == shown


@given(st.integers(900, 1010), st.sampled_from([AWC, "gclid_77_Cj0KCQ-x_y"]), st.sampled_from([" ", "http://x"]))
def test_a_checksum_across_the_cut_leaves_no_piece(before: int, checksum: str, start: str) -> None:
    """Nor does one that the bounded look at a long body cuts in two."""
    shown = excerpt((start.ljust(before, start[-1]) + " " + checksum + " " + "y" * 200).encode())
    assert "14036" not in shown
    assert "Cj0" not in shown
