"""Charts are rendered by Helm itself, as a library."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session", autouse=True)
def _helm() -> None:
    """Leave these tests out, by name, where there is no wheel of Helm."""
    pytest.importorskip("helm_python", reason="helm-python-sdk is not installed (group: dev)")
