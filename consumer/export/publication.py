"""From rows to a file that holds exactly the orders whose receipts are committed, whatever is interrupted when.

A file NAME passes through three steps, of which a crash leaves these traces:

1. *Prepared*: ``.NAME.tmp`` is its content, ``.NAME.manifest`` says which order each row is. Both are durable before
   anything is committed. A ``.tmp`` without manifest was never committed.
2. *Committed*, in one or more transactions: each order's receipt names the file.
3. *Published*: ``.NAME.tmp`` has become NAME, and the manifest goes. A manifest without ``.tmp`` is of a published
   file, which somebody may have taken away since.

So where both are found, the receipts tell what to do: all committed, it is published; none, it is dropped; some, it is
published with their rows alone, and the other orders wait still.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from consumer.errors import OutputError
from consumer.export.ports import Folder

VERSION = 1
_TRACE = re.compile(r"\.(awin-.+\.csv)\.(tmp|manifest|part)")


class Line(Struct, frozen=True):
    """One row of a file, and the order whose it is."""

    key: str
    """`consumer.events.outbox_key`, as text."""
    text: str


class Manifest(Struct, frozen=True, kw_only=True):
    """Everything about a file that is being made."""

    version: int = VERSION
    file: str
    programme: str
    day: str
    """The UK day of its sales, as ``2026-10-25``."""
    head: str
    lines: tuple[Line, ...]


class _Versioned(Struct, frozen=True):
    version: int


def prepare(folder: Folder, manifest: Manifest) -> None:
    """Make a file and its manifest durable, under names that nobody takes for a finished file.

    Raises:
        OutputError: there is such a file already, or the folder refuses.
    """
    file = manifest.file
    if file in folder.names():
        raise OutputError(f"there is a file {file} already, and none is ever overwritten: take it away")
    folder.write(_temporary(file), _content(manifest.head, manifest.lines))
    _replace(folder, _manifest(file), msgspec.json.encode(manifest), file)
    folder.sync()


def publish(folder: Folder, file: str) -> None:
    """Give a file its name, now that its receipts are committed."""
    folder.rename(_temporary(file), file)
    folder.sync()
    folder.remove(_manifest(file))


def unfinished(folder: Folder) -> list[Manifest]:
    """Return what was prepared and not published, after clearing away what can be told without receipts.

    Raises:
        OutputError: a manifest cannot be read.
    """
    traces: dict[str, set[str]] = {}
    for name in folder.names():
        if (trace := _TRACE.fullmatch(name)) is not None:
            traces.setdefault(trace[1], set()).add(trace[2])
    found = []
    for file, kinds in sorted(traces.items()):
        if kinds >= {"tmp", "manifest"}:
            found.append(_read(folder, file))
            kinds -= {"tmp", "manifest"}
        for kind in kinds:
            folder.remove(f".{file}.{kind}")
    folder.sync()
    return found


def settle(folder: Folder, manifest: Manifest, committed: Callable[[str], bool | None]) -> Sequence[Line]:
    """Publish what is committed of an interrupted file; return its rows.

    Args:
        folder: where it is.
        manifest: what it was to hold.
        committed: whether the receipt of an order (by its key) names the file; ``None``: there is no receipt at all.

    Raises:
        OutputError: none of its orders has a receipt, so that it cannot be told.
    """
    states = [(line, committed(line.key)) for line in manifest.lines]
    if all(state is None for _, state in states):
        raise OutputError(_untold(manifest.file))
    lines = [line for line, state in states if state]
    if not lines:
        folder.remove(_temporary(manifest.file))
        folder.sync()
        folder.remove(_manifest(manifest.file))
        return ()
    if len(lines) < len(manifest.lines):
        _replace(folder, _temporary(manifest.file), _content(manifest.head, lines), manifest.file)
        folder.sync()
    publish(folder, manifest.file)
    return lines


def _read(folder: Folder, file: str) -> Manifest:
    content = folder.read(_manifest(file))
    try:
        version = msgspec.json.decode(content, type=_Versioned).version
        if version == VERSION:
            return msgspec.json.decode(content, type=Manifest)
    except msgspec.MsgspecError:
        raise OutputError(f"{_manifest(file)} is damaged, so {_by_hand(file)}") from None
    raise OutputError(f"{_manifest(file)} has version {version}, this software reads {VERSION}: run the newer release")


def _replace(folder: Folder, name: str, content: bytes, file: str) -> None:
    """Write a file that is whole whenever it is there."""
    folder.write(f".{file}.part", content)
    folder.rename(f".{file}.part", name)


def _content(head: str, lines: Sequence[Line]) -> bytes:
    return "".join((head, *(line.text for line in lines))).encode()


def _temporary(file: str) -> str:
    return f".{file}.tmp"


def _manifest(file: str) -> str:
    return f".{file}.manifest"


def _untold(file: str) -> str:
    return (
        f"an earlier export was interrupted while it made {file}, and none of its orders has a receipt: they have "
        f"expired, or this is another cluster. So {_by_hand(file)}"
    )


def _by_hand(file: str) -> str:
    return (
        "whether its orders count as exported cannot be told. Ask `awin-consumer explain` about one: if they do, "
        f"rename {_temporary(file)} to {file}; if not, remove it. Then remove {_manifest(file)}"
    )
