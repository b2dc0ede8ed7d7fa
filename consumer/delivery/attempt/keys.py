"""The programmes' API keys, from files that are read again when they change, as mounted secrets do."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import structlog

from consumer.errors import SettingsError

_log = structlog.get_logger(__name__)

_CHARACTERS = frozenset(map(chr, range(0x21, 0x7F)))


class ApiKeys:
    """Keys by programme. They are never logged.

    Args:
        files: where each programme's key is: one line.

    Raises:
        SettingsError: a file cannot be read or holds no key.
    """

    def __init__(self, files: Mapping[str, Path]) -> None:
        self._files = dict(files)
        self._stamps: dict[str, tuple[int, int, int]] = {}
        self._keys: dict[str, str] = {}
        for programme, file in self._files.items():
            try:
                self._stamps[programme] = _stamp(file)
                self._keys[programme] = _key(file)
            except (OSError, ValueError) as error:
                raise SettingsError(f"programmes: the api_key_file of {programme}, {file}: {_said(error)}") from None

    def __contains__(self, programme: str) -> bool:
        """Return whether a programme has a key."""
        return programme in self._files

    def of(self, programme: str) -> str:
        """Return a programme's key, read again if its file has changed; the last good one if that cannot be done.

        Raises:
            KeyError: the programme has none.
        """
        file = self._files[programme]
        try:
            stamp = _stamp(file)
            if stamp != self._stamps[programme]:
                self._read(programme, stamp)
        except (OSError, ValueError) as error:
            _log.warning("deliver.key_not_read", programme=programme, reason=_said(error))
        return self._keys[programme]

    def renew(self, programme: str) -> bool:
        """Read a programme's key again, whatever its file's times say; return whether it is another one now."""
        before = self._keys[programme]
        try:
            self._read(programme, _stamp(self._files[programme]))
        except (OSError, ValueError) as error:
            _log.warning("deliver.key_not_read", programme=programme, reason=_said(error))
        return self._keys[programme] != before

    def _read(self, programme: str, stamp: tuple[int, int, int]) -> None:
        self._keys[programme] = _key(self._files[programme])
        self._stamps[programme] = stamp


def _stamp(file: Path) -> tuple[int, int, int]:
    """Return what changes with a file's content, also where a link is set to another file."""
    status = file.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _key(file: Path) -> str:
    """Read a key.

    Raises:
        OSError: the file cannot be read.
        ValueError: it holds no key; the text does not say what it holds instead.
    """
    key = file.read_bytes()[:10_000].decode("ascii", "replace").strip()
    if not key or not _CHARACTERS.issuperset(key):
        raise ValueError("holds no key: one line of visible ASCII characters is wanted")
    return key


def _said(error: OSError | ValueError) -> str:
    return (error.strerror or "cannot be read") if isinstance(error, OSError) else str(error)
