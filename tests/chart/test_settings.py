"""The settings that the chart writes are ones that the program takes."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from consumer.errors import SettingsError
from consumer.settings import Settings, parse
from tests.chart.release import NAMES, pods, release, settings_text, with_values
from tools.chart import Object, values_of


def settings(values: Object) -> Settings:
    """Return the settings that pods read."""
    return parse(yaml.safe_load(settings_text(values)))


@pytest.mark.parametrize("name", NAMES)
def test_the_program_takes_the_settings(name: str) -> None:
    """With what the chart sets itself."""
    values = values_of(name)
    read = settings(values)
    assert read.state.directory == Path("/var/lib/awin-s2s")
    assert read.ops.host == "0.0.0.0"  # noqa: S104  # in a pod
    assert read.ops.port == values.get("ops", {}).get("port", 9108)
    assert read.kafka.bootstrap_servers == values["kafka"]["bootstrapServers"]
    assert read.delivery.mode == values.get("delivery", {}).get("mode", "shadow")
    assert read.instance is None


def test_what_the_program_refuses_is_not_hidden() -> None:
    """The chart hands misspelt settings on, so that the program names them."""
    with pytest.raises(SettingsError, match=r"attribution\.windw: there is no such setting"):
        settings(with_values({"config": {"attribution": {"windw": "1d"}}}))


def test_the_cut_over_arrives_with_its_zone() -> None:
    """As an instant."""
    cut_over = settings(values_of("live")).delivery.cut_over
    assert cut_over is not None
    assert cut_over.isoformat() == "2026-11-01T00:00:00+01:00"


def test_each_programme_of_the_conversion_api_has_its_key() -> None:
    """In a file of the secret, unless it names another."""
    read = settings(values_of("conversion-api"))
    assert [str(each.api_key_file) for each in read.programmes] == ["/etc/awin-s2s/keys/1001", "/vault/1002", "None"]


def test_the_settings_given_are_kept() -> None:
    """False, zero and large numbers too; what the chart adds stands beside them."""
    given = {
        "kafka": {"properties": {"socket.keepalive.enable": False, "log_level": 0}, "group": "mine"},
        "topics": {"max_message_bytes": 20_000_000},
        "ops": {"log_level": "debug"},
        "state": {"memory_mib": 1_000_000},
        "delivery": {"drain_budget": "3s", "max_outstanding": 7},
    }
    read = settings(with_values({"config": given}, name="mtls-sasl"))
    assert read.kafka.properties["socket.keepalive.enable"] is False
    assert read.kafka.properties["log_level"] == 0
    assert read.kafka.properties["security.protocol"] == "SASL_SSL"
    assert read.kafka.group == "mine"
    assert read.topics.max_message_bytes == 20_000_000
    assert read.ops.log_level == "debug"
    assert read.state.memory_mib == 1_000_000
    assert read.delivery.max_outstanding == 7


@pytest.mark.parametrize(
    ("name", "protocol"), [("minimal", None), ("sasl", "SASL_PLAINTEXT"), ("tls", "SSL"), ("mtls-sasl", "SASL_SSL")]
)
def test_the_protocol_follows_from_what_brokers_want(name: str, protocol: str | None) -> None:
    """A name and a password, TLS, both or nothing."""
    assert settings(values_of(name)).kafka.properties.get("security.protocol") == protocol


@pytest.mark.parametrize("name", NAMES)
def test_every_file_that_the_settings_name_is_mounted(name: str) -> None:
    """From a secret that has it, under the name that the settings say."""
    read = settings(values_of(name))
    named = [each.api_key_file for each in read.programmes if each.api_key_file] + list(
        read.kafka.property_files.values()
    )
    named += [Path(str(value)) for key, value in read.kafka.properties.items() if key.endswith(".location")]
    ours = [path for path in named if str(path).startswith("/etc/awin-s2s/")]
    for pod in pods(values_of(name)):
        volumes = {each["name"]: each for each in pod["spec"]["volumes"]}
        for path in ours:
            mounts = pod["spec"]["containers"][0]["volumeMounts"]
            volume = next(volumes[each["name"]] for each in mounts if each["mountPath"] == str(path.parent))
            items = volume["secret"].get("items")
            assert items is None or path.name in {item["path"] for item in items}


@pytest.mark.parametrize(
    "over",
    [
        {"delivery": {"mode": "test", "cutOver": "2026-11-01T00:00:00Z"}},
        {"config": {"attribution": {"window": "14d"}}},
        {"ops": {"port": 9300}},
    ],
)
def test_pods_are_started_anew_when_settings_change(over: Object) -> None:
    """By the annotation with their checksum, which else stays as it is."""

    def checksum(values: Object) -> str:
        (made,) = release(values, "StatefulSet")
        return str(made["spec"]["template"]["metadata"]["annotations"]["checksum/config"])

    assert checksum(with_values(over)) != checksum(with_values({}))
    assert checksum(with_values({"together": {"replicas": 5}, "podLabels": {"a": "b"}})) == checksum(with_values({}))


def test_a_scaler_watches_what_the_stages_read() -> None:
    """The groups and topics of the settings."""
    read = settings(values_of("keda"))
    made = {each["metadata"]["name"]: each["spec"]["triggers"] for each in release(values_of("keda"), "ScaledObject")}
    watched = {name: [trigger["metadata"] for trigger in triggers] for name, triggers in made.items()}
    attribute, deliver = watched["shop-awin-s2s-consumer-attribute"], watched["shop-awin-s2s-consumer-deliver"]
    assert [(each["consumerGroup"], each["topic"]) for each in attribute] == [
        (f"{read.kafka.group}-attribute", read.topics.session_landed)
    ]
    assert [(each["consumerGroup"], each["topic"]) for each in deliver] == [
        (f"{read.kafka.group}-deliver", read.topics.conversion)
    ]
    (both,) = release(values_of("keda-together"), "ScaledObject")
    assert [each["metadata"]["topic"] for each in both["spec"]["triggers"]] == [
        Settings(**yaml.safe_load(settings_text(values_of("minimal")))).topics.session_landed,
        "awin.conversion",
    ]
