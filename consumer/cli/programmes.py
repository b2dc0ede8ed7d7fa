"""`awin-consumer programmes`: see, pause and resume the delivery of single programmes."""

from __future__ import annotations

import getpass
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.options import Config, Json, load
from consumer.errors import SettingsError

if TYPE_CHECKING:
    from consumer.events import Control, ProgrammeState
    from consumer.settings import Settings

app = typer.Typer(
    name="programmes",
    help="See, pause and resume the delivery of single programmes.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_Programme = Annotated[str, typer.Argument(metavar="ID", help="Awin advertiser id.")]
_Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why, for others who look.")]
_By = Annotated[str | None, typer.Option(metavar="NAME", help="Who orders it.", show_default="your user name")]


@app.command("list")
def list_(config: Config = None, *, as_json: Json = False) -> None:
    """Show every programme, and since when, why and by whom it is paused or halted."""
    from consumer.cli import output

    settings = load(config)
    with output.working("looking"):
        orders = _orders(settings)
    configured = [programme.advertiser_id for programme in settings.programmes]
    rows = [_row(programme, orders.get(programme)) for programme in _all(configured, orders)]
    if as_json:
        output.print_json({"programmes": rows})
        return
    names = ("programme", "state", "since", "by", "reason")
    output.console().print(output.table(names, [tuple(row[name] for name in names) for row in rows]))


@app.command()
def pause(
    programme: _Programme, config: Config = None, *, reason: _Reason = "", by: _By = None, as_json: Json = False
) -> None:
    """Send nothing of a programme from now on; its orders are kept and put off.

    Every instance obeys within five seconds, and after a restart as well. Requests under way still get their answer.
    """
    _order(config, programme, "paused", reason, by, as_json=as_json)


@app.command()
def resume(
    programme: _Programme, config: Config = None, *, reason: _Reason = "", by: _By = None, as_json: Json = False
) -> None:
    """Send a paused or halted programme's orders again: one of them first, and the others if it gets through.

    Orders that have grown older than delivery.max_age meanwhile are dead letters (too_old).
    """
    _order(config, programme, "running", reason, by, as_json=as_json)


def _order(
    config: Config, programme: str, state: ProgrammeState, reason: str, by: str | None, *, as_json: bool
) -> None:
    from consumer.cli import output
    from consumer.events import Control
    from consumer.stream.avro import ControlEncoder
    from consumer.stream.schemas import Schemas
    from consumer.wiring.append import Appender

    settings = load(config)
    known = [each.advertiser_id for each in settings.programmes]
    if programme not in known and programme not in _orders(settings):
        raise SettingsError(f"{programme}: no such programme in the settings, which name {', '.join(known)}")
    control = Control(
        programme=programme,
        state=state,
        reason=reason,
        changed_at_ms=time.time_ns() // 1_000_000,
        changed_by=by or getpass.getuser(),
    )
    value = ControlEncoder(Schemas.load(settings.schemas.directory))(control)
    Appender(settings)(settings.topics.control, programme.encode(), value, 0)
    if as_json:
        output.print_json(_row(programme, control))
    else:
        done = "is paused" if state == "paused" else "runs again, after a first order has got through"
        output.console().print(f"Programme {programme} {done}. Every instance obeys within five seconds.")


def _orders(settings: Settings) -> dict[str, Control]:
    from consumer.inspect.kafka_reader import KafkaTopicReader
    from consumer.inspect.programmes import orders
    from consumer.stream.schemas import Schemas
    from consumer.wiring import clients

    reader = KafkaTopicReader(clients.connection(settings), f"{settings.kafka.group}-inspect")
    return orders(reader, settings.topics.control, Schemas.load(settings.schemas.directory))


def _all(configured: list[str], orders: dict[str, Control]) -> list[str]:
    """Return the configured programmes in their order, then those that only orders name."""
    return configured + sorted(orders.keys() - set(configured))


def _row(programme: str, order: Control | None) -> dict[str, str]:
    since = "" if order is None else f"{datetime.fromtimestamp(order.changed_at_ms // 1000, UTC):%Y-%m-%d %H:%M:%SZ}"
    return {
        "programme": programme,
        "state": "running" if order is None else order.state,
        "since": since,
        "by": "" if order is None else order.changed_by,
        "reason": "" if order is None else order.reason,
    }
