"""`awin-consumer forget`: erase a visitor from state."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape

from consumer.attribution.conversion import MAX_ID_CHARACTERS
from consumer.cli.options import Config, Json, load

if TYPE_CHECKING:
    from consumer.inspect.forgetting import Forgetting
    from consumer.settings import Settings


def forget(
    visitor: Annotated[str | None, typer.Option(metavar="ID", help="The visitor.")] = None,
    order_ref: Annotated[
        str | None, typer.Option(metavar="REF", help="An order: its visitor, and the order's own click checksums.")
    ] = None,
    programme: Annotated[
        str | None, typer.Option(metavar="ID", help="Of the order.", show_default="all that are configured")
    ] = None,
    config: Config = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Erase what is kept of a visitor; it cannot be undone.

    Appends a record without a value to session.landed, which the attribute stage obeys; that topic must be writable.
    Later orders of the visitor do not see what was erased. What stands on topics stays until it expires there:
    docs/privacy.md. Exit status 1 also when the visitor of an order is not known any more.
    """
    from consumer.cli import output

    if (visitor is None) == (order_ref is None):
        raise typer.BadParameter("give either --visitor or --order-ref")
    if visitor is not None and not 0 < len(visitor) <= MAX_ID_CHARACTERS:
        raise typer.BadParameter(f"a visitor id has 1 to {MAX_ID_CHARACTERS:,} characters")
    if visitor is not None and programme is not None:
        raise typer.BadParameter("--programme goes with --order-ref")
    settings = load(config)
    with output.progress("looking in") as progress:
        found = _forgetting(settings, visitor, order_ref, programme, progress)
    if not yes:
        typer.confirm(_question(settings, found, order_ref), abort=True)
    _append(settings, found)
    if as_json:
        output.print_json(
            {
                "topic": settings.topics.session_landed,
                "partitions": [each.partition for each in found.tombstones],
                "visitor": found.visitor,
                "order_checksums": found.order_checksums,
            }
        )
    else:
        _write(settings, found, order_ref)
    raise typer.Exit(1 if found.visitor == "not_known" else 0)


def _forgetting(
    settings: Settings,
    visitor: str | None,
    order_ref: str | None,
    programme: str | None,
    progress: Callable[[str], None],
) -> Forgetting:
    from consumer.inspect import forgetting
    from consumer.inspect.kafka_reader import KafkaTopicReader
    from consumer.inspect.reading import EVERYTHING
    from consumer.inspect.search import Search
    from consumer.wiring import clients
    from consumer.wiring.rulebook import rulebook
    from consumer.wiring.schemas import open_schemas

    topics = settings.topics
    reader = KafkaTopicReader(clients.connection(settings), f"{settings.kafka.group}-inspect")
    if order_ref is None:
        return forgetting.of_visitor(visitor or "", topics, reader)
    schemas = open_schemas(settings)
    groups = clients.group(settings, "attribute"), clients.group(settings, "deliver")
    search = Search(reader, schemas, topics, groups, rulebook(settings), EVERYTHING, progress)
    programmes = (programme,) if programme else [each.advertiser_id for each in settings.programmes]
    found_in, traces = search.find(programmes, order_ref)
    if traces.others:
        names = ", ".join((found_in, *traces.others))
        raise typer.BadParameter(f"the programmes {names} have an order of this reference: say which by --programme")
    return forgetting.of_order(found_in, order_ref, traces, topics, reader)


def _question(settings: Settings, found: Forgetting, order_ref: str | None) -> str:
    what = " and ".join(_erased(found, order_ref))
    return f"Append to {settings.topics.session_landed} what erases {what}?"


def _write(settings: Settings, found: Forgetting, order_ref: str | None) -> None:
    """Say what is erased and what is not, and when."""
    from consumer.cli import output

    console = output.console()
    numbers = ", ".join(str(each.partition) for each in found.tombstones)
    where = f"{settings.topics.session_landed}[{numbers}]"
    console.print(escape(f"Appended to {where}. It is done when the attribute stage has read that far."))
    rows = [("erased", escape(each)) for each in _erased(found, order_ref)]
    rows += [("not erased", escape(each)) for each in _not_erased(found)]
    console.print(output.pairs(rows))


def _erased(found: Forgetting, order_ref: str | None) -> Iterator[str]:
    if found.visitor == "forgotten":
        yield "what is kept of " + ("this visitor" if order_ref is None else f"the visitor of order {order_ref}")
    if found.order_checksums:
        yield f"the checksums remembered with order {order_ref}"


def _not_erased(found: Forgetting) -> Iterator[str]:
    if found.visitor == "not_known":
        yield "the visitor: the order's record is gone, so nobody knows whose it was. Forget him by --visitor ID"
    if found.visitor == "none":
        yield "a visitor: the order has none"
    if not found.order_checksums:
        yield "the checksums remembered with single orders: --order-ref erases those of one"
    yield "what stands on topics, until it expires there: docs/privacy.md"


def _append(settings: Settings, found: Forgetting) -> None:
    """Write the records and wait until they are there.

    Raises:
        Unavailable: the broker did not take one; nothing is wrong with asking again.
    """
    from consumer.wiring.append import Appender

    append = Appender(settings)
    for each in found.tombstones:
        append(each.topic, each.key, None, each.partition, each.headers)
