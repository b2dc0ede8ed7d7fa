"""The folder that holds an instance's local state."""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path

from consumer.errors import StateError
from consumer.locked_folder import LockedFolder

LOCK = "lock"
INSTANCE_ID = "instance-id"

_INSTANCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class StateFolder(LockedFolder):
    """A folder, ours alone until `close` or the end of the process, however it ends.

    Args:
        path: made with access for its owner only, if missing; whoever stores something in it takes a sub-folder.
        instance_id: the name of this instance. Without it the folder keeps one: it is made once, at random.

    Raises:
        StateError: the folder cannot be used, or another process uses it.
    """

    def __init__(self, path: Path, instance_id: str | None = None) -> None:
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            super().__init__(path, LOCK)
        except BlockingIOError as error:
            raise StateError(
                f"the state folder {path} is in use by another process. Stop that one, or give each its own folder"
            ) from error
        except OSError as error:
            raise StateError(
                f"the state folder {path} cannot be used: {error.strerror}. Give this user write access, or set "
                "another folder"
            ) from error
        try:
            self.instance_id = _kept_instance_id(path / INSTANCE_ID) if instance_id is None else instance_id
            """Tells this instance from others of its group: a part of its transactional ids."""
        except BaseException:
            self.close()
            raise


def _kept_instance_id(file: Path) -> str:
    try:
        kept = file.read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return _new_instance_id(file)
    except (OSError, UnicodeDecodeError) as error:
        raise StateError(f"{file} cannot be read: {error}") from error
    if not _INSTANCE.fullmatch(kept):
        raise StateError(f"{file} does not hold an instance id. Delete it to get a new one")
    return kept


def _new_instance_id(file: Path) -> str:
    """Make one that is whole or not there, whatever happens meanwhile."""
    instance_id = str(uuid.uuid4())
    draft = file.with_suffix(".new")
    try:
        with draft.open("w", encoding="utf-8") as out:
            out.write(instance_id + "\n")
            out.flush()
            os.fsync(out.fileno())
        draft.replace(file)
    except OSError as error:
        raise StateError(f"{file} cannot be written: {error.strerror}") from error
    return instance_id
