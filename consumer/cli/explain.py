"""`awin-consumer explain`: why one order was reported as it was."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from consumer.cli.options import Config, Json, load

if TYPE_CHECKING:
    from consumer.inspect.explanation import Explanation
    from consumer.settings import Settings


def explain(
    order_ref: Annotated[str, typer.Argument(metavar="ORDER_REF", help="The order reference that the customer sees.")],
    programme: Annotated[
        str | None, typer.Option(metavar="ID", help="Awin advertiser id.", show_default="all that are configured")
    ] = None,
    config: Config = None,
    *,
    deep: Annotated[
        bool, typer.Option("--deep", help="Read dead letters and state from their beginning, not only the newest.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Tell why an order was reported as it was: touches, consent, programme, amounts, request, answer.

    Shows click checksums and, with --json, the order's whole record: personal data.
    """
    from consumer.cli import explain_text, output

    settings = load(config)
    if not order_ref:
        raise typer.BadParameter("an order reference has at least one character")
    with output.progress(f"looking for order {escape(order_ref)} in") as progress:
        found = _explanation(settings, programme, order_ref, progress, deep=deep)
    if as_json:
        output.print_json(found)
    else:
        explain_text.write(found, output.console())
    raise typer.Exit(1 if found.state == "unknown" else 0)


def _explanation(
    settings: Settings, programme: str | None, order_ref: str, progress: Callable[[str], None], *, deep: bool
) -> Explanation:
    from consumer.inspect import explanation
    from consumer.inspect.kafka_reader import KafkaTopicReader
    from consumer.inspect.reading import EVERYTHING, Newest
    from consumer.inspect.search import Search
    from consumer.simulation.again import OrderAgain
    from consumer.wiring import clients
    from consumer.wiring.rulebook import rulebook
    from consumer.wiring.schemas import open_schemas

    schemas = open_schemas(settings)
    groups = clients.group(settings, "attribute"), clients.group(settings, "deliver")
    reader = KafkaTopicReader(clients.connection(settings), f"{settings.kafka.group}-inspect")
    rules = rulebook(settings)
    newest = EVERYTHING if deep else Newest()
    search = Search(reader, schemas, settings.topics, groups, rules, newest, progress)
    programmes = (programme,) if programme else [each.advertiser_id for each in settings.programmes]
    found_in, traces = search.find(programmes, order_ref)
    again = OrderAgain(reader, schemas, settings.topics, groups[0], rules, progress)
    traces = again.decide(found_in, traces)
    return explanation.explain(found_in, order_ref, traces, rules, settings.delivery.endpoint)
