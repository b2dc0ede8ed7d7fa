"""Health: what fails liveness, readiness and start-up, what does not, and since when."""

from __future__ import annotations

from consumer.ops.health import READY, Health, Heartbeat

NOON_S = 1_700_000_000.0


class Clock:
    """A clock that stands until it is moved; its wall shows another time."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return its time."""
        return self.now_s

    def wall_s(self) -> float:
        """Return the time of day."""
        return NOON_S + self.now_s - 100.0


def health_on(clock: Clock) -> Health:
    """Return a health by this clock."""
    return Health(clock, clock.wall_s)


def test_a_loop_that_beats_is_alive() -> None:
    """Liveness holds as long as every loop turns within its time."""
    clock = Clock()
    health, beat = health_on(clock), Heartbeat("deliver", 10, clock)
    health.watch(beat)
    clock.now_s += 9
    assert health.live().ok
    beat.beat()
    clock.now_s += 9
    assert health.live().ok


def test_a_loop_that_stands_fails_liveness_and_is_named() -> None:
    """A stuck loop is shown by name, and since when it counts as stuck."""
    clock = Clock()
    health = health_on(clock)
    health.watch(Heartbeat("attribute", 10, clock))
    assert health.live().parts["attribute"].state == "turning"
    clock.now_s += 11
    stuck = health.live()
    assert (stuck.ok, stuck.parts["attribute"].ok, stuck.parts["attribute"].state) == (False, False, "stuck")
    assert stuck.parts["attribute"].since == "2023-11-14T22:13:31.000+00:00"
    clock.now_s += 5
    assert (health.live().seconds, health.live().parts["attribute"].seconds) == (5.0, 5.0)


def test_a_loop_that_has_ended_is_not_stuck() -> None:
    """While the other stages still leave in order, nothing is to be restarted for it."""
    clock = Clock()
    health = health_on(clock)
    beat = Heartbeat("attribute", 10, clock)
    health.watch(beat)
    clock.now_s += 11
    assert not health.live().ok
    health.dismiss(beat)
    assert health.live().ok


def test_readiness_needs_every_stage() -> None:
    """One stage that is not ready is enough, and it is told how far it has come."""
    health = Health()
    health.require("attribute", lambda: READY)
    health.require("deliver", lambda: "restoring")
    verdict = health.ready()
    assert not verdict.ok
    states = {name: (part.ok, part.state) for name, part in verdict.parts.items()}
    assert states == {"attribute": (True, READY), "deliver": (False, "restoring"), "process": (True, "running")}


def test_since_when_goes_back_to_the_first_look_at_a_state() -> None:
    """Asking again does not begin it anew, and every change does."""
    clock, state = Clock(), ["joining"]
    health = health_on(clock)
    health.require("deliver", lambda: state[0])
    health.look()
    clock.now_s += 7
    assert health.ready().parts["deliver"].seconds == 7.0
    state[0] = READY
    assert health.ready().parts["deliver"].seconds == 0.0
    clock.now_s += 2
    assert (health.ready().ok, health.ready().seconds) == (True, 2.0)


def test_start_up_is_over_once_every_stage_was_ready() -> None:
    """What is restored later, after a rebalance, is not a start; nor is leaving."""
    states = {"attribute": "restoring", "deliver": "joining"}
    health = Health()
    health.require("attribute", lambda: states["attribute"])
    health.require("deliver", lambda: states["deliver"])
    assert not health.started().ok
    states["attribute"] = READY
    health.look()
    states.update(attribute="restoring", deliver=READY)
    assert {name: part.state for name, part in health.started().parts.items()} == {
        "attribute": "started",
        "deliver": "started",
    }
    health.drain()
    assert health.started().ok
    assert not health.ready().ok


def test_draining_ends_readiness_and_not_liveness() -> None:
    """A consumer that is leaving takes no new work and is not restarted for it."""
    health = Health()
    assert health.ready().ok
    health.drain()
    assert (health.ready().ok, health.ready().parts["process"].state) == (False, "draining")
    assert health.live().ok


def test_the_time_of_the_last_beat_is_told() -> None:
    """As a time of day, for a metric."""
    clock = Clock()
    health = health_on(clock)
    health.watch(Heartbeat("deliver", 10, clock))
    clock.now_s += 3
    assert health.beaten_at_s() == {"deliver": NOON_S}
