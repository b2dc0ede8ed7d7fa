"""The hosts of the default channel table are those that docs/attribution.md lists."""

from __future__ import annotations

import re

from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.demo.reference import known_hosts
from tests.docs.test_examples import rows

HEADLINE = "| rule | the referrer's host fits one of |"


def listed() -> dict[str, list[str]]:
    """Return the patterns of the document by rule."""
    return {row.cells[0]: row.cells[1].split() for row in rows(HEADLINE)}


def test_the_product_knows_them() -> None:
    """Every rule that looks at the referrer's host alone, but the last, which takes any."""
    rules = {rule.name: rule.referrer for rule in DEFAULT_RULES if rule.referrer and rule.referrer != {"*"}}
    assert {name: frozenset(patterns) for name, patterns in listed().items()} == rules


def test_the_reference_knows_them() -> None:
    """Written out once more."""
    written = (known_hosts.PAYMENT, known_hosts.SIGN_IN, known_hosts.WEBMAIL, known_hosts.SEARCH, known_hosts.SOCIAL)
    assert [sorted(patterns) for patterns in listed().values()] == [sorted(patterns) for patterns in written]


def test_none_is_listed_twice() -> None:
    """Neither in one rule nor in two, and all are written as the settings want them."""
    patterns = [pattern for each in listed().values() for pattern in each]
    assert len(set(patterns)) == len(patterns)
    assert all(re.fullmatch(r"\.?[a-z0-9-]+(\.[a-z0-9-]+)*(\.\*)?", pattern) for pattern in patterns)
