"""How far a simulation has come."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of the reading; records count by their offsets."""

    def expect(self, records: int) -> None:
        """So many more are to be read at most."""

    def reading(self, what: str) -> None:
        """This is being read now."""

    def advance(self, records: int) -> None:
        """So many more were read, or need not be."""


class Unseen:
    """A `Progress` that nobody looks at."""

    def expect(self, records: int) -> None:
        """Do nothing."""

    def reading(self, what: str) -> None:
        """Do nothing."""

    def advance(self, records: int) -> None:
        """Do nothing."""
