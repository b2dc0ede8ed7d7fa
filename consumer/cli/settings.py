"""`awin-consumer settings`: what can be configured."""

from __future__ import annotations

import sys

import typer

app = typer.Typer(no_args_is_help=True, help="Show what can be configured.")


@app.callback()
def _settings() -> None:
    """Make `reference` a command of its own, though it is the only one."""


@app.command()
def reference() -> None:
    """Print the reference of all settings as Markdown: docs/configuration.md."""
    from consumer.cli.reference import markdown

    sys.stdout.write(markdown())
