"""`awin-consumer run`: the consumer itself."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from consumer.cli import options


def run(
    config: options.Config = None,
    role: Annotated[
        Literal["attribute", "deliver"] | None,
        typer.Option(help="Run one stage alone, to scale the two apart; default: both."),
    ] = None,
) -> None:
    """Read sessions and orders, attribute, and report to Awin, until SIGTERM."""
    from consumer.ops import logs
    from consumer.service import Service, stop_on_signals

    settings = options.load(config)
    logs.configure(settings.ops.log_level)
    service = Service(settings, (role,) if role is not None else ("attribute", "deliver"))
    stop_on_signals(service)
    service.run()
