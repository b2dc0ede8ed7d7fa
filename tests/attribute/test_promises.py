"""The promises of the stage, in any world, however it is read and whatever goes wrong meanwhile."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.attribute.cluster import Cluster
from tests.attribute.endings import check_endings, check_forced, check_state, values
from tests.attribute.scripts import Play, noises, scripts
from tests.strategies.worlds import worlds

IDLE_WAIT_S = 10.0
MAX_HOLD_S = 25.0


@given(st.data())
def test_every_order_ends_as_the_reference_says(data: st.DataObject) -> None:
    """No sale is lost, none is reported twice, and the changelogs hold what the owners know."""
    world = data.draw(worlds())
    script = data.draw(scripts(world))
    cluster = Cluster(world.rules, cut_over_ms=world.cut_over_ms, max_poll_records=script.batch)
    play = Play(cluster, script, data.draw(noises(world)))
    play.run()
    play.end_event_time()
    check_endings(cluster, play.input)
    check_state(cluster)


@given(st.data())
def test_forced_decisions_are_facts(data: st.DataObject) -> None:
    """On quiet partitions orders are decided by force, when it is allowed, and the reference agrees given the cuts."""
    world = data.draw(worlds())
    script = data.draw(scripts(world))
    cluster = Cluster(
        world.rules,
        cut_over_ms=world.cut_over_ms,
        max_poll_records=script.batch,
        idle_wait_s=IDLE_WAIT_S,
        max_hold_s=MAX_HOLD_S,
    )
    play = Play(cluster, script, data.draw(noises(world)))
    play.run()
    cluster.wait(3 * MAX_HOLD_S)
    conversions = check_endings(cluster, play.input)
    check_state(cluster)
    check_forced(cluster, conversions)


@given(st.data())
def test_decisions_are_deterministic(data: st.DataObject) -> None:
    """Without force, the same logs give the same conversions, byte by byte."""
    world = data.draw(worlds())
    noise = data.draw(noises(world))
    found = []
    for _ in range(2):
        script = data.draw(scripts(world))
        cluster = Cluster(world.rules, cut_over_ms=world.cut_over_ms, max_poll_records=script.batch)
        play = Play(cluster, script, noise)
        play.run()
        play.end_event_time()
        found.append(values(cluster))
    assert found[0] == found[1]
