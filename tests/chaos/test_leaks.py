"""A chaos run notices what no process may say."""

from __future__ import annotations

import pytest

from tests.chaos.leaks import leaks

PLAIN = """\
{"event": "service.started", "roles": ["deliver"], "ops_port": 35641}
{"event": "kafka", "reason": "127.0.0.1:27311/1: Connect to ipv4#127.0.0.1:27311 failed"}
{"event": "stage.failed", "reason": "chaos-conversion[1]@17: order 'S1-0000012'"}
"""


def test_what_a_process_says_of_itself_is_none() -> None:
    """Addresses of brokers, positions and order references are no secrets."""
    assert list(leaks("a", PLAIN, ["secret"])) == []


@pytest.mark.parametrize(
    ("said", "what"),
    [
        ("cks 1001_1700000000_a430d81e22c9e868", "a click checksum"),
        ("gclid_1700000000_Cj0K", "a click checksum"),
        ("?awc=x", "a click checksum"),
        ("key visitor-0123456789ab", "a visitor's id"),
        ("GET http://127.0.0.1:9/", "an address"),
        ("/sread.php", "an address"),
        ("landed on www.shop.example", "an address"),
    ],
)
def test_what_is_personal_is_found(said: str, what: str) -> None:
    """Its kind, where and how often; the text itself is not repeated."""
    assert list(leaks("a", f"{PLAIN}{said}\n{said}", [])) == [f"a tells {what} in line 4, and in 1 others"]


def test_a_key_is_found() -> None:
    """Wherever it stands."""
    assert list(leaks("a", f"{PLAIN}x-api-key: secret", ["other", "secret"])) == ["a tells an API key 1 times"]
