"""`awin-consumer metrics`: what can be watched."""

from __future__ import annotations

import sys


def metrics() -> None:
    """Print the reference of all metrics as Markdown: docs/metrics.md."""
    from consumer.cli.metrics_reference import markdown

    sys.stdout.write(markdown())
