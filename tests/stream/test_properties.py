"""What operators may tell librdkafka, and what not."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, KafkaError

from consumer.errors import SettingsError
from consumer.stream.properties import ErrorReports, client_log, merge, open_client
from consumer.stream.source import KafkaSource
from tests.stream.logs import Recorder


def test_given_properties_override_defaults() -> None:
    """A default gives way to the operator, a fixed property is always there."""
    merged = merge({"linger.ms": 1, "sasl.username": "u"}, {"linger.ms": 5, "retry.backoff.ms": 5}, {"acks": "all"})
    assert merged == {"linger.ms": 1, "retry.backoff.ms": 5, "sasl.username": "u", "acks": "all"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("enable.auto.commit", "true"),
        ("isolation.level", "read_uncommitted"),
        ("auto.offset.reset", "earliest"),
        ("partition.assignment.strategy", "cooperative-sticky"),
        ("enable.partition.eof", "false"),
        ("group.id", "another"),
        ("error_cb", "print"),
        ("no.such.property", 1),
        ("session.timeout.ms", "soon"),
    ],
)
def test_a_source_refuses_what_would_break_a_promise(name: str, value: str | int) -> None:
    """The error names the property."""
    with pytest.raises(SettingsError, match=name.replace(".", r"\.")):
        KafkaSource({"bootstrap.servers": "127.0.0.1:1", name: value}, ["in"], Recorder(), group="g", instance="i")


def test_an_alias_does_not_slip_through() -> None:
    """A fixed property is protected under its other names, and may be given with its own value."""
    with pytest.raises(SettingsError, match="acks must stay 'all'"):
        merge({"request.required.acks": 1}, {}, {"acks": "all"})
    assert merge({"enable.idempotence": "True"}, {}, {"enable.idempotence": True}) == {"enable.idempotence": True}


def test_a_client_that_librdkafka_refuses_is_a_settings_error() -> None:
    """An unknown property is found when the client is made."""
    with pytest.raises(SettingsError, match=r"no\.such\.property"):
        open_client(Consumer, {"group.id": "g", "no.such.property": 1})


def test_errors_are_reported_once_per_interval_and_kind() -> None:
    """A flood of equal errors becomes one line, and another kind is not hidden by it."""
    told: list[str] = []
    now = [0.0]
    reports = ErrorReports(told.append, lambda: now[0], interval_s=10)
    for at_s, code in ((0.0, KafkaError._TRANSPORT), (5.0, KafkaError._TRANSPORT), (5.0, KafkaError._ALL_BROKERS_DOWN)):
        now[0] = at_s
        reports(KafkaError(code))
    now[0] = 10.0
    reports(KafkaError(KafkaError._TRANSPORT))
    assert [text.split(":")[0] for text in told] == ["_TRANSPORT", "_ALL_BROKERS_DOWN", "_TRANSPORT"]


def test_repeated_log_lines_of_a_client_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    """Of the same kind from the same client only the first is kept; debugging stays complete."""
    with caplog.at_level("DEBUG", client_log.name):
        for _ in range(3):
            client_log.error("FAIL [a#consumer-%d] [thrd:main]: refused", 9001)
            client_log.error("FAIL [a#producer-%d] [thrd:main]: refused", 9002)
            client_log.debug("FETCH [a#consumer-%d] [thrd:main]: fetch", 9001)
    kinds = [text.split("]")[0] for text in caplog.messages]
    assert sorted(kinds) == ["FAIL [a#consumer-9001", "FAIL [a#producer-9002"] + ["FETCH [a#consumer-9001"] * 3
