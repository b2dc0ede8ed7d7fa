"""Finds what the topics say about one order, reading no more than needed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from msgspec import structs

from consumer.attribution.conversion import FORGOTTEN
from consumer.attribution.rules import Rulebook
from consumer.events import Position, outbox_key
from consumer.inspect.input_search import InputSearch
from consumer.inspect.judgement import judge
from consumer.inspect.output_search import LetterFound, OutputSearch
from consumer.inspect.reading import Newest, Reading
from consumer.inspect.state_search import in_state
from consumer.inspect.topic_reader import TopicReader
from consumer.inspect.traces import Refusal, Traces, decisive, refusal
from consumer.settings import Topics
from consumer.stream.log import Committed
from consumer.stream.schemas import Schemas


class Search:
    """Looks for orders.

    Args:
        reader: where to read.
        schemas: how our own records are written.
        topics: their names.
        groups: the consumer groups of attribute and deliver.
        rulebook: the settings as they are.
        newest: how much to read of dead letters, state and orders.
        progress: told what is being read.
    """

    def __init__(
        self,
        reader: TopicReader,
        schemas: Schemas,
        topics: Topics,
        groups: tuple[str, str],
        rulebook: Rulebook,
        newest: Newest,
        progress: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._reader = reader
        self._topics = topics
        self._newest = newest
        self._progress = progress
        self._rulebook = rulebook
        self._inputs = InputSearch(schemas, groups[0], rulebook.shop)
        self._outputs = OutputSearch(schemas, groups[1])

    def traces(self, programme: str, order_ref: str) -> Traces:
        """Return everything found of an order. Conversion and receipt are found by their key's partition.

        Raises:
            KafkaError: the topics cannot be read.
            StateError: a newer release wrote the state.
        """
        return self.find((programme,), order_ref)[1]

    def find(self, programmes: Sequence[str], order_ref: str) -> tuple[str, Traces]:
        """Look for an order in several programmes; return the one that has it, with everything found there.

        Where several have it, it is the first in which it was decided, and the others are named.

        Raises:
            KafkaError: the topics cannot be read.
            StateError: a newer release wrote the state.
        """
        reading = Reading(self._reader, self._topics, self._newest, self._progress)
        read_to = self._inputs.read_to(reading)  # before all else: what is read meanwhile left no trace yet
        keys = {outbox_key(programme, order_ref): programme for programme in programmes}
        outbox = self._outputs.outbox(keys, reading)
        letters = self._outputs.letters(order_ref, reading)
        is_decided = any(found.conversions for found in outbox.values())
        state = {} if is_decided else in_state(keys, reading)
        found = {
            programme: structs.replace(
                outbox[programme],
                refusals=_refusals(letters, programme, order_ref),
                waiting=state.get(programme, _NOTHING).waiting,
                remembered=state.get(programme, _NOTHING).remembered,
                in_state=state.get(programme, _NOTHING).in_state,
            )
            for programme in programmes
        }
        programme = max(programmes, key=lambda each: _weight(found[each]))
        traces = found[programme]
        if _source(traces) is None:
            traces = self._with_records(traces, programmes, order_ref, read_to, reading)
        else:
            traces = self._with_inputs(traces, order_ref, reading)
        return programme, structs.replace(traces, others=_others(programme, found), notes=tuple(reading.notes))

    def _with_inputs(self, traces: Traces, order_ref: str, reading: Reading) -> Traces:
        """Add what the records of the shop say."""
        decided, source = decisive(traces), _source(traces)
        order = None if source is None else self._inputs.order_at(source, order_ref, reading)
        forgotten = None
        if decided is not None and order is not None and FORGOTTEN in decided.conversion.notes:
            forgotten = self._inputs.forgotten_before(decided, order.order, reading)
        return structs.replace(
            traces,
            order=order,
            sessions={} if decided is None else self._inputs.landings_of(decided.conversion, reading),
            forgotten=forgotten,
        )

    def _with_records(
        self,
        traces: Traces,
        programmes: Collection[str],
        order_ref: str,
        read_to: Mapping[int, Committed],
        reading: Reading,
    ) -> Traces:
        """Add the newest record of the reference in these programmes, since nothing says which one the order's is."""
        records = self._inputs.orders_of(order_ref, reading)
        elsewhere = set()
        for order in reversed(records):
            stand = self._inputs.stand(order.at.partition, read_to.get(order.at.partition), reading)
            judgement = judge(order, stand, self._rulebook)
            if judgement.programme is None or judgement.programme in programmes:
                return structs.replace(traces, order=order, other_records=len(records) - 1, judgement=judgement)
            elsewhere.add(judgement.programme)
        reading.notes += [
            f"programme {other} has an order of this reference: --programme {other}" for other in sorted(elsewhere)
        ]
        unread = None if _weight(traces) else self._inputs.unread_orders(reading)
        return structs.replace(traces, unread_orders=unread)


_NOTHING = Traces()
_REFUSED, _ACCEPTED, _DECIDED = 1, 2, 3


def _refusals(letters: Iterable[LetterFound], programme: str, order_ref: str) -> list[Refusal]:
    found = (refusal(letter, at, programme, order_ref, replayed_at_ms) for letter, at, replayed_at_ms in letters)
    return [each for each in found if each is not None]


def _others(programme: str, found: Mapping[str, Traces]) -> list[str]:
    return [other for other, traces in found.items() if other != programme and _weight(traces) > _REFUSED]


def _weight(traces: Traces) -> int:
    """Return how far an order has come, as far as is known: 0 when nothing is."""
    if traces.conversions or traces.receipt is not None:
        return _DECIDED
    if traces.waiting is not None or traces.remembered is not None:
        return _ACCEPTED
    return _REFUSED if traces.refusals else 0


def _source(traces: Traces) -> Position | None:
    """Return where the order's record stands."""
    decided = decisive(traces)
    if decided is not None:
        return decided.conversion.source
    found = traces.waiting or traces.remembered
    return None if found is None else found.source
