"""`awin-consumer log-events`: what may stand in the log."""

from __future__ import annotations

import sys


def log_events() -> None:
    """Print the reference of all log events as Markdown: docs/logs.md."""
    from consumer.cli.log_reference import markdown

    sys.stdout.write(markdown())
