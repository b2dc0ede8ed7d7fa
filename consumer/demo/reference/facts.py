"""Facts: what happened when, of which the logs do not tell (sections 7 and 10 of ``docs/attribution.md``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

Place: TypeAlias = tuple[int, int]
"""Partition and offset of an order record."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A pass over a partition's touches that erased refused checksums, and how things stood when it was made."""

    partition: int
    commit: int
    """The number of the transaction that carried it; later transactions have greater numbers."""
    sessions: range
    """The offsets of the session records that had been read."""
    next_order: int
    """The offset of the first order record that had not been read."""
    orders_end: int
    """The offset after the last order record that was there to be read."""
    erased: frozenset[int] = frozenset()
    """The offsets of the landings whose checksum was erased."""
    is_whole: bool = False
    """Whether nothing that had to be erased was left."""


@dataclass(frozen=True, slots=True)
class Facts:
    """How the logs were worked on. An order of which nothing is said was decided before anything was erased."""

    cuts: Mapping[Place, int] = field(default_factory=dict)
    """Of each order decided by force, the session offset reached."""
    read_at: Mapping[Place, int] = field(default_factory=dict)
    """Of each order, the offset of the first session record that had not been read when the order was."""
    decided_in: Mapping[Place, int] = field(default_factory=dict)
    """Of each order that was decided, the number of the transaction that said so."""
    sweeps: Sequence[Sweep] = ()
