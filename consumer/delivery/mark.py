"""What an owner leaves for the next one in the metadata of a partition's committed offset."""

from __future__ import annotations

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from consumer.errors import StateError

VERSION = 1


class Mark(Struct, frozen=True, kw_only=True):
    """The metadata of one commit, as JSON; far below Kafka's limit of 4 KB."""

    version: int = VERSION
    suspects: int
    """How many of the first unfinished conversions may have reached Awin if this commit is the owner's last.

    A graceful release writes 0, the clean mark; a working owner at least its ``max_outstanding``.
    """
    counts: dict[str, int]
    """Endings committed in this partition so far."""
    receipts_id: str = ""
    """Id of the receipt topic, which remembers what was dealt with."""
    partitions: int = 0
    """How many the outbox has."""


def added(fresh: Mark, deferred: Mark) -> Mark:
    """Return the marks of both partitions of one number as one: what was put off has its ending in the other one."""
    names = dict.fromkeys((*fresh.counts, *deferred.counts))
    counts = {name: fresh.counts.get(name, 0) + deferred.counts.get(name, 0) for name in names if name != "deferred"}
    return replace(fresh, suspects=fresh.suspects + deferred.suspects, counts=counts)


class _Versioned(Struct, frozen=True):
    version: int


def dump(mark: Mark) -> str:
    """Return the metadata text of a mark."""
    return msgspec.json.encode(mark).decode()


def load(metadata: str, where: str) -> Mark | None:
    """Return the mark in a commit's metadata; ``None`` for empty metadata, as an operator's offset reset leaves.

    Raises:
        StateError: a newer version, or no version of this software, wrote it.
    """
    if not metadata:
        return None
    try:
        version = msgspec.json.decode(metadata, type=_Versioned).version
        if version == VERSION:
            return msgspec.json.decode(metadata, type=Mark)
    except msgspec.MsgspecError:
        raise StateError(f"{where}: the committed offset's metadata is not ours: is the group's name shared?") from None
    raise StateError(f"{where}: the committed offset's metadata has version {version}, this software reads {VERSION}")
