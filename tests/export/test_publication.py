"""What an interrupted file becomes when the receipts say so, or cannot say."""

from __future__ import annotations

import pytest

from consumer.errors import OutputError
from consumer.export import publication
from consumer.export.publication import Line, Manifest
from tests.export.memory_folder import MemoryFolder

FILE = "awin-1001-2023-11-14-run.csv"
MANIFEST = Manifest(
    file=FILE,
    programme="1001",
    day="2023-11-14",
    head="order_ref\r\n",
    lines=tuple(Line(f"1001:A-{number}", f"A-{number}\r\n") for number in range(3)),
)


@pytest.fixture
def folder() -> MemoryFolder:
    """One in which a file was prepared."""
    made = MemoryFolder()
    publication.prepare(made, MANIFEST)
    return made


def test_a_prepared_file_has_no_name_yet(folder: MemoryFolder) -> None:
    """What an upload by ``*.csv`` or of visible files would find is finished."""
    assert all(name.startswith(".") and not name.endswith(".csv") for name in folder.names())
    assert publication.unfinished(folder) == [MANIFEST]


def test_a_published_file_leaves_nothing_behind(folder: MemoryFolder) -> None:
    """Head and rows, in order."""
    publication.publish(folder, FILE)
    assert folder.names() == {FILE}
    assert folder.read(FILE) == b"order_ref\r\nA-0\r\nA-1\r\nA-2\r\n"


@pytest.mark.parametrize(
    ("states", "content"),
    [
        ([True, True, True], b"order_ref\r\nA-0\r\nA-1\r\nA-2\r\n"),
        ([True, False, True], b"order_ref\r\nA-0\r\nA-2\r\n"),
        ([None, True, None], b"order_ref\r\nA-1\r\n"),
        ([False, False, False], None),
        ([None, False, None], None),
    ],
)
def test_the_receipts_say_what_becomes_of_it(
    folder: MemoryFolder, states: list[bool | None], content: bytes | None
) -> None:
    """Committed rows are published, and no others; an order without a receipt was erased."""
    by_key = {line.key: state for line, state in zip(MANIFEST.lines, states, strict=True)}
    lines = publication.settle(folder, MANIFEST, by_key.__getitem__)
    assert [line.key for line in lines] == [key for key, state in by_key.items() if state]
    assert folder.names() == ({FILE} if content is not None else set())
    if content is not None:
        assert folder.read(FILE) == content


def test_without_any_receipt_a_person_decides(folder: MemoryFolder) -> None:
    """They may have expired, or it is another cluster: nothing is touched, and the error says what to do."""
    before = folder.names()
    with pytest.raises(
        OutputError, match=rf"none of its orders has a receipt.* rename \.{FILE}\.tmp to {FILE}; if not"
    ):
        publication.settle(folder, MANIFEST, lambda _: None)
    assert folder.names() == before


def test_a_damaged_manifest_is_told(folder: MemoryFolder) -> None:
    """It was whole before anything was committed, so it is no trace of a crash."""
    folder.write(f".{FILE}.manifest", b'{"version": 1, "file"')
    with pytest.raises(OutputError, match=rf"\.{FILE}\.manifest is damaged"):
        publication.unfinished(folder)


def test_a_newer_manifest_is_left_to_the_newer_release(folder: MemoryFolder) -> None:
    """It is not touched."""
    folder.write(f".{FILE}.manifest", b'{"version": 2}')
    with pytest.raises(OutputError, match="has version 2, this software reads 1"):
        publication.unfinished(folder)


def test_no_file_is_overwritten(folder: MemoryFolder) -> None:
    """Nothing is prepared for a name that is taken."""
    publication.publish(folder, FILE)
    with pytest.raises(OutputError, match="none is ever overwritten"):
        publication.prepare(folder, MANIFEST)
    assert folder.names() == {FILE}


def test_what_was_never_committed_is_cleared_away() -> None:
    """A file without manifest, a manifest without file, and half a manifest; what is not ours stays."""
    folder = MemoryFolder()
    ours = [f".{FILE}.tmp", ".awin-1-2020-01-01-r.csv.manifest", ".awin-2-2020-01-01-r.csv.part"]
    others = ["notes.tmp", ".awin.tmp", ".other.csv.tmp", FILE]
    for name in (*ours, *others):
        folder.write(name, b"x")
    assert publication.unfinished(folder) == []
    assert folder.names() == set(others)
