"""`awin-consumer simulate`: what other rules would have decided."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from consumer.cli.options import Config, Json, load, milliseconds_of, moment

if TYPE_CHECKING:
    from consumer.inspect.progress import Progress
    from consumer.settings import Settings
    from consumer.simulation.extent import Range
    from consumer.simulation.report import Change, Report


def simulate(
    rules: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="The other rules. With programmes: a configuration of its own; without: laid over --config.",
        ),
    ],
    since: Annotated[
        datetime,
        typer.Option(
            "--from", metavar="TIME", parser=moment, help="Orders completed from then on, UTC unless it says."
        ),
    ],
    until: Annotated[
        datetime | None,
        typer.Option("--to", metavar="TIME", parser=moment, help="Orders completed before.", show_default="now"),
    ] = None,
    csv: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write every order that would change to this file.")
    ] = None,
    show: Annotated[int, typer.Option(min=0, metavar="N", help="How many changed orders to show, the newest.")] = 20,
    config: Config = None,
    *,
    as_json: Json = False,
) -> None:
    """Decide history again by other rules and show which orders would change. Sends and writes nothing to Kafka.

    Reads the orders, sessions and conversions that are still there; takes minutes for millions of orders. Shows click
    checksums, which are personal data.
    """
    from consumer.cli import output, simulate_text
    from consumer.settings import with_rules_of
    from consumer.simulation.extent import Range

    if until is not None and until <= since:
        raise typer.BadParameter("--to must be later than --from")
    settings = load(config)
    other = with_rules_of(settings, rules)
    wanted = Range(milliseconds_of(since), None if until is None else milliseconds_of(until))
    with output.progress_bar() as progress:
        report = _report(settings, other, wanted, csv, show, progress)
    if as_json:
        output.print_json(report)
    else:
        simulate_text.write(report, csv, output.console())


def _report(
    settings: Settings, other: Settings, wanted: Range, csv: Path | None, show: int, progress: Progress
) -> Report:
    import tempfile

    from consumer.inspect.kafka_reader import KafkaTopicReader
    from consumer.simulation.change_rows import COLUMNS, cells
    from consumer.simulation.simulation import Simulation
    from consumer.state.rocksdb import RocksStore
    from consumer.whole_file import csv_file
    from consumer.wiring import clients
    from consumer.wiring.rulebook import rulebook
    from consumer.wiring.schemas import open_schemas

    with ExitStack() as stack:
        add = None if csv is None else stack.enter_context(csv_file(csv, COLUMNS))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="awin-simulate-")))
        store = RocksStore(folder)
        stack.callback(store.close)
        simulation = Simulation(
            KafkaTopicReader(clients.connection(settings), f"{settings.kafka.group}-inspect"),
            open_schemas(settings),
            settings.topics,
            clients.group(settings, "attribute"),
            present=rulebook(settings),
            other=rulebook(other),
            store=store,
            progress=progress,
        )

        def on_change(change: Change) -> None:
            if add is not None:
                add(cells(change))

        return simulation.run(wanted, listed=show, on_change=on_change)
