"""Sets the scene of a chaos run: a cluster, topics, an Awin in its moods, and the product's members at work."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from random import Random
from typing import Any

from consumer.demo.awin import StandInAwin, log_normal
from consumer.demo.broker import EmbeddedKafka
from tests.chaos.faults import World
from tests.chaos.fleet import MEMBERS, Fleet
from tests.chaos.load import EVENTS_PER_S, OFFLINE, marketed, programmes
from tests.chaos.mood import READ_TIMEOUT_S, Mood
from tests.chaos.orders import Orders
from tests.kafka.crash.scenario import Scenario

API_KEY = "chaos-key-5f0c7e2a91b34d68"
MAX_OUTSTANDING = 8
CALLS_PER_MINUTE = 120


def set_scene(seed: int, folder: Path, stack: ExitStack, say: Callable[[str], object]) -> World:
    """Start everything but the load; ``stack`` ends it.

    Args:
        seed: of the shop and of Awin's moods.
        folder: for configuration, state and logs.
        stack: what ends everything.
        say: told of progress.
    """
    kafka = stack.enter_context(EmbeddedKafka(nodes=3))
    stack.callback(_keep_logs, kafka, folder)
    say("three nodes are ready")
    # Slow, so that there is always something under way.
    latency = log_normal(median_s=0.5, sigma=0.7, random=Random(seed))
    awin = stack.enter_context(StandInAwin(strict=True, latency=latency))
    awin.require_keys({API_KEY})
    key_file = folder / "api-key"
    key_file.write_text(API_KEY, encoding="ascii")
    scenario = stack.enter_context(
        closing(
            Scenario(
                kafka.bootstrap_servers,
                lambda name: f"chaos-{name}",
                folder,
                endpoint=awin.endpoint,
                seed=seed,
                changes=_quick(awin.api_endpoint, key_file),
            )
        )
    )
    scenario.create_topics()
    fleet = Fleet(scenario, say)
    fleet.open()
    say("all members are at work")
    config = folder / f"{MEMBERS[-1]}.yaml"
    return World(scenario, kafka, fleet, awin, Mood(awin, Random(f"mood {seed}")), Orders(config))


def open_shop(world: World) -> None:
    """Start the load."""
    world.scenario.open_shop(EVENTS_PER_S, marketed)


def left_to_files() -> set[str]:
    """Return the programmes that nothing is sent of."""
    return {OFFLINE}


def _keep_logs(kafka: EmbeddedKafka, folder: Path) -> None:
    for log in kafka.folder.glob("node-*/kafka.log"):
        shutil.copy(log, folder / f"{log.parent.name}.log")


def _quick(api_endpoint: str, key_file: Path) -> dict[str, Any]:
    """Return settings by which everything that takes minutes in earnest takes seconds."""
    return {
        "kafka": {"session_timeout": "3s", "max_poll_interval": "30s", "transaction_timeout": "6s"},
        "topics": {"replication": 3, "min_insync_replicas": 2},
        "programmes": programmes(str(key_file)),
        "delivery": {
            "max_outstanding": MAX_OUTSTANDING,
            "connect_timeout": "2s",
            "read_timeout": f"{READ_TIMEOUT_S}s",
            "write_timeout": "2s",
            "pool_timeout": "2s",
            # Less than an answer may take, so that it is overrun now and then.
            "drain_budget": "2s",
            "backlog_after": "8s",
            "halt_after": 6,
            "retry": {"base": "100ms", "cap": "2s", "max_attempts": 1_000},
            "deferred": {"delay": "2s", "max_delay": "8s"},
            "breaker": {"failures": 5, "after": "2s", "cooldown": "1s", "max_cooldown": "4s"},
            "conversion_api": {"endpoint": api_endpoint, "batch_age": "500ms", "calls_per_minute": CALLS_PER_MINUTE},
        },
    }
