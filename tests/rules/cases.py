"""What brings each alert to fire, what ends it, and what must leave it silent.

Series are in promtool's notation: start, step and number of repetitions, one value per step of the case. Times count
from the first value, in which `time()` is 0.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

HERE = 'namespace="shop",job="awin",pod="awin-0"'
OTHER = 'namespace="shop",job="awin",pod="awin-1"'
TOPIC = f'{HERE},stage="attribute",topic="order.completed",partition="0"'
IN_TIME = f'awin_delivery_seconds_bucket{{{HERE},since="entry",le="120.0"}}'
DUE = f'awin_due_conversions_total{{{HERE},programme="1001"}}'
OLDEST = f'awin_oldest_undelivered_timestamp_seconds{{{HERE},stage="deliver",partition="0"}}'


def stopped(reason: str) -> str:
    """Return the name of a series."""
    return f'awin_programme_stopped{{{HERE},programme="1001",reason="{reason}"}}'


class Case(Struct, frozen=True, kw_only=True):
    """One run of series, and at which times an alert fires or does not."""

    alert: str
    about: str
    series: Mapping[str, str]
    fires: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()
    step: str = "1m"


FAST = (
    Case(
        alert="AwinDeliveryBudgetBurnsFast",
        about="Awin is away for half an hour, and what was due then comes late",
        series={DUE: "0+10x400", IN_TIME: "0+10x60 600+0x30 600+10x310"},
        fires=("80m",),
        silent=("59m", "150m"),
    ),
    Case(
        alert="AwinDeliveryBudgetBurnsFast",
        about="one of a handful of orders was late",
        series={DUE: "0 0 0 1 1 1 2 2 2 3x60", IN_TIME: "0 0 0 1 1 1 1 1 1 2x60"},
        silent=("8m", "12m", "30m"),
    ),
    Case(
        alert="AwinDeliveryBudgetBurnsFast",
        about="the pods were restarted, and their counters begin anew",
        series={DUE: "0+10x60 0+10x100", IN_TIME: "0+10x60 0+10x100"},
        silent=("61m", "62m", "65m", "90m"),
    ),
    Case(
        alert="AwinOrdersUndelivered",
        about="an order hangs, and is delivered at last",
        series={OLDEST: "0x20 _x20"},
        fires=("12m",),
        silent=("5m", "30m"),
    ),
    Case(
        alert="AwinOrdersUndelivered",
        about="orders come and go, each within a minute",
        series={OLDEST: "0+60x60"},
        silent=("30m", "60m"),
    ),
    Case(
        alert="AwinOrdersUndelivered",
        about="a programme is paused by hand",
        series={OLDEST: "0x60", stopped("paused"): "1x60"},
        silent=("12m", "60m"),
    ),
    Case(
        alert="AwinBreakerOpen",
        about="a breaker opens and closes",
        series={stopped("breaker"): "0x5 1x10 0x10"},
        fires=("10m",),
        silent=("4m", "18m"),
    ),
    Case(
        alert="AwinBreakerOpen",
        about="one breaks off for a moment",
        series={stopped("breaker"): "0x5 1x1 0x10"},
        silent=("5m", "6m", "10m"),
    ),
    Case(
        alert="AwinProgrammeHalted",
        about="a programme is halted and resumed",
        series={stopped("halted"): "0x5 1x10 0x10"},
        fires=("7m",),
        silent=("4m", "18m"),
    ),
    Case(
        alert="AwinProgrammeHalted",
        about="a programme is paused, which somebody wanted",
        series={stopped("halted"): "0x30", stopped("paused"): "1x30"},
        silent=("10m", "30m"),
    ),
    Case(
        alert="AwinProgrammePaused",
        about="a pause is forgotten, and ended",
        series={stopped("paused"): "0x5 1x90 0x30"},
        fires=("80m",),
        silent=("30m", "110m"),
    ),
    Case(
        alert="AwinProgrammePaused",
        about="a pause for a price list",
        series={stopped("paused"): "0x5 1x30 0x60"},
        silent=("30m", "70m"),
    ),
    Case(
        alert="AwinDeadLetters",
        about="three records are put aside",
        series={f'awin_dead_letters_total{{{HERE},stage="deliver",reason="rejected"}}': "0x5 3x60"},
        fires=("10m",),
        silent=("4m", "40m"),
    ),
    Case(
        alert="AwinDeadLetters",
        about="a shop repeats an order with other lines",
        series={f'awin_dead_letters_total{{{HERE},stage="attribute",reason="conflict"}}': "0+5x60"},
        silent=("10m", "60m"),
    ),
    Case(
        alert="AwinDeadLetterFlood",
        about="a producer sends nonsense for a while",
        series={
            f'awin_dead_letters_total{{{HERE},stage="attribute",reason="bad_framing"}}': "0x10 0+20x20 400x60",
            f'awin_records_total{{{HERE},stage="attribute",topic="order.completed"}}': "0+100x100",
        },
        fires=("25m",),
        silent=("9m", "60m"),
    ),
    Case(
        alert="AwinDeadLetterFlood",
        about="a bad record now and then, at a low volume",
        series={
            f'awin_dead_letters_total{{{HERE},stage="attribute",reason="bad_framing"}}': "0 1 1 2 2 3x30",
            f'awin_records_total{{{HERE},stage="attribute",topic="order.completed"}}': "0+1x40",
        },
        silent=("5m", "20m"),
    ),
    Case(
        alert="AwinPossibleRepeats",
        about="an instance died at work",
        series={f'awin_possible_repeats_total{{{HERE},programme="1001"}}': "0x5 4x120"},
        fires=("10m",),
        silent=("4m", "100m"),
    ),
    Case(
        alert="AwinPossibleRepeats",
        about="instances come and go in order",
        series={f'awin_possible_repeats_total{{{HERE},programme="1001"}}': "0x20 _x5 0x40"},
        silent=("10m", "60m"),
    ),
    Case(
        alert="AwinAttributeBehind",
        about="orders are not read for a while",
        series={
            f"awin_lag_records{{{TOPIC}}}": "0x10 500x20 0x20",
            f"awin_position_timestamp_seconds{{{TOPIC}}}": "0+60x10 600x20 1860+60x20",
        },
        fires=("25m",),
        silent=("9m", "40m"),
    ),
    Case(
        alert="AwinAttributeBehind",
        about="nothing comes in, so that the newest record grows old",
        series={f"awin_lag_records{{{TOPIC}}}": "0x60", f"awin_position_timestamp_seconds{{{TOPIC}}}": "0x60"},
        silent=("30m", "60m"),
    ),
    Case(
        alert="AwinLagGrows",
        about="more comes in than is read",
        series={f"awin_lag_records{{{TOPIC}}}": "0+2000x60 120000-20000x6 0x40"},
        fires=("50m",),
        silent=("10m", "90m"),
    ),
    Case(
        alert="AwinLagGrows",
        about="a backlog is read",
        series={f"awin_lag_records{{{TOPIC}}}": "500000-5000x90"},
        silent=("20m", "50m", "90m"),
    ),
    Case(
        alert="AwinRetentionRunsOut",
        about="what is not read is half as old as the topic keeps it, and is read",
        series={
            f"awin_lag_records{{{TOPIC}}}": "500x50 0x20",
            f"awin_position_timestamp_seconds{{{TOPIC}}}": "0x50 3060+60x20",
            f'awin_topic_retention_seconds{{{HERE},topic="order.completed"}}': "3600x80",
        },
        fires=("35m",),
        silent=("20m", "60m"),
    ),
    Case(
        alert="AwinRetentionRunsOut",
        about="the topic keeps records for ever",
        series={
            f"awin_lag_records{{{TOPIC}}}": "500x100",
            f"awin_position_timestamp_seconds{{{TOPIC}}}": "0x100",
        },
        silent=("50m", "100m"),
    ),
    Case(
        alert="AwinRestoreTakesLong",
        about="a partition is restored for twenty minutes",
        series={
            f'awin_restore_started_timestamp_seconds{{{HERE},stage="attribute",partition="0"}}': "0x20 _x20",
        },
        fires=("17m",),
        silent=("10m", "30m"),
    ),
    Case(
        alert="AwinRestoreTakesLong",
        about="many partitions are restored one after the other, each quickly",
        series={
            f'awin_restore_started_timestamp_seconds{{{HERE},stage="attribute",partition="0"}}': "0x5 _x40",
            f'awin_restore_started_timestamp_seconds{{{HERE},stage="attribute",partition="1"}}': "_x6 360x10 _x30",
            f'awin_restore_started_timestamp_seconds{{{HERE},stage="attribute",partition="2"}}': "_x16 960x10 _x20",
        },
        silent=("5m", "14m", "24m"),
    ),
    Case(
        alert="AwinBrokersGone",
        about="no broker answers for a while",
        series={f'awin_brokers_up{{{HERE},stage="deliver"}}': "3x5 0x10 3x10"},
        fires=("10m",),
        silent=("4m", "20m"),
    ),
    Case(
        alert="AwinBrokersGone",
        about="one pod has lost its connections, others have theirs",
        series={
            f'awin_brokers_up{{{HERE},stage="deliver"}}': "0x30",
            f'awin_brokers_up{{{OTHER},stage="deliver"}}': "3x30",
        },
        silent=("10m", "30m"),
    ),
    Case(
        alert="AwinConsumerDown",
        about="all pods go, and come back",
        series={f'awin_build_info{{{HERE},version="1"}}': "1x10 _x20 1x30"},
        fires=("25m",),
        silent=("9m", "45m"),
    ),
    Case(
        alert="AwinConsumerDown",
        about="one of two pods goes",
        series={
            f'awin_build_info{{{HERE},version="1"}}': "1x10 _x60",
            f'awin_build_info{{{OTHER},version="1"}}': "1x70",
        },
        silent=("25m", "60m"),
    ),
    Case(
        alert="AwinStageNotReady",
        about="a stage waits for the broker for long",
        series={f'awin_stage_ready{{{HERE},stage="deliver"}}': "1x5 0x20 1x10"},
        fires=("20m",),
        silent=("10m", "30m"),
    ),
    Case(
        alert="AwinStageNotReady",
        about="a rolling restart",
        series={f'awin_stage_ready{{{HERE},stage="deliver"}}': "1x5 0x3 1x20"},
        silent=("7m", "15m", "25m"),
    ),
    Case(
        alert="AwinLoopStalled",
        about="a loop stands still for some minutes",
        series={f'awin_heartbeat_timestamp_seconds{{{HERE},stage="deliver"}}': "0+60x5 300x5 660+60x10"},
        fires=("8m",),
        silent=("5m", "14m"),
    ),
    Case(
        alert="AwinLoopStalled",
        about="the loop turns",
        series={f'awin_heartbeat_timestamp_seconds{{{HERE},stage="deliver"}}': "0+60x30"},
        silent=("10m", "30m"),
    ),
    Case(
        alert="AwinTestModeInLive",
        about="orders travel as tests in a live installation",
        series={
            f'awin_conversions_test_total{{{HERE},programme="1001"}}': "0x5 3x60",
            f'awin_config_info{{{HERE},mode="live"}}': "1x70",
        },
        fires=("10m",),
        silent=("4m", "40m"),
    ),
    Case(
        alert="AwinTestModeInLive",
        about="the installation is in test mode",
        series={
            f'awin_conversions_test_total{{{HERE},programme="1001"}}': "0+5x60",
            f'awin_config_info{{{HERE},mode="test"}}': "1x70",
        },
        silent=("10m", "60m"),
    ),
)
"""Steps of a minute, over some hours at most."""

_HOUR = 4
_DAY = 24 * _HOUR
_WEEK = 7 * _DAY
"""In steps of a quarter of an hour."""

CHECKSUMS = f'awin_conversions_with_checksum_total{{{HERE},programme="1001"}}'
GROUPS = f'awin_conversions_default_group_total{{{HERE},programme="1001"}}'
SESSIONS = f"awin_sessions_total{{{HERE}}}"
QUERIES = f"awin_sessions_with_query_total{{{HERE}}}"
LATE = f"awin_late_session_seconds_count{{{HERE}}}"
MALFORMED = f'awin_session_checksums_total{{{HERE},form="malformed"}}'
NORMAL = f'awin_session_checksums_total{{{HERE},form="normal"}}'
ORDERS = f'awin_orders_total{{{HERE},ending="decided"}}'

_AT_WORK = "194h"
"""2 h after the change, which comes after 8 days (192 h)."""
_BEFORE, _AFTER = "191h", "197h"


def _conversions(channel: str = "aw") -> str:
    return f'awin_conversions_total{{{HERE},programme="1001",channel="{channel}"}}'


def _grows(*runs: tuple[int, int]) -> str:
    """A counter that grows by so much in each of so many steps, and then by another amount."""
    value, parts = 0, ["0"]
    for by, steps in runs:
        parts.append(f"{value + by}+{by}x{steps - 1}")
        value += by * steps
    return " ".join(parts)


def _shares(part: str, whole: str, before: int, after: int) -> dict[str, str]:
    """A share of so many in a hundred for eight days, another for two hours, and the first again."""
    runs = (_WEEK + _DAY, 2 * _HOUR, 6 * _HOUR)
    return {
        part: _grows((before, runs[0]), (after, runs[1]), (before, runs[2])),
        whole: _grows((100, sum(runs))),
    }


def _share(alert: str, about: str, series: Mapping[str, str], *, fires: bool) -> Case:
    """A share that changes after eight days, for two hours."""
    times = ((_AT_WORK,), (_BEFORE, _AFTER)) if fires else ((), (_BEFORE, _AT_WORK, _AFTER))
    return Case(alert=alert, about=about, series=series, fires=times[0], silent=times[1], step="15m")


_MANY_SESSIONS = {SESSIONS: _grows((500, 2 * _WEEK))}

SLOW = (
    Case(
        alert="AwinDeliveryBudgetBurns",
        about="one order in ten is late for five hours",
        series={
            DUE: _grows((200, 2 * _DAY)),
            IN_TIME: _grows((200, 8 * _HOUR), (180, 5 * _HOUR), (200, 30 * _HOUR)),
        },
        fires=("13h",),
        silent=("8h", "24h"),
        step="15m",
    ),
    Case(
        alert="AwinDeliveryBudgetBurns",
        about="too few orders to tell",
        series={DUE: _grows((1, 2), (0, 4), (1, 2), (0, 40)), IN_TIME: _grows((1, 1), (0, 5), (1, 1), (0, 41))},
        silent=("1h", "2h", "5h"),
        step="15m",
    ),
    Case(
        alert="AwinDeliveryBudgetBurnsForADay",
        about="one order in twenty is late for two days, and then none",
        series={DUE: _grows((200, _WEEK)), IN_TIME: _grows((200, _DAY), (190, 2 * _DAY), (200, 4 * _DAY))},
        fires=("60h",),
        silent=("24h", "100h"),
        step="15m",
    ),
    Case(
        alert="AwinDeliveryBudgetBurnsForADay",
        about="half an order in a hundred is late, which the budget bears",
        series={DUE: _grows((200, _WEEK)), IN_TIME: _grows((199, _WEEK))},
        silent=("24h", "100h"),
        step="15m",
    ),
    Case(
        alert="AwinDeliveryBudgetBurnsForDays",
        about="two orders in a hundred are late for four days, and then none",
        series={DUE: _grows((200, 9 * _DAY)), IN_TIME: _grows((200, _DAY), (196, 4 * _DAY), (200, 4 * _DAY))},
        fires=("110h",),
        silent=("24h", "140h"),
        step="15m",
    ),
    Case(
        alert="AwinDeliveryBudgetBurnsForDays",
        about="half an order in a hundred is late, which the budget bears",
        series={DUE: _grows((200, _WEEK)), IN_TIME: _grows((199, _WEEK))},
        silent=("24h", "100h"),
        step="15m",
    ),
    _share(
        "AwinChecksumShareFell",
        "a new shop loses the clicks, until it is mended",
        _shares(CHECKSUMS, _conversions(), 30, 10),
        fires=True,
    ),
    Case(
        alert="AwinChecksumShareFell",
        about="there is no last week yet",
        series={CHECKSUMS: _grows((30, _DAY), (1, _DAY)), _conversions(): _grows((100, 2 * _DAY))},
        silent=("20h", "30h"),
        step="15m",
    ),
    _share(
        "AwinQueryShareFell",
        "something strips the addresses, until it is mended",
        _shares(QUERIES, SESSIONS, 60, 5),
        fires=True,
    ),
    _share("AwinQueryShareFell", "the share varies as it does", _shares(QUERIES, SESSIONS, 60, 40), fires=False),
    Case(
        alert="AwinNoSessions",
        about="sessions stay away for two hours",
        series={SESSIONS: _grows((20, _WEEK + _HOUR), (0, 2 * _HOUR), (20, 4 * _HOUR))},
        fires=("170h",),
        silent=("169h", "173h"),
        step="15m",
    ),
    Case(
        alert="AwinNoSessions",
        about="a shop with few visitors",
        series={SESSIONS: _grows((1, 2), (0, _WEEK + _DAY))},
        silent=("168h", "170h"),
        step="15m",
    ),
    Case(
        alert="AwinNoOrders",
        about="orders stay away for two hours",
        series={ORDERS: _grows((10, _WEEK + _HOUR), (0, 2 * _HOUR), (10, 4 * _HOUR))},
        fires=("170h",),
        silent=("169h", "173h"),
        step="15m",
    ),
    Case(
        alert="AwinNoOrders",
        about="the night of a shop that sells little",
        series={ORDERS: _grows((1, 2), (0, _WEEK + _DAY))},
        silent=("168h", "170h"),
        step="15m",
    ),
    _share(
        "AwinNaShareRose",
        "orders lose their visitors, until it is mended",
        _shares(_conversions("na"), _conversions(), 10, 60),
        fires=True,
    ),
    _share(
        "AwinNaShareRose",
        "the share varies as it does",
        _shares(_conversions("na"), _conversions(), 10, 13),
        fires=False,
    ),
    _share(
        "AwinDefaultGroupShareRose",
        "lines lose their groups, until it is mended",
        _shares(GROUPS, _conversions(), 5, 60),
        fires=True,
    ),
    _share(
        "AwinDefaultGroupShareRose",
        "all orders are of the default group, as ever",
        _shares(GROUPS, _conversions(), 100, 100),
        fires=False,
    ),
    _share(
        "AwinMalformedChecksumShareRose",
        "something cuts the checksums, until it is mended",
        _shares(MALFORMED, NORMAL, 1, 90) | _MANY_SESSIONS,
        fires=True,
    ),
    _share(
        "AwinMalformedChecksumShareRose",
        "some are malformed, as ever",
        _shares(MALFORMED, NORMAL, 2, 4) | _MANY_SESSIONS,
        fires=False,
    ),
    _share(
        "AwinLateSessionShareRose",
        "sessions come late, until it is mended",
        _shares(LATE, SESSIONS, 1, 40),
        fires=True,
    ),
    _share("AwinLateSessionShareRose", "some are late, as ever", _shares(LATE, SESSIONS, 1, 3), fires=False),
)
"""Steps of a quarter of an hour, over days; the rules are looked at every hour."""
