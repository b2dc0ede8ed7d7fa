"""What is in hand of the partitions of one number: two lanes that share their keys. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from consumer.delivery.lane import Lane
from consumer.delivery.outstanding import Outstanding
from consumer.delivery.pacing.delay import Delay
from consumer.delivery.put_off import PutOff


class OutboxPartition:
    """The partitions of one number of the outbox and of the deferred conversions. Belongs to the polling thread.

    Args:
        number: theirs.
        fresh: the outbox.
        deferred: what was put off.
        delay: how long that rests.
        put_off: when what was put off entered Kafka.
    """

    def __init__(self, number: int, fresh: Lane, deferred: Lane, delay: Delay, put_off: PutOff) -> None:
        self.number = number
        self.fresh = fresh
        self.deferred = deferred
        self.delay = delay
        self.put_off = put_off
        self.held: list[Outstanding] = []
        """To be sent when so much of what was read before them is committed that a successor would suspect them."""
        self._behind: dict[bytes, deque[Outstanding]] = {}

    @property
    def lanes(self) -> Sequence[Lane]:
        """Both, fresh conversions first."""
        return (self.fresh, self.deferred)

    @property
    def slots(self) -> int:
        """How many conversions may reach Awin, or may have, without that being committed."""
        return self.fresh.slots + self.deferred.slots

    @property
    def unfinished(self) -> int:
        """How many records are taken in and not committed."""
        return self.fresh.unfinished + self.deferred.unfinished

    @property
    def in_doubt(self) -> bool:
        """True when an attempt at an unfinished conversion may have reached Awin."""
        return self.fresh.in_doubt or self.deferred.in_doubt

    @property
    def doubtful(self) -> int:
        """How many conversions may have reached Awin without that being committed, attempts under way aside."""
        return self.fresh.doubtful + self.deferred.doubtful

    @property
    def pending(self) -> int:
        """How many endings the next transaction will carry."""
        return len(self.fresh.pending) + len(self.deferred.pending)

    def lane_of(self, item: Outstanding) -> Lane:
        """Return the lane by which a conversion came."""
        return self.deferred if item.deferrals else self.fresh

    def enter(self, item: Outstanding) -> bool:
        """Take in a conversion; False when another of its key is in hand and it has to wait for that one's commit."""
        self.lane_of(item).enter(item)
        if item.key in self._behind:
            self._behind[item.key].append(item)
            return False
        self._behind[item.key] = deque()
        return True

    def committed(self) -> list[Outstanding]:
        """Let go of what was pending; return the conversions whose turn it is now, each in hand already."""
        keys = [finished.key for lane in self.lanes for finished in lane.committed() if finished.key is not None]
        following = (self._leave(key) for key in keys)
        return [item for item in following if item is not None]

    def _leave(self, key: bytes) -> Outstanding | None:
        if behind := self._behind[key]:
            return behind.popleft()
        del self._behind[key]
        return None
