"""What docs/security.md says of refused settings is what the code refuses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from consumer.settings import infrastructure
from consumer.stream import source, transaction

PAGE = (Path(__file__).parents[2] / "docs/security.md").read_text("utf-8")
NAMED_BY_CODE = {"group.id", "transactional.id", "message.max.bytes"}
"""Fixed where a client is made, as they differ between clients."""


def bullet(opening: str) -> set[str]:
    """Return what is set in code type in one bullet of the page, but for our own settings."""
    (text,) = re.findall(rf"^- \*\*{opening}\*\*(.*?)(?=^- |\n\n)", PAGE, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"`([^`]+)`", text)) - {"kafka.property_files"}


@pytest.mark.parametrize(
    ("opening", "refused"),
    [
        ("Secrets", set(infrastructure.SECRETS)),
        ("What has a setting of its own", set(infrastructure._SETTINGS)),
        (
            "What delivery depends on",
            NAMED_BY_CODE | source._FIXED.keys() | source._FIXED_CLASSIC.keys() | transaction._FIXED.keys(),
        ),
    ],
)
def test_it_lists_exactly_what_is_refused(opening: str, refused: set[str]) -> None:
    """Nobody should learn of a refusal from the log first."""
    assert bullet(opening) == refused
