"""The image's folders, and one that any user may look into."""

from __future__ import annotations

from tests.packaging.conftest import open_folder, prefix

__all__ = ["open_folder", "prefix"]
