"""What the stages report, as `/metrics` shows it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from consumer.attribute.conversion_counts import ConversionCounts
from consumer.attribute.noticed import Noticed
from consumer.attribute.ports import PartitionStanding
from consumer.attribution.touch import Kind
from consumer.delivery.metrics import Attempted, ProgrammeStanding, Sale
from consumer.ops.attribute_reporter import AttributeReporter
from consumer.ops.deliver_reporter import DeliverReporter
from consumer.ops.metrics import Metrics
from consumer.ops.stage_reporter import StageReporter
from consumer.stage_metrics import Behind
from consumer.stream.log import TopicPartition
from tests.delivery.conversions import SALE, T0_MS


def read(metrics: Metrics, name: str, labels: Mapping[str, str] | None = None) -> float | None:
    """Return one series."""
    return metrics.registry.get_sample_value(name, dict(labels or {}))


def test_lag_is_shown_in_records_and_in_time() -> None:
    """A partition of which no record was taken yet has no position; a revoked one has neither."""
    metrics = Metrics()
    reporter = StageReporter(metrics, "deliver")
    reporter.behind({TopicPartition("t", 0): Behind(5, 1_500), TopicPartition("t", 1): Behind(6, None)})
    first = {"stage": "deliver", "topic": "t", "partition": "0"}
    second = first | {"partition": "1"}
    assert read(metrics, "awin_lag_records", first) == 5
    assert read(metrics, "awin_position_timestamp_seconds", first) == 1.5
    assert read(metrics, "awin_lag_records", second) == 6
    assert read(metrics, "awin_position_timestamp_seconds", second) is None
    reporter.released([0])
    assert read(metrics, "awin_lag_records", first) is None
    assert read(metrics, "awin_lag_records", second) == 6


def test_a_stage_counts_under_its_own_name() -> None:
    """Both stages count into the same metrics, told apart by a label."""
    metrics = Metrics()
    for stage, count in (("attribute", 1), ("deliver", 2)):
        reporter = StageReporter(metrics, stage)
        reporter.records("in", count)
        reporter.written("out", count)
        reporter.dead_letters("odd", count)
        reporter.loop({"poll": count})
        reporter.aborted("rebalanced")
        reporter.rebalanced("lost")
        reporter.restored(0.5, count)
        reporter.committed(0.01)
        reporter.oldest({3: 2_000})
    here = {"stage": "deliver"}
    assert read(metrics, "awin_records_total", here | {"topic": "in"}) == 2
    assert read(metrics, "awin_records_written_total", here | {"topic": "out"}) == 2
    assert read(metrics, "awin_dead_letters_total", here | {"reason": "odd"}) == 2
    assert read(metrics, "awin_loop_seconds_total", here | {"state": "poll"}) == 2
    assert read(metrics, "awin_aborts_total", here | {"reason": "rebalanced"}) == 1
    assert read(metrics, "awin_rebalances_total", here | {"event": "lost"}) == 1
    assert read(metrics, "awin_restored_changes_total", here) == 2
    assert read(metrics, "awin_commit_seconds_count", here) == 1
    assert read(metrics, "awin_oldest_undelivered_timestamp_seconds", here | {"partition": "3"}) == 2


def test_conversions_are_counted_and_added_up() -> None:
    """By programme, channel and currency; shadow ones are not due, and values stay exact until they are shown."""
    metrics = Metrics()
    counts = ConversionCounts({"1001": "DEFAULT"})
    for conversion in (
        SALE,
        replace(SALE, amount=Decimal("0.01"), notes=("pro_rata",), session_cut=4),
        replace(SALE, mode="shadow", channel="na", click_checksums=(), test=True, parts=()),
        replace(SALE, method="offline", currency="JPY", amount=Decimal(7)),
    ):
        counts.add(conversion)
    AttributeReporter(metrics, lambda: T0_MS + 20_000).conversions(counts)
    ours = {"programme": "1001"}
    assert read(metrics, "awin_conversions_total", ours | {"channel": "aw"}) == 3
    assert read(metrics, "awin_conversion_value_total", ours | {"channel": "aw", "currency": "EUR"}) == 50.0
    assert read(metrics, "awin_conversion_value_total", ours | {"channel": "aw", "currency": "JPY"}) == 7
    assert read(metrics, "awin_due_conversions_total", ours) == 2
    assert read(metrics, "awin_conversions_with_checksum_total", ours) == 3
    assert read(metrics, "awin_conversions_default_group_total", ours) == 3
    assert read(metrics, "awin_conversions_test_total", ours) == 1
    assert read(metrics, "awin_conversions_forced_total") == 1
    assert read(metrics, "awin_conversion_notes_total", {"note": "pro_rata"}) == 1
    assert read(metrics, "awin_decision_seconds_bucket", {"le": "15.0"}) == 0
    assert read(metrics, "awin_decision_seconds_bucket", {"le": "20.0"}) == 4


def test_what_a_partition_noticed_is_counted() -> None:
    """Sessions by what they carry, late ones by how late, and what was erased."""
    metrics = Metrics()
    AttributeReporter(metrics, lambda: 0).noticed(
        Noticed(
            sessions=12,
            sessions_with_query=9,
            checksums={Kind.NORMAL.value: 2, Kind.GCLID.value: 1},
            malformed_checksums=3,
            lateness_ms=[500, 70_000],
            erased_checksums=4,
            forgotten_visitors=5,
            forgotten_orders=6,
        )
    )
    assert read(metrics, "awin_sessions_total") == 12
    assert read(metrics, "awin_sessions_with_query_total") == 9
    assert read(metrics, "awin_session_checksums_total", {"form": "normal"}) == 2
    assert read(metrics, "awin_session_checksums_total", {"form": "gclid"}) == 1
    assert read(metrics, "awin_session_checksums_total", {"form": "malformed"}) == 3
    assert read(metrics, "awin_late_session_seconds_bucket", {"le": "1.0"}) == 1
    assert read(metrics, "awin_late_session_seconds_count") == 2
    assert [read(metrics, "awin_erased_total", {"what": what}) for what in ("checksums", "visitors", "orders")] == [
        4,
        5,
        6,
    ]


def test_where_partitions_stand_is_shown_until_they_go() -> None:
    """Watermark and pending orders, of those that are worked on."""
    metrics = Metrics()
    reporter = AttributeReporter(metrics, lambda: 0)
    reporter.partitions({0: PartitionStanding(5_000, 3), 1: PartitionStanding(6_000, 4)})
    reporter.released([0])
    assert read(metrics, "awin_watermark_timestamp_seconds", {"partition": "0"}) is None
    assert read(metrics, "awin_watermark_timestamp_seconds", {"partition": "1"}) == 6
    assert read(metrics, "awin_pending_orders", {"partition": "1"}) == 4


def test_requests_are_counted_by_how_they_ended() -> None:
    """One that failed also by its class, one that was made before also as a retry."""
    metrics = Metrics()
    reporter = DeliverReporter(metrics)
    call = Attempted(programme="1001", method="sread", outcome="delivered", failure="", seconds=0.2, again=False)
    reporter.attempted(call)
    reporter.attempted(replace(call, outcome="throttled", failure="http_503", again=True))
    ours = {"programme": "1001"}
    assert read(metrics, "awin_attempts_total", ours | {"outcome": "delivered"}) == 1
    assert read(metrics, "awin_attempts_total", ours | {"outcome": "throttled"}) == 1
    assert read(metrics, "awin_attempt_failures_total", ours | {"failure": "http_503"}) == 1
    assert read(metrics, "awin_retries_total", ours) == 1
    assert read(metrics, "awin_attempt_seconds_count", {"method": "sread"}) == 2


def test_a_delivered_sale_is_timed_from_four_moments() -> None:
    """And counted with its value, by the channel reported."""
    metrics = Metrics()
    DeliverReporter(metrics).delivered(
        Sale(
            programme="1001",
            channel="aw",
            currency="EUR",
            amount=Decimal("9.90"),
            since_completion_s=50,
            since_entry_s=40,
            since_decidable_s=30,
            since_conversion_s=2,
        )
    )
    sums = {
        since: read(metrics, "awin_delivery_seconds_sum", {"since": since})
        for since in ("completion", "entry", "decidable", "conversion")
    }
    assert sums == {"completion": 50, "entry": 40, "decidable": 30, "conversion": 2}
    assert read(metrics, "awin_delivered_total", {"programme": "1001", "channel": "aw"}) == 1
    value = {"programme": "1001", "channel": "aw", "currency": "EUR"}
    assert read(metrics, "awin_delivered_value_total", value) == 9.9


def test_where_programmes_stand_is_shown() -> None:
    """Why one is stopped, what its conversions wait for, and how many there are."""
    metrics = Metrics()
    reporter = DeliverReporter(metrics)
    reporter.programmes(
        {
            "1": ProgrammeStanding(stop="halted", waiting=4),
            "2": ProgrammeStanding(limits=frozenset({"rate"}), in_flight=3),
        }
    )
    assert read(metrics, "awin_programme_stopped", {"programme": "1", "reason": "halted"}) == 1
    assert read(metrics, "awin_programme_stopped", {"programme": "1", "reason": "paused"}) == 0
    assert read(metrics, "awin_programme_stopped", {"programme": "2", "reason": "halted"}) == 0
    assert read(metrics, "awin_programme_limited", {"programme": "2", "limit": "rate"}) == 1
    assert read(metrics, "awin_waiting_conversions", {"programme": "1"}) == 4
    assert read(metrics, "awin_in_flight_requests", {"programme": "2"}) == 3
    reporter.programmes({"2": ProgrammeStanding()})
    assert read(metrics, "awin_programme_stopped", {"programme": "1", "reason": "halted"}) is None


def test_the_other_figures_of_deliver() -> None:
    """Endings, deferrals, possible repeats, what was cut, and what is in hand."""
    metrics = Metrics(["1001"])
    reporter = DeliverReporter(metrics)
    reporter.ending("1001", "delivered")
    reporter.deferred("1001", "breaker")
    reporter.possible_repeat("1001")
    reporter.left_out("products")
    reporter.outstanding(7, 64)
    assert read(metrics, "awin_endings_total", {"programme": "1001", "ending": "delivered"}) == 1
    assert read(metrics, "awin_deferrals_total", {"programme": "1001", "reason": "breaker"}) == 1
    assert read(metrics, "awin_possible_repeats_total", {"programme": "1001"}) == 1
    assert read(metrics, "awin_requests_cut_total", {"what": "products"}) == 1
    assert read(metrics, "awin_outstanding_conversions") == 7
    assert read(metrics, "awin_outstanding_conversions_limit") == 64
