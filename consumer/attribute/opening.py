"""Where an assigned partition begins: at the group's offsets, or, the first time ever, at the cut-over."""

from __future__ import annotations

from collections.abc import Mapping

from consumer.attribute.ports import AttributeSettings, InputFacts
from consumer.attribution.rules import Rules
from consumer.errors import OffsetsLost, TopicError
from consumer.state.orders import Ledger
from consumer.state.partition import PartitionState
from consumer.stream.log import Committed, Source, TopicPartition


def first_start(
    state: PartitionState, settings: AttributeSettings, rules: Rules, facts: InputFacts, source: Source, now_ms: int
) -> tuple[int, int]:
    """Set the facts of a partition's first assignment and return its session and order offsets.

    Sessions are read from the cut-over less the window, so that the first orders find their clicks; and from yet a bit
    earlier, because a record's time may be before its event's.

    Raises:
        Unavailable: the broker did not tell the offsets in time; nothing was set.
    """
    cut_over_ms = now_ms if settings.cut_over_ms is None else settings.cut_over_ms
    sessions, orders = settings.inputs(state.partition)
    at = source.offsets_at(
        {
            sessions: max(0, cut_over_ms - rules.window_ms - rules.max_clock_skew_ms),
            orders: max(0, cut_over_ms - rules.max_clock_skew_ms),
        },
        settings.query_timeout_s,
    )
    state.open_ledger(
        Ledger(
            cut_over_ms=cut_over_ms,
            session_topic_id=facts.session_topic_id,
            order_topic_id=facts.order_topic_id,
            partition_count=facts.partition_count,
            first_session_offset=at[sessions],
            first_order_offset=at[orders],
            touches_topic_id=facts.touches_topic_id,
        )
    )
    return at[sessions], at[orders]


def next_start(
    state: PartitionState,
    settings: AttributeSettings,
    facts: InputFacts,
    committed: Mapping[TopicPartition, Committed],
) -> tuple[int, int]:
    """Return the group's session and order offsets, after checking that state and topics belong to them.

    Raises:
        OffsetsLost: there is state but no committed offset, or the other way round.
        TopicError: a topic was re-created or has another partition count than the state was made for.
    """
    partition = state.partition
    if state.is_new:
        raise OffsetsLost(
            f"partition {partition} has committed offsets but its changelog {settings.orders_topic} is empty: the "
            "changelog was deleted. Restore the topic, or delete the group's offsets to begin anew at the cut-over"
        )
    _check_topics(state, settings, facts)
    sessions, orders = settings.inputs(partition)
    missing = [t.topic for t in (sessions, orders) if t not in committed]
    if missing:
        raise OffsetsLost(
            f"the group has no committed offset for partition {partition} of {' and '.join(missing)}, but there is "
            "state for it: the offsets expired or were deleted. Set them to where reading should go on, or delete "
            "the changelog topics to begin anew at the cut-over"
        )
    return committed[sessions].offset, committed[orders].offset


def _check_topics(state: PartitionState, settings: AttributeSettings, facts: InputFacts) -> None:
    ledger = state.ledger
    if ledger.partition_count != facts.partition_count:
        raise TopicError(
            f"{settings.session_topic} and {settings.order_topic} have {facts.partition_count} partitions, but the "
            f"state was made for {ledger.partition_count}: keys no longer meet their state. See docs/operations.md, "
            "'Changing the number of partitions'"
        )
    for topic, known, found in (
        (settings.session_topic, ledger.session_topic_id, facts.session_topic_id),
        (settings.order_topic, ledger.order_topic_id, facts.order_topic_id),
        (settings.touches_topic, ledger.touches_topic_id, facts.touches_topic_id),
    ):
        if known != found:
            raise TopicError(
                f"{topic} was deleted and created again (id {known}, now {found}): the committed offsets mean nothing "
                "in it, or the clicks kept in it are lost. See docs/operations.md, 'A topic was created again'"
            )
