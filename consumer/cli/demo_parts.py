"""`awin-consumer demo-awin` and `demo-shop`: parts of the demo as processes of their own, for docker-compose.yml."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from consumer.cli.options import Config, load


def demo_awin(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0 picks a free one.")] = 8080,
) -> None:
    """Answer as Awin would, until SIGTERM, and count what is wrong."""
    from consumer.demo.standalone import serve_awin, to_stderr

    serve_awin(host, port, to_stderr)


def demo_shop(
    config: Config = None,
    rate: Annotated[float, typer.Option(min=1, max=5_000, help="Landings and orders per second.")] = 20,
    seed: Annotated[
        int | None, typer.Option(help="The same seed makes the same shop.", show_default="another each time")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="How long the shop is open.", show_default="until SIGTERM")
    ] = None,
) -> None:
    """Produce the sessions and orders of a synthetic shop into the input topics: never into those of a real one."""
    from consumer.demo.standalone import keep_shop, to_stderr

    chosen = int(time.time()) if seed is None else seed
    keep_shop(load(config), rate=rate, seed=chosen, seconds=seconds, tell=to_stderr)
