"""What happens between being given a partition and working on it, the same for both stages.

Given → restored in the background (other partitions go on) → activated by the stage → worked on → released.
Partitions of the same number of all input topics belong together: they are taken and released as one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, cast

import structlog

from consumer.errors import TopicError
from consumer.stage_metrics import StageMetrics
from consumer.state.restore import Restored, Restorer
from consumer.stream.log import Committed, TopicPartition

_log = cast("structlog.typing.FilteringBoundLogger", structlog.get_logger(__name__))

_ACTIVATE_S = 1.0
"""How long one call of `Assignment.advance` goes on activating."""


class PartitionOwner(Protocol):
    """A stage, as the assignment sees it. All calls come on the polling thread."""

    def activate(self, partition: int, committed: Mapping[TopicPartition, Committed]) -> None:
        """State is restored up to its changelog's end: start reading. ``committed`` lacks what was never committed."""

    def release(self, partitions: Sequence[int], *, lost: bool) -> None:
        """These active partitions go. Unless ``lost``, what is done may still be committed before returning."""


class Assignment:
    """Implements `consumer.stream.log.RebalanceListener` for a stage."""

    def __init__(
        self,
        topics: Sequence[str],
        restorer: Restorer,
        owner: PartitionOwner,
        metrics: StageMetrics,
        monotonic_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._metrics = metrics
        self._topics = frozenset(topics)
        self._restorer = restorer
        self._owner = owner
        self._monotonic_s = monotonic_s
        self._restored: deque[Restored] = deque()
        self._restoring: set[int] = set()
        self._active: set[int] = set()
        self.joined = False
        """True from when the group gave out partitions until it may have expelled us."""

    @property
    def restoring(self) -> frozenset[int]:
        """Partitions that are assigned and not yet active."""
        return frozenset(self._restoring)

    @property
    def active(self) -> frozenset[int]:
        """Partitions that the stage works on."""
        return frozenset(self._active)

    def advance(self) -> None:
        """Activate what has been restored. Call between polls.

        Activating asks the broker; where it answers slowly, the rest is for the next call, so that polls go on.

        Raises:
            ConsumerError: restoring failed for good.
        """
        self._restored += self._restorer.finished()
        until_s = self._monotonic_s() + _ACTIVATE_S
        while self._restored:
            restored = self._restored.popleft()
            self._restoring.discard(restored.partition)
            self._active.add(restored.partition)
            self._metrics.restored(restored.seconds, restored.changes)
            _log.info(
                "restore.done",
                partition=restored.partition,
                changes=restored.changes,
                seconds=round(restored.seconds, 3),
            )
            self._owner.activate(restored.partition, restored.committed)
            if self._monotonic_s() >= until_s:
                return

    def restore_again(self, partition: int) -> None:
        """Take an active partition back: it could not be started just now, and will be activated anew."""
        self._active.discard(partition)
        self._restoring.add(partition)
        self._restorer.begin(partition)

    def on_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        """Check that the topics' partitions came together, and begin to restore them."""
        numbers = {number for _, number in partitions}
        for number in sorted(numbers):
            missing = self._topics - {topic for topic, n in partitions if n == number}
            if missing:
                raise TopicError(
                    f"partition {number} was assigned without its counterpart in {', '.join(sorted(missing))}: the "
                    "input topics must have equal partition counts and the group the range assignor; "
                    "run `awin-consumer topics check`"
                )
        for number in sorted(numbers):
            self._restoring.add(number)
            self._restorer.begin(number)
        self.joined = True
        if numbers:
            self._metrics.rebalanced("assigned")
            _log.info("group.assigned", partitions=sorted(numbers))

    def on_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        """Let the stage finish what it can, then forget them."""
        self._release(partitions, lost=False)

    def on_lost(self, partitions: Sequence[TopicPartition]) -> None:
        """Forget them at once: we are no member any more, until the group assigns anew."""
        self.joined = False
        self._release(partitions, lost=True)

    def _release(self, partitions: Sequence[TopicPartition], *, lost: bool) -> None:
        numbers = {number for _, number in partitions}
        if numbers:
            self._metrics.rebalanced("lost" if lost else "revoked")
            _log.info("group.revoked", partitions=sorted(numbers), lost=lost)
        for number in numbers & self._restoring:
            self._restorer.cancel(number)
        self._restored = deque(each for each in self._restored if each.partition not in numbers)
        self._restoring -= numbers
        gone = sorted(numbers & self._active)
        self._active -= numbers
        if gone:
            self._owner.release(gone, lost=lost)
