"""Answers about offsets that say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any, cast

import confluent_kafka
import pytest
from confluent_kafka.admin import AdminClient

from consumer.errors import Unavailable
from consumer.stream import offsets
from consumer.stream.log import TopicPartition

ZERO, ONE = TopicPartition("t", 0), TopicPartition("t", 1)
INVALID = -1001
"""What librdkafka was seen to answer, without an error, while a leader was being replaced."""


class _Found:
    def __init__(self, offset: int) -> None:
        self.offset = offset


class Answering:
    """An admin client that answers each question with the next of these offsets by partition."""

    def __init__(self, *answers: Mapping[int, int]) -> None:
        self._answers = list(answers)

    def list_offsets(self, asked: Mapping[confluent_kafka.TopicPartition, Any], **_: Any) -> dict[Any, Future[Any]]:
        """Answer at once."""
        answer = self._answers.pop(0)
        futures: dict[Any, Future[Any]] = {}
        for each in asked:
            futures[each] = Future()
            futures[each].set_result(_Found(answer[each.partition]))
        return futures


def answering(*answers: Mapping[int, int]) -> AdminClient:
    """Return one, as what it stands for."""
    return cast("AdminClient", Answering(*answers))


def test_an_end_without_an_offset_is_no_end() -> None:
    """The partition is left out, as one without a leader is: taken for an end it would be reached at once."""
    assert offsets.ask_ends(answering({0: 7, 1: INVALID}), [ZERO, ONE], 1.0)() == {ZERO: 7}


def test_no_end_at_all_is_unavailable() -> None:
    """There is nothing to tell, so the question is asked again later."""
    with pytest.raises(Unavailable, match="no leader"):
        offsets.ask_ends(answering({0: INVALID}), [ZERO], 1.0)()


def test_a_time_after_the_last_record_is_the_end() -> None:
    """An answer of -1 says that there is no record so young."""
    assert offsets.offsets_at(answering({0: 9, 1: 5}, {0: -1, 1: 3}), {ZERO: 50, ONE: 50}, 1.0) == {ZERO: 9, ONE: 3}


@pytest.mark.parametrize("answers", [({0: INVALID}, {0: 3}), ({0: 9}, {0: INVALID})])
def test_a_time_without_an_answer_is_unavailable(answers: tuple[Mapping[int, int], ...]) -> None:
    """Neither the end nor the offset may be made up."""
    with pytest.raises(Unavailable, match="no leader"):
        offsets.offsets_at(answering(*answers), {ZERO: 50}, 1.0)


def test_a_bound_without_an_offset_is_unavailable() -> None:
    """Restoring would take the changelog for empty, and the partition for one whose changelog was deleted."""
    future: Future[Any] = Future()
    future.set_result(_Found(INVALID))
    with pytest.raises(Unavailable, match="no leader"):
        offsets.bound(future)
