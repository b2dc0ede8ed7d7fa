"""A folder in memory, as `consumer.export.ports.Folder`, that loses what a crash or a power cut can lose."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from consumer.errors import OutputError

_Change = tuple[str | None, str | None, bytes]
"""The name that goes, the name that comes, and its content."""


class MemoryFolder:
    """Contents are durable once written, names once synchronised."""

    def __init__(self) -> None:
        self._durable: dict[str, bytes] = {}
        self._files: dict[str, bytes] = {}
        self._pending: list[_Change] = []

    def names(self) -> set[str]:
        return set(self._files)

    def read(self, name: str) -> bytes:
        self._require(name, "read")
        return self._files[name]

    def write(self, name: str, content: bytes) -> None:
        self._change((None, name, content))

    def write_in_part(self, name: str, content: bytes, random: Random) -> None:
        """Do what a crash in the middle of `write` does."""
        self.write(name, content[: random.randint(0, len(content))])

    def rename(self, old: str, new: str) -> None:
        self._require(old, "renamed")
        self._change((old, new, self._files[old]))

    def remove(self, name: str) -> None:
        self._require(name, "removed")
        self._change((name, None, b""))

    def sync(self) -> None:
        self._durable = dict(self._files)
        self._pending.clear()

    def cut_power(self, random: Random) -> None:
        """Lose any of the changes to names that are not durable yet."""
        for change in self._pending:
            if random.random() < 0.5:
                _apply(change, self._durable)
        self._files = dict(self._durable)
        self._pending.clear()

    def take_away(self) -> dict[str, bytes]:
        """Do what an upload does: move the finished files elsewhere."""
        taken = {name: content for name, content in self._files.items() if not name.startswith(".")}
        for name in taken:
            self.remove(name)
        self.sync()
        return taken

    def _change(self, change: _Change) -> None:
        self._pending.append(change)
        _apply(change, self._files)

    def _require(self, name: str, done: str) -> None:
        if name not in self._files:
            raise OutputError(f"{name} cannot be {done}: No such file or directory")


class Killed(BaseException):
    """The process is dead: nothing catches this."""


class Dying:
    """Counts the steps of a run, and ends or interrupts it at one of them.

    Args:
        at: the step, from 0; beyond the last one nothing happens.
        act: what happens there; by default the process dies.
    """

    def __init__(self, at: int, act: Callable[[], None] | None = None) -> None:
        self._left = at
        self._act = act

    def step(self) -> None:
        """Be somewhere else than a moment ago."""
        self._left -= 1
        if self._left == -1:
            if self._act is None:
                raise Killed
            self._act()


class DyingFolder:
    """A folder in which every change is a step before and after, and the middle of writing one, too."""

    def __init__(self, folder: MemoryFolder, dying: Dying, random: Random) -> None:
        self._folder = folder
        self._dying = dying
        self._random = random

    def names(self) -> set[str]:
        return self._folder.names()

    def read(self, name: str) -> bytes:
        return self._folder.read(name)

    def write(self, name: str, content: bytes) -> None:
        self._dying.step()
        try:
            self._dying.step()
        except Killed:
            self._folder.write_in_part(name, content, self._random)
            raise
        self._folder.write(name, content)
        self._dying.step()

    def rename(self, old: str, new: str) -> None:
        self._dying.step()
        self._folder.rename(old, new)
        self._dying.step()

    def remove(self, name: str) -> None:
        self._dying.step()
        self._folder.remove(name)
        self._dying.step()

    def sync(self) -> None:
        self._dying.step()
        self._folder.sync()
        self._dying.step()


def _apply(change: _Change, files: dict[str, bytes]) -> None:
    gone, come, content = change
    if gone is not None:
        files.pop(gone, None)
    if come is not None:
        files[come] = content
