"""The frozen settings tree, parsed once.

Every field has a description; the reference page (docs/configuration.md) is generated from them. Unknown keys are
refused.
"""

from consumer.settings.infrastructure import Topics
from consumer.settings.tree import Settings, load, parse, with_rules_of
from consumer.settings.types import milliseconds

__all__ = ["Settings", "Topics", "load", "milliseconds", "parse", "with_rules_of"]
