"""What the deliver stage can be told; the settings tree fills it."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from consumer.awin.sread import ENDPOINT
from consumer.stream.log import TopicPartition


class DeliverSettings(Struct, frozen=True, kw_only=True):
    """Topics and limits of delivery. Every ``…_ms`` is in milliseconds."""

    conversion_topic: Annotated[str, Meta(description="Input: the outbox.")] = "awin.conversion"
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

    def input(self, partition: int) -> TopicPartition:
        """Return the outbox partition of this number."""
        return TopicPartition(self.conversion_topic, partition)
