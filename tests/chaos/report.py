"""What a chaos run says at its end: one value for programs, a table for people. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct
from rich.table import Table

from consumer.cli.output import table
from consumer.demo.awin import AwinRequest
from consumer.demo.reference import Expected
from tests.chaos.recovery import Arrival, Cost, Span, costs
from tests.chaos.verdict import Evidence, Order, Verdict, judge


class Report(Struct, frozen=True, kw_only=True):
    """The result of a run."""

    seed: int
    orders: int
    """That Awin has to hear of."""
    delivered: int
    rejected: int
    """By Awin, so that they are dead letters."""
    left_for_export: int
    lost: int
    wrong: int
    sent_twice: int
    """Sales that Awin accepted in excess of one for each order."""
    after_unknown: int
    """Of these, so many after an attempt of unknown outcome."""
    sent_twice_bound: int
    interruptions: int
    """Deaths of deliver, and releases of partitions that it lost or left with doubts."""
    requests: int
    decided_by_force: int
    broken: tuple[str, ...]
    """Every broken promise."""
    audit_findings: int
    faults: tuple[Cost, ...]


def report(
    seed: int,
    evidence: Evidence,
    spans: Sequence[Span],
    recorded_ms: Mapping[tuple[int, int], int],
    *,
    forced: int,
    audit: Mapping[str, Any],
) -> Report:
    """Judge a run, and say what each of its faults cost.

    Args:
        seed: of the schedule.
        evidence: what the run has left.
        spans: its faults.
        recorded_ms: when each order record came into Kafka, by partition and offset.
        forced: how many orders were decided by force.
        audit: what `awin-consumer audit` said.
    """
    verdict = judge(evidence)
    told = [
        each for each in evidence.expected if each.ending == "conversion" and each.programme not in evidence.offline
    ]
    accepted = _accepted(evidence.requests)
    ready_ms = {order_of(each): max(each.decidable_at_ms, recorded_ms[each.partition, each.offset]) for each in told}
    arrivals = [
        Arrival(since_ms, next(iter(accepted.get(order, ())), None))
        for order, since_ms in ready_ms.items()
        if not _is_dead(order, evidence, accepted)
    ]
    return Report(
        seed=seed,
        orders=verdict.orders,
        delivered=verdict.delivered,
        rejected=verdict.rejected,
        left_for_export=verdict.left_for_export,
        lost=len(verdict.lost),
        wrong=len(verdict.wrong),
        sent_twice=verdict.sent_twice,
        after_unknown=verdict.after_unknown,
        sent_twice_bound=verdict.sent_twice_bound,
        interruptions=evidence.interruptions,
        requests=len(evidence.requests),
        decided_by_force=forced,
        broken=tuple(verdict.broken()),
        audit_findings=audit["findings_total"],
        faults=tuple(costs(spans, arrivals, _lost_ms(verdict, evidence), _repeated_ms(accepted))),
    )


def order_of(expected: Expected) -> Order:
    """Return by what an order is known."""
    return expected.programme, expected.order_ref


def costs_table(found: Report) -> Table:
    """Return the table of faults."""
    rows = [
        (each.fault, each.times, each.lost, each.repeated, ", ".join(f"{seconds:.1f}" for seconds in each.recovery_s))
        for each in found.faults
    ]
    return table(("fault", "times", "lost", "repeated", "recovery s"), rows, numbers=("times", "lost", "repeated"))


def summary(found: Report) -> str:
    """Return the figures of the run in a few lines, broken promises last."""
    orders = f"{found.orders} orders: {found.delivered} delivered, {found.rejected} rejected by Awin, {found.lost} lost"
    repeats = f"Awin accepted {found.sent_twice} sales in excess, {found.after_unknown} after an unknown outcome"
    return "\n".join(
        [
            f"{orders}; {found.left_for_export} more are left for the export.",
            f"{repeats}; {found.interruptions} interruptions explain up to {found.sent_twice_bound}.",
            f"The audit has {found.audit_findings} findings.",
            *(found.broken or ["Every promise is kept."]),
        ]
    )


def _accepted(requests: Sequence[AwinRequest]) -> dict[Order, list[int]]:
    """Return when each order was accepted, the first time first."""
    found: dict[Order, list[int]] = {}
    for request in requests:
        if request.accepted:
            found.setdefault((request.parameters.get("merchant", ""), request.ref), []).append(request.received_at_ms)
    return {order: sorted(times) for order, times in found.items()}


def _is_dead(order: Order, evidence: Evidence, accepted: Mapping[Order, Sequence[int]]) -> bool:
    """Whether Awin never wanted it: that it never arrived says nothing about how quick we are."""
    return order not in accepted and any((each.programme, each.order_ref) == order for each in evidence.dead_letters)


def _lost_ms(verdict: Verdict, evidence: Evidence) -> list[int]:
    completed = {order_of(each): each.decidable_at_ms for each in evidence.expected}
    return [completed[order] for order in verdict.lost]


def _repeated_ms(accepted: Mapping[Order, Sequence[int]]) -> list[int]:
    return [at_ms for times in accepted.values() for at_ms in times[1:]]
