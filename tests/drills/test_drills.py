"""Every alert is brought to fire by breaking something; the whole takes two hours, and one of them is done here."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from consumer.demo.prometheus import Alert, Prometheus
from consumer.demo.prometheus_package import Programs
from consumer.demo.shop import Emission
from tests.drills.drills import DRILLS
from tests.drills.history import NORMAL, history
from tests.drills.run import Row, drills
from tests.drills.tampering import CleanShop, TamperedShop, as_test, garbled, poisoned, without_query
from tests.drills.watch import Spells
from tests.kafka.crash.traffic import Journeys, Traffic
from tests.rules.test_rules import ALERTS

FAR_MS = 60_000


def test_every_alert_has_its_drill() -> None:
    """Each in one of them."""
    drilled = [alert for drill in DRILLS for alert in drill.alerts]
    assert sorted(drilled) == sorted(ALERTS)
    assert all(set(drill.outlast) <= set(drill.alerts) for drill in DRILLS)


def alert(name: str, namespace: str = "a", state: str = "firing") -> Alert:
    """Return one."""
    return Alert(name, state, {"namespace": namespace}, {})


def test_spells_are_told_from_first_to_last() -> None:
    """One that fires again has not ended; pending is not firing."""
    spells = Spells()
    for now_s, alerts in enumerate(
        ([alert("A", state="pending")], [alert("A")], [], [alert("A"), alert("B", "b")], [alert("B", "b")])
    ):
        spells.look(alerts, float(now_s))
    assert (spells.fired_s("a", "A"), spells.resolved_s("a", "A")) == (1.0, 4.0)
    assert (spells.fired_s("b", "B"), spells.resolved_s("b", "B")) == (3.0, None)
    assert (spells.alerts("a"), spells.alerts("c")) == ({"A"}, set())


@pytest.mark.parametrize(
    ("changes", "right"),
    [
        ({}, True),
        ({"fired_after_s": None}, False),
        ({"resolved_after_s": None}, False),
        ({"resolved_after_s": None, "outlasts": True}, True),
        ({"fired_after_s": None, "resolved_after_s": None, "expected": False}, True),
    ],
)
def test_a_row_is_right_when_its_alert_did_what_it_must(changes: dict[str, object], *, right: bool) -> None:
    """It fired, and ended unless that is not waited for."""
    values = {"drill": "d", "fault": "f", "alert": "A", "fired_after_s": 1.0, "resolved_after_s": 1.0}
    row = Row(**{**values, "outlasts": False, "expected": True, **changes})  # type: ignore[arg-type]
    assert row.is_right is right


def test_prometheus_knows_the_week_before(prometheus_programs: Programs) -> None:
    """Each of the recorded values, now as well as a week ago."""
    with Prometheus(prometheus_programs, {}, history=history(["a", "b"], time.time())) as prometheus:
        for name, value in NORMAL.items():
            for ago in ("1w", "1d", "30m"):
                found = {each.labels["namespace"]: each.value for each in prometheus.query(f"{name} offset {ago}")}
                assert found == {"a": value, "b": value}, (name, ago)


def shop(**tampered: object) -> Iterator[Emission]:
    """Yield what a shop of an hour tells."""
    made = TamperedShop(CleanShop(1, 20.0))
    for name, value in tampered.items():
        setattr(made, name, value)
    journeys: Journeys = made
    yield from journeys.events(0, FAR_MS)
    yield from journeys.rest()


def test_tampering_spoils_what_it_says() -> None:
    """And nothing is put aside of a shop that is left alone."""
    assert all(not isinstance(each.event, bytes) and each.event is not None for each in shop())
    assert 0.2 < sum(isinstance(each.event, bytes) for each in shop(change=poisoned)) / len(list(shop())) < 0.5
    assert "awc=" in str(list(shop()))
    assert "?" not in "".join(getattr(each.event, "landing_url", "") for each in shop(change=without_query))
    assert "autumn-special" in str(list(shop(change=garbled)))
    assert {getattr(each.event, "test", True) for each in shop(change=as_test)} == {True}


def test_sessions_are_held_back_and_none_is_lost() -> None:
    """Orders overtake them."""
    held = list(shop(hold_sessions_ms=8_000))
    assert sorted(each.number for each in held) == sorted(each.number for each in shop())
    assert [each.number for each in held] != [each.number for each in shop()]


@pytest.mark.kafka
@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_revoked_key_is_told_of_and_so_is_its_end(
    prometheus_programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the chart's rules, looked at each second; and a clean-up that fails takes no figure away."""
    del prometheus_programs  # the drill looks for them itself
    stop = Traffic.stop

    def stop_and_fail(traffic: Traffic) -> None:
        stop(traffic)
        raise ConnectionError("clean-up")

    monkeypatch.setattr(Traffic, "stop", stop_and_fail)
    (drill,) = [each for each in DRILLS if each.name == "key-revoked"]
    told: list[str] = []
    rows: list[Row] = []
    with pytest.raises(ConnectionError, match="clean-up"):
        drills([replace(drill, calm_s=1.0)], 120.0, told.append, rows.extend, scrape_every_s=1.0)
    assert [row.alert for row in rows] == ["AwinProgrammeHalted"]
    assert rows[0].is_right
    assert str(rows[0]) in told
