"""Secrets of the Kafka client in files, as Kubernetes mounts them, and what is done when they change."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

from consumer.errors import SettingsError
from consumer.settings import Settings

_MOST_BYTES = 100_000
_LOCATIONS = (".location",)
"""Properties of librdkafka that name a file which it reads once, when a client is made."""


def read(files: Mapping[str, Path]) -> dict[str, str]:
    """Return librdkafka properties by name, each the content of its file without the line's end.

    Raises:
        SettingsError: a file cannot be read or is empty; the text never says what is in one.
    """
    found = {}
    for name, file in files.items():
        try:
            found[name] = file.read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "is not UTF-8 text"
            raise SettingsError(f"kafka.property_files: {name}, {file}: {why}") from None
        if not found[name]:
            raise SettingsError(f"kafka.property_files: {name}, {file}: the file is empty")
    return found


class Rotation:
    """Finds out whether a secret of the Kafka client has changed since the start.

    librdkafka reads none of them again, so whoever asks leaves in order and is started anew.

    Args:
        settings: whose.
        monotonic_s: the clock.
        interval_s: from one look to the next.
    """

    def __init__(self, settings: Settings, monotonic_s: Callable[[], float], interval_s: float = 10.0) -> None:
        kafka = settings.kafka
        located = {name: Path(str(value)) for name, value in kafka.properties.items() if name.endswith(_LOCATIONS)}
        self._files = {**located, **kafka.property_files}
        self._monotonic_s = monotonic_s
        self._interval_s = interval_s
        self._due_s = monotonic_s() + interval_s
        self._known = {name: _digest(file) for name, file in self._files.items()}

    def changed(self) -> list[str]:
        """Return the properties whose files have another content, if it is time to look; one not readable has not."""
        now_s = self._monotonic_s()
        if now_s < self._due_s:
            return []
        self._due_s = now_s + self._interval_s
        found = {name: _digest(file) for name, file in self._files.items()}
        return sorted(name for name, digest in found.items() if digest and digest != self._known[name])


def _digest(file: Path) -> bytes:
    """Return what stands for a file's content; empty when it cannot be read, as in the middle of a rotation."""
    try:
        with file.open("rb") as opened:
            return hashlib.sha256(opened.read(_MOST_BYTES)).digest()
    except OSError:
        return b""
