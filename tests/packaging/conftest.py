"""The image's folders, made once."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.packaging import image


@pytest.fixture(scope="session")
def prefix() -> Iterator[Path]:
    """What the image has below /opt/awin-s2s: read-only, and open to be read by any user."""
    if os.geteuid() == 0 and shutil.which("setpriv") is None:
        pytest.skip("setpriv (util-linux) is needed to run something as another user")
    folder = Path(tempfile.mkdtemp(prefix="awin-image-"))
    try:
        folder.chmod(0o755)
        made = image.build(folder)
        for path in (made, *made.rglob("*")):
            if not path.is_symlink():
                path.chmod(0o555 if path.is_dir() or path.parent.name == "bin" else 0o444)
        yield made
    finally:
        for path in folder.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o755)
        shutil.rmtree(folder)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that any user may look into, unlike pytest's own."""
    folder = Path(tempfile.mkdtemp(prefix="awin-packaging-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)
