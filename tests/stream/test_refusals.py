"""What a refused transaction means for the caller."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError

from consumer.errors import Rebalanced, TopicError, Unavailable
from consumer.stream.refusals import refusal


@pytest.mark.parametrize(
    ("code", "meaning", "advice"),
    [
        (KafkaError.UNKNOWN_TOPIC_OR_PART, TopicError, "topics check"),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, TopicError, "docs/security.md"),
        (KafkaError.GROUP_AUTHORIZATION_FAILED, TopicError, "docs/security.md"),
        (KafkaError.REQUEST_TIMED_OUT, Unavailable, ""),
        (KafkaError.ILLEGAL_GENERATION, Rebalanced, ""),
    ],
)
def test_it_says_what_to_do(code: int, meaning: type[Exception], advice: str) -> None:
    """A missing right is not mended by looking at topics."""
    found = refusal("the offsets were not taken", KafkaError(code))
    assert type(found) is meaning
    assert advice in str(found)
    assert ("topics check" in str(found)) == (advice == "topics check")
