"""`awin-consumer check`: whether the consumer would work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from consumer.cli.options import Config, Json, load
from consumer.errors import SettingsError

if TYPE_CHECKING:
    from consumer.inspect.preflight import Check


def check(config: Config = None, *, as_json: Json = False) -> None:
    """Tell whether the consumer would work: settings, broker, topics, producers, Awin, state; exit 1 if not."""
    from consumer.cli import output

    with output.working("checking"):
        found = _checks(config)
    ok = all(each.verdict != "fail" for each in found)
    if as_json:
        output.print_json({"ok": ok, "checks": found})
    else:
        _print(found)
    raise typer.Exit(0 if ok else 1)


def _checks(config: Path | None) -> list[Check]:
    from consumer.inspect import preflight
    from consumer.inspect.kafka_reader import KafkaTopicReader
    from consumer.stream.properties import open_admin
    from consumer.wiring.clients import connection

    try:
        settings = load(config)
    except SettingsError as error:
        return [preflight.Check("configuration", "fail", str(error), "")]
    properties = connection(settings)
    admin = open_admin(properties, "awin-consumer-check")
    limit_s = preflight.TIMEOUT_S
    group = f"{settings.kafka.group}-inspect"
    reader = KafkaTopicReader(properties, group, timeout_s=limit_s, stall_s=limit_s)
    return list(preflight.checks(settings, admin, reader))


def _print(found: list[Check]) -> None:
    from rich.markup import escape

    from consumer.cli import output

    rows = (
        (
            output.verdict(each.verdict),
            each.name,
            escape(each.found) + (f"\n[dim]→ {escape(each.advice)}[/]" if each.advice else ""),
        )
        for each in found
    )
    output.console().print(output.table(("verdict", "check", "found"), rows, whole=("verdict",)))
