"""Which drills there are: what breaks, and which alerts must tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.drills import faults


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """One installation and what happens to it."""

    name: str
    fault: type[faults.Drilled]
    alerts: tuple[str, ...]
    """They must fire."""
    outlast: tuple[str, ...] = ()
    """Those whose windows are so long that their end is not waited for."""
    calm_s: float = 60.0
    """For how long all is well before."""
    own_nodes: int = 0
    """Nodes of a Kafka of its own; 0: the shared one."""
    has_history: bool = False
    """Prometheus knows the week before."""
    opens_shop: bool = True
    place: Mapping[str, Any] = field(default_factory=dict)
    """Arguments for the `Place`."""


DRILLS = (
    Drill(
        name="awin-gone",
        fault=faults.AwinGone,
        alerts=(
            "AwinBreakerOpen",
            "AwinOrdersUndelivered",
            "AwinDeliveryBudgetBurnsFast",
            "AwinDeliveryBudgetBurns",
            "AwinDeliveryBudgetBurnsForADay",
            "AwinDeliveryBudgetBurnsForDays",
        ),
        outlast=("AwinDeliveryBudgetBurnsForADay", "AwinDeliveryBudgetBurnsForDays"),
        calm_s=180.0,
    ),
    Drill(name="key-revoked", fault=faults.KeyRevoked, alerts=("AwinProgrammeHalted",), place={"by_api": True}),
    Drill(name="paused", fault=faults.ProgrammePaused, alerts=("AwinProgrammePaused",)),
    Drill(name="poison-flood", fault=faults.PoisonFlood, alerts=("AwinDeadLetters", "AwinDeadLetterFlood")),
    Drill(name="killed-while-sending", fault=faults.KilledWhileSending, alerts=("AwinPossibleRepeats",)),
    Drill(
        name="transaction-left-open",
        fault=faults.TransactionLeftOpen,
        alerts=("AwinAttributeBehind", "AwinLagGrows", "AwinRetentionRunsOut"),
        place={"events_per_s": 20.0},
    ),
    Drill(
        name="brokers-gone",
        fault=faults.BrokersGone,
        alerts=("AwinBrokersGone",),
        own_nodes=1,
    ),
    Drill(
        name="changelog-gone",
        fault=faults.ChangelogGone,
        alerts=("AwinStageNotReady", "AwinRestoreTakesLong"),
        own_nodes=3,
    ),
    Drill(name="consumers-gone", fault=faults.ConsumersGone, alerts=("AwinConsumerDown",)),
    Drill(name="loop-stuck", fault=faults.LoopStuck, alerts=("AwinLoopStalled",), place={"sticky": True}),
    Drill(name="test-orders", fault=faults.TestOrders, alerts=("AwinTestModeInLive",)),
    Drill(
        name="queries-stripped",
        fault=faults.QueriesStripped,
        alerts=("AwinChecksumShareFell", "AwinQueryShareFell", "AwinNaShareRose"),
        has_history=True,
    ),
    Drill(
        name="garbled",
        fault=faults.Garbled,
        alerts=("AwinMalformedChecksumShareRose", "AwinDefaultGroupShareRose", "AwinLateSessionShareRose"),
        has_history=True,
    ),
    Drill(
        name="shop-silent",
        fault=faults.ShopSilent,
        alerts=("AwinNoSessions", "AwinNoOrders"),
        calm_s=0.0,
        has_history=True,
        opens_shop=False,
    ),
)
