"""Values that do not fit together are refused, in words that say what to do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.release import with_values
from tools.chart import VALUES, rendered

API = {"config": {"programmes": [{"advertiser_id": "1001", "method": "conversion_api"}]}}
SASL = {"mechanism": "PLAIN", "existingSecret": "user"}
TLS = {"enabled": True, "existingSecret": "certificates"}

REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no brokers": ({"kafka": {"bootstrapServers": ""}}, "kafka.bootstrapServers is needed: host:port"),
    "no programmes": ({"config": {"programmes": []}}, "config.programmes is needed: at least one"),
    "test from the first order": ({"delivery": {"mode": "test"}}, "delivery.cutOver is needed when delivery.mode is"),
    "live from the first order": ({"delivery": {"mode": "live"}}, "delivery.cutOver is needed when delivery.mode is"),
    "no keys": (API, "awinKeys.existingSecret is needed: programme 1001 reports by the Conversion API"),
    "SASL without a secret": ({"kafka": {"sasl": {"mechanism": "PLAIN"}}}, "kafka.sasl.existingSecret is needed"),
    "a secret without SASL": ({"kafka": {"sasl": {"existingSecret": "a"}}}, "kafka.sasl.mechanism is needed"),
    "certificates without TLS": ({"kafka": {"tls": {"existingSecret": "a"}}}, "kafka.tls.enabled is needed"),
    "no private key": (
        {"kafka": {"tls": {**TLS, "certificateKey": "tls.crt"}}},
        "kafka.tls.privateKeyKey is needed beside kafka.tls.certificateKey",
    ),
    "a private key alone": (
        {"kafka": {"tls": {**TLS, "privateKeyKey": "tls.key"}}},
        "kafka.tls.certificateKey is needed beside kafka.tls.privateKeyKey",
    ),
    "a certificate from nowhere": (
        {"kafka": {"tls": {"enabled": True, "certificateKey": "a", "privateKeyKey": "b"}}},
        "kafka.tls.existingSecret is needed",
    ),
    "a password in the clear": (
        {"ops": {"basicAuth": {"existingSecret": "a"}}},
        "ops.basicAuth.existingSecret needs ops.tls.existingSecret",
    ),
    "a scaler that cannot log in": (
        {"kafka": {"sasl": SASL}, "keda": {"enabled": True}},
        "keda.authenticationRef is needed",
    ),
    "a scaler without TLS": (
        {"kafka": {"tls": {"enabled": True}}, "keda": {"enabled": True}},
        "keda.authenticationRef is needed",
    ),
    "fewer than the fewest": (
        {"keda": {"enabled": True, "minReplicas": 5, "maxReplicas": 4}},
        "keda.maxReplicas is less than keda.minReplicas",
    ),
    "SASL twice": (
        {"kafka": {"sasl": SASL}, "config": {"kafka": {"properties": {"sasl.username": "me"}}}},
        "sasl.username is set by the chart",
    ),
    "TLS twice": (
        {"kafka": {"tls": {"enabled": True}}, "config": {"kafka": {"properties": {"security.protocol": "SSL"}}}},
        "security.protocol is set by the chart",
    ),
}


@pytest.mark.parametrize("about", REFUSED)
def test_what_does_not_fit_is_refused(about: str) -> None:
    """With the value to set."""
    over, message = REFUSED[about]
    refused(over, message)


def refused(over: dict[str, Any], message: str, release: str = "shop") -> None:
    """Expect the templates to refuse values laid over the minimal ones."""
    from helm_python import HelmRenderError  # noqa: PLC0415  # these tests are skipped where it is not installed

    with pytest.raises(HelmRenderError) as failed:
        rendered(with_values(over), release)
    assert message in str(failed.value)


@pytest.mark.parametrize(
    "path",
    [
        *("instance", "state.directory", "ops.host", "ops.port"),
        *("delivery.mode", "delivery.cut_over", "kafka.bootstrap_servers"),
    ],
)
def test_settings_that_are_the_chart_s_are_refused(path: str) -> None:
    """They have values of their own, and two sayings would contradict each other one day."""
    section, _, name = path.rpartition(".")
    over = {section: {name: "x"}} if section else {name: "x"}
    refused({"config": over}, f"config.{path} is set by the chart: use its own value")


@pytest.mark.parametrize("section", ["state", "ops", "delivery", "kafka"])
def test_empty_sections_are_as_good_as_none(section: str) -> None:
    """As when all that a section has is commented out."""
    rendered(with_values({"config": {section: None}}))


@pytest.mark.parametrize(
    ("budget", "grace", "fits"),
    [
        *(("5s", 20, True), ("12s", 20, False), ("11.9s", 20, True), ("1m", 45, False), ("1m", 68, False)),
        *(("1m", 69, True), ("12000ms", 20, False), ("2 m", 120, False), ("1h", 3609, True), ("500ms", 20, True)),
    ],
)
def test_pods_get_the_time_that_leaving_takes(budget: str, grace: int, fits: bool) -> None:  # noqa: FBT001  # a parameter
    """Longer than the drain budget and 8 s for the last commit, or Kubernetes kills what is under way."""
    over = {"config": {"delivery": {"drain_budget": budget}}, "terminationGracePeriodSeconds": grace}
    if fits:
        rendered(with_values(over))
    else:
        refused(
            over, f"terminationGracePeriodSeconds ({grace}) must be more than config.delivery.drain_budget ({budget})"
        )


def test_a_release_that_begins_with_a_digit_needs_a_name() -> None:
    """A service's name begins with a letter."""
    refused({}, "fullnameOverride is needed: 1st-awin-s2s-consumer is no name of a service", "1st")
    assert rendered(with_values({"fullnameOverride": "first"}), "1st")


def test_every_refusal_of_the_templates_is_tested() -> None:
    """As many as there are calls of `fail`, the list of the chart's settings counting as one."""
    templates = (VALUES.parents[2] / "helm/awin-s2s-consumer/templates").rglob("*")
    calls = sum(path.read_text("utf-8").count("{{ fail ") for path in templates if path.is_file())
    same = ("live from", "a scaler without", "TLS twice")
    assert calls == len([about for about in REFUSED if not about.startswith(same)]) + 3
