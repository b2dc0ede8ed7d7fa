"""What an export needs of the world besides a `consumer.inspect.topic_reader.TopicReader` and a `LoneWriter`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol


class Folder(Protocol):
    """The folder that files go to: ours alone while it is open. Names are without a path.

    Adapters: `consumer.export.folder`, and one in memory in the tests that loses what a crash can lose.
    """

    def names(self) -> Collection[str]:
        """Return the names of all files.

        Raises:
            OutputError: (here and below) the system refuses.
        """

    def read(self, name: str) -> bytes:
        """Return a file's content."""

    def write(self, name: str, content: bytes) -> None:
        """Make a file, or make it anew. Its content is durable afterwards; its name is after `sync`."""

    def rename(self, old: str, new: str) -> None:
        """Give a file another name at once; a file that has it already is replaced."""

    def remove(self, name: str) -> None:
        """Remove a file."""

    def sync(self) -> None:
        """Make all that happened to names durable."""
