"""What the deliver stage can be told; the settings tree fills it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from consumer.awin.sread import ENDPOINT
from consumer.delivery.pacing.breaker import BreakerPolicy
from consumer.delivery.pacing.gate import GatePolicy, Limits
from consumer.stream.log import TopicPartition


class DeliverSettings(Struct, frozen=True, kw_only=True):
    """Topics and limits of delivery. Every ``…_ms`` is in milliseconds."""

    conversion_topic: Annotated[str, Meta(description="Input: the outbox.")] = "awin.conversion"
    deferred_topic: Annotated[str, Meta(description="Input and output: what is to be tried later.")] = "awin.deferred"
    control_topic: Annotated[str, Meta(description="What was ordered of programmes.")] = "awin.control"
    receipt_topic: Annotated[str, Meta(description="What became of every conversion.")] = "awin.receipt"
    dead_letter_topic: Annotated[str, Meta(description="Conversions that could not be delivered.")] = "awin.dead-letter"
    max_message_bytes: Annotated[int, Meta(description="Largest record that can be written.")] = 2_097_152
    endpoint: Annotated[str, Meta(description="Where sread requests go.")] = ENDPOINT
    max_outstanding: Annotated[int, Meta(description="Conversions unfinished at once, per instance.")] = 64
    connect_timeout_ms: Annotated[int, Meta(description="Longest wait for a connection.")] = 10_000
    read_timeout_ms: Annotated[int, Meta(description="Longest wait for the next bytes of an answer.")] = 20_000
    write_timeout_ms: Annotated[int, Meta(description="Longest wait for the request to leave.")] = 10_000
    pool_timeout_ms: Annotated[int, Meta(description="Longest wait for a free connection.")] = 10_000
    retry_base_ms: Annotated[int, Meta(description="First back-off; doubles, with full jitter.")] = 500
    retry_cap_ms: Annotated[int, Meta(description="Longest back-off, and longest Retry-After obeyed.")] = 30_000
    max_attempts: Annotated[
        int, Meta(description="Attempts before a dead letter, counted only while others of the programme succeed.")
    ] = 8
    max_age_ms: Annotated[int, Meta(description="Sales completed longer ago are not sent: dead letter.")] = 86_400_000
    drain_budget_ms: Annotated[
        int, Meta(description="Time for calls in flight to end when partitions go or the stage stops.")
    ] = 5_000
    group_commit_ms: Annotated[int, Meta(description="Longest wait of an ending for others to commit with.")] = 100
    query_timeout_ms: Annotated[int, Meta(description="Longest wait for the broker to tell an offset.")] = 2_000
    unknown_outcome: Annotated[
        Literal["retry", "park"],
        Meta(description="After an attempt that may have reached Awin: send again, or keep as a dead letter."),
    ] = "retry"
    flood_share: Annotated[
        float, Meta(description="Share of undecodable records among the last 1,000 that stops the stage.")
    ] = 0.5
    session_timeout_ms: Annotated[
        int, Meta(description="The group's session timeout; no attempt starts when the last poll is half as old.")
    ] = 45_000

    backlog_after_ms: Annotated[
        int,
        Meta(description="Orders completed longer ago are put off when they are read, so that newer ones go first."),
    ] = 180_000
    deferred_delay_ms: Annotated[int, Meta(description="How long a deferred conversion rests at first.")] = 60_000
    deferred_delay_cap_ms: Annotated[int, Meta(description="How long it rests at the most.")] = 900_000
    breaker_failures: Annotated[int, Meta(description="Failures in a row that open a programme's breaker.")] = 5
    breaker_after_ms: Annotated[int, Meta(description="How long they must have gone on.")] = 5_000
    breaker_cooldown_ms: Annotated[int, Meta(description="From opening to the first probe; doubles.")] = 5_000
    breaker_cooldown_cap_ms: Annotated[int, Meta(description="Longest time between two probes.")] = 60_000
    halt_after: Annotated[int, Meta(description="Orders rejected in a row that halt a programme.")] = 10
    max_poll_records: Annotated[int, Meta(description="Records polled at once; most of a backlog holds no slot.")] = 500
    limits: Annotated[
        dict[str, Limits], Meta(description="What a programme may do, over all instances; others have no limit.")
    ] = {}

    def inputs(self, partition: int) -> tuple[TopicPartition, TopicPartition]:
        """Return the partitions of this number of the outbox and of the deferred conversions."""
        return TopicPartition(self.conversion_topic, partition), TopicPartition(self.deferred_topic, partition)

    def gates(self) -> GatePolicy:
        """Return when a programme stops by itself."""
        breaker = BreakerPolicy(
            failures=self.breaker_failures,
            after_s=self.breaker_after_ms / 1000,
            cooldown_s=self.breaker_cooldown_ms / 1000,
            max_cooldown_s=self.breaker_cooldown_cap_ms / 1000,
        )
        return GatePolicy(breaker=breaker, halt_after=self.halt_after)
