"""Reads back what a run has committed and holds it against the reference."""

from __future__ import annotations

from collections.abc import Mapping

from confluent_kafka import ConsumerGroupTopicPartitions, TopicPartition
from confluent_kafka.admin import AdminClient

from benchmarks.inputs import QUIET
from benchmarks.process import BenchmarkError
from benchmarks.workload import Workload
from consumer.attribution.rules import Rulebook
from consumer.demo.reference import Expected, Facts, expect
from consumer.demo.tap import everything
from consumer.events import Conversion
from consumer.settings import Settings
from consumer.stream.avro import ConversionDecoder
from consumer.stream.schemas import Schemas

Answers = Mapping[tuple[int, int], Expected]


class Progress:
    """How far a group has committed in the input topics; nothing of the measured process is asked."""

    def __init__(self, settings: Settings, workload: Workload) -> None:
        self._admin = AdminClient({"bootstrap.servers": settings.kafka.bootstrap_servers, **QUIET})
        self._group = f"{settings.kafka.group}-attribute"
        self._ends: dict[tuple[str, int], int] = {}
        names = settings.topics
        for topic, records in ((names.session_landed, workload.sessions), (names.order_completed, workload.orders)):
            for record in records:
                self._ends[topic, record.partition] = record.offset + 1

    def is_complete(self) -> bool:
        """Return whether everything is committed."""
        asked = [ConsumerGroupTopicPartitions(self._group, [TopicPartition(*at) for at in self._ends])]
        answer = self._admin.list_consumer_group_offsets(asked)[self._group].result(10)
        found = {(each.topic, each.partition): each.offset for each in answer.topic_partitions}
        return found == self._ends


class Reference:
    """What must come out of a workload."""

    def __init__(self, workload: Workload, rules: Rulebook) -> None:
        self._workload = workload
        self._rules = rules
        self._answers = self._expect({})

    def check(self, settings: Settings) -> int:
        """Make sure that a run has decided each order exactly once and right; return how many conversions there are.

        Raises:
            BenchmarkError: something is missing, there twice, or wrong.
        """
        found = conversions(settings)
        cuts = {
            (each.source.partition, each.source.offset): each.session_cut
            for each in found
            if each.session_cut is not None
        }
        expected = self._expect(cuts) if cuts else self._answers
        by_source = {(each.source.partition, each.source.offset): each for each in found}
        if len(found) != len(by_source) or by_source.keys() != expected.keys():
            raise BenchmarkError(
                f"{len(found)} conversions of {len(by_source)} orders, expected {len(expected)} of each"
            )
        wrong = sum(_said(by_source[at]) != _wanted(answer) for at, answer in expected.items())
        if wrong:
            raise BenchmarkError(f"{wrong} of {len(expected)} conversions differ from the reference")
        return len(found)

    def _expect(self, cuts: Mapping[tuple[int, int], int]) -> Answers:
        answers = expect(self._workload.sessions, self._workload.orders, self._rules, facts=Facts(cuts=cuts))
        assert all(answer.ending == "conversion" for answer in answers.values())
        return answers


def conversions(settings: Settings) -> list[Conversion]:
    """Return every committed conversion of a run."""
    decode = ConversionDecoder(Schemas.load())
    records = everything(settings.kafka.bootstrap_servers, settings.topics.conversion)
    return [decode(value) for _, _, _, value in records]


def _said(conversion: Conversion) -> tuple[object, ...]:
    return (
        conversion.programme,
        conversion.order_ref,
        conversion.channel,
        conversion.reason,
        conversion.click_checksums,
        conversion.amount,
        conversion.currency,
        conversion.parts,
        conversion.vouchers,
        conversion.customer_acquisition,
        conversion.custom,
        conversion.products,
        conversion.notes,
        conversion.test,
    )


def _wanted(answer: Expected) -> tuple[object, ...]:
    return (
        answer.programme,
        answer.order_ref,
        answer.channel,
        answer.why,
        answer.click_checksums,
        answer.amount,
        answer.currency,
        answer.parts,
        answer.vouchers,
        answer.customer_acquisition,
        answer.custom,
        answer.products,
        answer.notes,
        answer.test,
    )
