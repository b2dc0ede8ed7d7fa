"""Health: what fails liveness and readiness, and what does not."""

from __future__ import annotations

from consumer.ops.health import Health, Heartbeat


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        """Return its time."""
        return self.now_s


def test_a_loop_that_beats_is_alive() -> None:
    """Liveness holds as long as every loop turns within its time."""
    clock, health = Clock(), Health()
    beat = Heartbeat("deliver", 10, clock)
    health.watch(beat)
    clock.now_s += 9
    assert health.live().ok
    beat.beat()
    clock.now_s += 9
    assert health.live().ok


def test_a_loop_that_stands_fails_liveness_and_is_named() -> None:
    """A stuck loop is shown by name with the seconds since its last turn."""
    clock, health = Clock(), Health()
    health.watch(Heartbeat("attribute", 10, clock))
    clock.now_s += 11
    verdict = health.live()
    assert not verdict.ok
    assert verdict.parts == {"attribute": {"seconds_since_heartbeat": 11.0}}


def test_readiness_needs_every_condition() -> None:
    """One unmet condition is enough not to be ready, and it is named."""
    health = Health()
    health.require("attribute", lambda: True)
    health.require("deliver", lambda: False)
    verdict = health.ready()
    assert not verdict.ok
    assert verdict.parts == {"attribute": True, "deliver": False, "not_draining": True}


def test_draining_ends_readiness_and_not_liveness() -> None:
    """A consumer that is leaving takes no new work and is not restarted for it."""
    health = Health()
    assert health.ready().ok
    health.drain()
    assert not health.ready().ok
    assert health.live().ok
