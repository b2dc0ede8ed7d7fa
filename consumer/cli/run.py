"""`awin-consumer run`: the consumer itself."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from consumer.ops import logs
from consumer.settings import load
from consumer.wiring.clients import Role


def run(
    config: Annotated[Path | None, typer.Option(help="YAML file; AWIN_… variables override it.")] = None,
    role: Annotated[
        Role | None, typer.Option(help="Run one stage alone, to scale the two apart; default: both.")
    ] = None,
) -> None:
    """Read sessions and orders, attribute, and report to Awin, until SIGTERM."""
    from consumer.service import Service, stop_on_signals

    settings = load(config)
    logs.configure(settings.ops.log_level)
    service = Service(settings, (role,) if role is not None else ("attribute", "deliver"))
    stop_on_signals(service)
    service.run()
