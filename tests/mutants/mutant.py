"""What a slip of the keyboard could make of the product."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """A change of one place in the package that breaks one rule."""

    rule: str
    """The rule that it breaks."""
    file: str
    """Below ``consumer``."""
    old: str
    """Stands there exactly once."""
    new: str
