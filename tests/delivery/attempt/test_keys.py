"""Keys follow their files, however those change, and nobody sees one that should not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from consumer.delivery.attempt.keys import ApiKeys
from consumer.errors import SettingsError

OLD, NEW = "old-" + "k" * 28, "new-" + "k" * 28


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file with a key."""
    made = tmp_path / "1001"
    made.write_text(f"{OLD}\n", "utf-8")
    return made


def overwritten(file: Path, content: str) -> None:
    """Write over a file, later than a coarse clock needs to tell."""
    later_ns = file.stat().st_mtime_ns + 1_000_000_000
    file.write_text(content, "utf-8")
    os.utime(file, ns=(later_ns, later_ns))


def overwritten_at_the_same_time(file: Path, content: str) -> None:
    """Write over a file, whose times tell nothing of it, since clocks are coarse."""
    status = file.stat()
    file.write_text(content, "utf-8")
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def renamed_over(file: Path, content: str) -> None:
    """Put another file of the same time in its place, as careful programs do."""
    other = file.with_name("other")
    other.write_text(content, "utf-8")
    os.utime(other, ns=(file.stat().st_atime_ns, file.stat().st_mtime_ns))
    other.replace(file)


def test_a_key_is_one_line(file: Path) -> None:
    """Space around it does not count."""
    file.write_text(f"  {OLD} \r\n\n", "utf-8")
    keys = ApiKeys({"1001": file})
    assert keys.of("1001") == OLD
    assert "1001" in keys
    assert "2002" not in keys
    with pytest.raises(KeyError):
        keys.of("2002")


@pytest.mark.parametrize("change", [overwritten, renamed_over])
@pytest.mark.parametrize("new", [NEW, "n" * 50])
def test_a_changed_file_is_read_again(file: Path, change: Callable[[Path, str], None], new: str) -> None:
    """Whether the new key is as long as the old one or not."""
    keys = ApiKeys({"1001": file})
    before = keys.of("1001")
    change(file, f"{new}\n")
    assert (before, keys.of("1001")) == (OLD, new)


def test_a_mounted_secret_is_read_again(tmp_path: Path) -> None:
    """Kubernetes sets one link to another folder; the files have the same name, size and time, and so has the link."""
    for name, key in (("..1", OLD), ("..2", NEW)):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "key").write_text(key, "utf-8")
        os.utime(folder / "key", ns=(0, 0))
    (tmp_path / "..data").symlink_to("..1")
    file = tmp_path / "key"
    file.symlink_to("..data/key")
    keys = ApiKeys({"1001": file})
    before = keys.of("1001")
    (tmp_path / "..new").symlink_to("..2")
    (tmp_path / "..new").rename(tmp_path / "..data")
    assert (before, keys.of("1001")) == (OLD, NEW)


def test_a_change_that_shows_nowhere_is_found_when_the_key_is_refused(file: Path) -> None:
    """Then the file is read whatever its times say; and the answer tells whether that was of any use."""
    keys = ApiKeys({"1001": file})
    assert not keys.renew("1001")
    overwritten_at_the_same_time(file, NEW + "\n")
    assert keys.of("1001") == OLD
    assert keys.renew("1001")
    assert keys.of("1001") == NEW
    assert not keys.renew("1001")


@pytest.mark.parametrize("content", ["", "\n", "two words", "käse", "one\ntwo", "\x00" * 32])
def test_what_is_no_key_leaves_the_last_good_one(file: Path, content: str) -> None:
    """A file may be empty for a moment while it is written. What is in it is not shown, and the next key is taken."""
    keys = ApiKeys({"1001": file})
    overwritten(file, content)
    with capture_logs() as logs:
        assert (keys.of("1001"), keys.renew("1001"), keys.of("1001")) == (OLD, False, OLD)
    assert {entry["event"] for entry in logs} == {"deliver.key_not_read"}
    assert all(OLD not in str(entry) and (not content.strip() or content not in str(entry)) for entry in logs)
    overwritten(file, NEW)
    assert keys.of("1001") == NEW


def test_a_file_that_is_gone_leaves_the_last_good_one(file: Path) -> None:
    """It is told once for each time that the key is asked for; when the file is back, it is read."""
    keys = ApiKeys({"1001": file})
    file.unlink()
    with capture_logs() as logs:
        assert (keys.of("1001"), keys.renew("1001")) == (OLD, False)
    assert [(entry["programme"], entry["reason"]) for entry in logs] == [("1001", "No such file or directory")] * 2
    file.mkdir()
    assert keys.of("1001") == OLD
    file.rmdir()
    file.write_text(NEW, "utf-8")
    assert keys.of("1001") == NEW


def test_reading_a_key_logs_nothing(file: Path) -> None:
    """Neither the old nor the new one."""
    with capture_logs() as logs:
        keys = ApiKeys({"1001": file})
        overwritten(file, NEW)
        keys.of("1001")
        keys.renew("1001")
    assert logs == []
    assert NEW not in repr(keys)


@pytest.mark.parametrize("content", ["", "secret words", "schlüssel"])
def test_a_start_without_a_key_is_refused(file: Path, content: str) -> None:
    """The setting, the programme and the file are named, not what stands in it."""
    file.write_text(content, "utf-8")
    with pytest.raises(SettingsError, match=f"api_key_file of 1001, {file}: holds no key") as refused:
        ApiKeys({"1001": file})
    assert not content or content not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_start_without_a_file_is_refused(tmp_path: Path) -> None:
    """The reason is the system's."""
    with pytest.raises(SettingsError, match="No such file or directory"):
        ApiKeys({"1001": tmp_path / "none"})
