"""The state folder: one process at a time, one name for ever."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from consumer.errors import StateError
from consumer.state.folder import StateFolder

HOLDER = """
import sys
from pathlib import Path
from consumer.state.folder import StateFolder
folder = StateFolder(Path(sys.argv[1]))
print(folder.instance_id, flush=True)
sys.stdin.read()
"""


def test_the_folder_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """A missing folder is made, closed to other users."""
    with StateFolder(tmp_path / "a" / "b") as folder:
        assert folder.path == tmp_path / "a" / "b"
        assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_an_instance_keeps_its_name(tmp_path: Path) -> None:
    """The name made at first is found again by every later process, and differs from other folders'."""
    with StateFolder(tmp_path / "one") as first:
        name = first.instance_id
    with StateFolder(tmp_path / "one") as again, StateFolder(tmp_path / "two") as other:
        assert again.instance_id == name
        assert other.instance_id != name


def test_a_configured_name_goes_first(tmp_path: Path) -> None:
    """A configured name is used as it is and does not replace the folder's own."""
    with StateFolder(tmp_path) as folder:
        own = folder.instance_id
    with StateFolder(tmp_path, "pod-7") as folder:
        assert folder.instance_id == "pod-7"
    with StateFolder(tmp_path) as folder:
        assert folder.instance_id == own


def test_a_second_process_is_refused_until_the_first_dies(tmp_path: Path) -> None:
    """While one process has the folder another is refused by name; the death of the first frees it."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        name = holder.stdout.readline().strip()
        with pytest.raises(StateError, match=f"{tmp_path} is in use by another process"):
            StateFolder(tmp_path)
        holder.kill()
    with StateFolder(tmp_path) as folder:
        assert folder.instance_id == name


def test_closing_lets_go(tmp_path: Path) -> None:
    """A closed folder can be had again at once; closing twice does no harm."""
    folder = StateFolder(tmp_path)
    folder.close()
    folder.close()
    StateFolder(tmp_path).close()


def test_a_name_that_is_no_name_is_refused(tmp_path: Path) -> None:
    """A damaged name is refused with its file, and the folder is free again."""
    (tmp_path / "instance-id").write_text("two words\n")
    with pytest.raises(StateError, match="instance-id does not hold an instance id"):
        StateFolder(tmp_path)
    (tmp_path / "instance-id").unlink()
    StateFolder(tmp_path).close()


def test_a_path_that_is_no_folder_is_refused(tmp_path: Path) -> None:
    """A path that cannot be a folder is refused by name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(StateError, match=str(tmp_path / "file")):
        StateFolder(tmp_path / "file")
