"""Both adapters keep the promises of `consumer.export.ports.Folder`; what only a disk does is below."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.errors import OutputError
from consumer.export.folder import DiskFolder
from consumer.export.ports import Folder
from tests.export.memory_folder import MemoryFolder

ROOT = Path(__file__).parents[2]


@pytest.fixture(params=["memory", "disk"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Folder]:
    """Each adapter in turn, empty."""
    if request.param == "memory":
        yield MemoryFolder()
    else:
        with DiskFolder(tmp_path) as on_disk:
            yield on_disk


def test_what_is_written_can_be_read(folder: Folder) -> None:
    """Under its name, and anew when it is written again."""
    folder.write("a", b"first, and longer")
    folder.write("a", b"second")
    folder.sync()
    assert (set(folder.names()), folder.read("a")) == ({"a"}, b"second")


def test_renaming_replaces(folder: Folder) -> None:
    """The old name is gone, and the new one has the content, whatever it had before."""
    folder.write("a", b"new")
    folder.write("b", b"old")
    folder.rename("a", "b")
    assert (set(folder.names()), folder.read("b")) == ({"b"}, b"new")


def test_what_is_removed_is_gone(folder: Folder) -> None:
    """Others stay."""
    folder.write("a", b"1")
    folder.write("b", b"2")
    folder.remove("a")
    folder.sync()
    assert set(folder.names()) == {"b"}


def test_what_is_not_there_is_refused(folder: Folder) -> None:
    """The error names the file."""
    with pytest.raises(OutputError, match="a cannot be read: No such file"):
        folder.read("a")
    with pytest.raises(OutputError, match="a cannot be renamed: No such file"):
        folder.rename("a", "b")
    with pytest.raises(OutputError, match="a cannot be removed: No such file"):
        folder.remove("a")


def test_a_folder_belongs_to_one_export(tmp_path: Path) -> None:
    """A second one is refused, in another process too, until the first has ended, however it ends."""
    program = (
        "from pathlib import Path; from consumer.export.folder import DiskFolder\n"
        f"folder = DiskFolder(Path({str(tmp_path)!r})); print('held', flush=True); input()"
    )
    held = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    with held:
        assert held.stdout is not None
        assert held.stdout.readline() == "held\n"
        with pytest.raises(OutputError, match="another export is writing to"):
            DiskFolder(tmp_path)
        held.kill()
    with DiskFolder(tmp_path) as folder:
        assert folder.names() == set()


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """As is a file, with the path and the reason."""
    with pytest.raises(OutputError, match=r"none cannot be used: No such file or directory"):
        DiskFolder(tmp_path / "none")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OutputError, match=r"file cannot be used: Not a directory"):
        DiskFolder(tmp_path / "file")


def test_a_folder_without_access_is_refused(tmp_path: Path) -> None:
    """Before anything is read or committed."""
    folder = tmp_path if os.geteuid() else Path("/proc")  # root may write anywhere but there
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError, match=f"{folder} cannot be used"):
            DiskFolder(folder)
    finally:
        tmp_path.chmod(0o700)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system cannot pretend to be full")
def test_a_full_disk_is_told(tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "a").symlink_to("/dev/full")
    with DiskFolder(tmp_path) as folder, pytest.raises(OutputError, match="a cannot be written: No space left"):
        folder.write("a", b"content")
