"""`awin-consumer forget`: erase a visitor from state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from consumer.attribution.conversion import MAX_ID_CHARACTERS
from consumer.cli.options import Config, Json, load
from consumer.errors import Unavailable

if TYPE_CHECKING:
    from consumer.inspect.forgetting import Tombstone
    from consumer.settings import Settings

_TIMEOUT_S = 30.0


def forget(
    visitor: Annotated[str | None, typer.Option(metavar="ID", help="The visitor.")] = None,
    order_ref: Annotated[
        str | None, typer.Option(metavar="REF", help="An order: its visitor, and the order's own click checksums.")
    ] = None,
    programme: Annotated[
        str | None, typer.Option(metavar="ID", help="Of the order.", show_default="the first configured one")
    ] = None,
    config: Config = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Erase what is kept of a visitor; it cannot be undone.

    Appends a record without a value to session.landed, which the attribute stage obeys; that topic must be writable.
    Later orders of the visitor do not see what was erased. What stands on topics stays until it expires there:
    docs/privacy.md.
    """
    from consumer.cli import output

    if (visitor is None) == (order_ref is None):
        raise typer.BadParameter("give either --visitor or --order-ref")
    if visitor is not None and not 0 < len(visitor) <= MAX_ID_CHARACTERS:
        raise typer.BadParameter(f"a visitor id has 1 to {MAX_ID_CHARACTERS:,} characters")
    if visitor is not None and programme is not None:
        raise typer.BadParameter("--programme goes with --order-ref")
    settings = load(config)
    with output.working("looking"):
        tombstone = _tombstone(settings, visitor, order_ref, programme)
    where = f"{tombstone.topic}[{tombstone.partition}]"
    if not yes:
        typer.confirm(f"Append a record to {where} that erases this visitor?", abort=True)
    _append(settings, tombstone)
    if as_json:
        output.print_json({"topic": tombstone.topic, "partition": tombstone.partition, "forgotten": True})
    else:
        output.console().print(f"Appended to {where}. It is done when the attribute stage has read that far.")


def _tombstone(settings: Settings, visitor: str | None, order_ref: str | None, programme: str | None) -> Tombstone:
    from consumer.inspect import forgetting
    from consumer.inspect.kafka_reader import KafkaTopicReader
    from consumer.inspect.reading import EVERYTHING
    from consumer.inspect.search import Search
    from consumer.stream.schemas import Schemas
    from consumer.wiring import clients
    from consumer.wiring.rulebook import rulebook

    topics = settings.topics
    reader = KafkaTopicReader(clients.connection(settings), f"{settings.kafka.group}-inspect")
    if order_ref is None:
        return forgetting.of_visitor(visitor or "", topics, reader)
    schemas = Schemas.load(settings.schemas.directory)
    programme = programme or settings.programmes[0].advertiser_id
    groups = clients.group(settings, "attribute"), clients.group(settings, "deliver")
    traces = Search(reader, schemas, topics, groups, rulebook(settings), EVERYTHING).traces(programme, order_ref)
    return forgetting.of_order(programme, order_ref, traces, topics, reader, schemas)


def _append(settings: Settings, tombstone: Tombstone) -> None:
    """Write the record and wait until it is there.

    Raises:
        Unavailable: the broker did not take it.
    """
    from confluent_kafka import Producer

    from consumer.stream.properties import open_client
    from consumer.wiring import clients

    producer = open_client(Producer, {**clients.connection(settings), "acks": "all", "enable.idempotence": True})
    failures: list[str] = []
    producer.produce(
        tombstone.topic,
        None,
        tombstone.key,
        tombstone.partition,
        headers=list(tombstone.headers),
        on_delivery=lambda error, _: failures.append(error.str()) if error is not None else None,
    )
    if producer.flush(_TIMEOUT_S) or failures:
        raise Unavailable(f"{tombstone.topic} did not take the record: {failures[0] if failures else 'no answer'}")
