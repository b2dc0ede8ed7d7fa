"""docker-compose.yml: well-formed, closed to the outside, and made of parts that fit together."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # comes with kubernetes-validate, without stubs
import pytest
import yaml
from confluent_kafka.admin import AdminClient

from consumer.demo.broker import EmbeddedKafka
from consumer.demo.configuration import free_ports
from consumer.demo.prometheus_package import Programs
from consumer.settings import Settings, parse
from consumer.stream.topics import TopicSpec, create
from tests.cli.commands import understood
from tests.kafka.crash.program import Program, wait_until
from tests.packaging import compose, image

CONFIG = compose.ROOT / "compose/consumer/config.yaml"
GRAFANA = compose.ROOT / "compose/grafana/provisioning"
PROMETHEUS = compose.ROOT / "compose/prometheus/prometheus.yml"
ENTRY = "import sys; from consumer.cli import main; main()"


def named(*services: str) -> list[Any]:
    """Return parameters for some services, all by default."""
    return [pytest.param(name, id=name) for name in services or compose.services()]


def settings() -> Settings:
    """Return the consumer's settings."""
    return parse(yaml.safe_load(CONFIG.read_text("utf-8")), str(CONFIG))


def test_it_follows_the_specification() -> None:
    """The Compose Specification's own schema accepts it."""
    schema = json.loads(Path(__file__).with_name("compose-spec.json").read_text("utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(compose.whole())] == []


def test_the_schema_refuses_what_is_wrong() -> None:
    """An unknown key of a service is found, so the test above says something."""
    schema = json.loads(Path(__file__).with_name("compose-spec.json").read_text("utf-8"))
    wrong = compose.whole()
    wrong["services"]["shop"]["read_onyl"] = True
    assert not jsonschema.Draft202012Validator(schema).is_valid(wrong)


@pytest.mark.parametrize("name", named())
def test_every_service_is_locked_down(name: str) -> None:
    """Read-only, without capabilities, limited, logs bounded, and reachable from this machine alone."""
    service = compose.services()[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert {"mem_limit", "cpus", "pids_limit", "restart", "logging"} <= service.keys()
    assert not {"privileged", "cap_add", "network_mode", "pid", "user"} & service.keys()
    assert all(re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port) for port in service.get("ports", ()))


@pytest.mark.parametrize("name", named())
def test_every_image_is_exact(name: str) -> None:
    """A tag that names one release, and for Kafka the one that the tests run."""
    found = compose.services()[name]["image"]
    if found == compose.OURS:
        return
    repository, _, tag = found.partition(":")
    assert re.fullmatch(r"v?\d+\.\d+\.\d+(@sha256:[0-9a-f]{64})?", tag)
    if repository == "apache/kafka":
        jars = (compose.ROOT / "consumer/demo/jars.txt").read_text("utf-8")
        assert f" org.apache.kafka:kafka-clients:{tag}\n" in jars


@pytest.mark.parametrize("name", named())
def test_what_is_mounted_is_there(name: str) -> None:
    """Files of ours exist and are read-only, volumes are declared, and what is waited for can be waited for."""
    service, whole = compose.services()[name], compose.whole()
    for source, _, read_only in compose.mounts(service):
        if source.startswith("."):
            assert (compose.ROOT / source).exists()
            assert read_only
        else:
            assert source in whole["volumes"]
    for other, wanted in service.get("depends_on", {}).items():
        depended = whole["services"][other]
        if wanted["condition"] == "service_healthy":
            assert "healthcheck" in depended
        else:
            assert wanted["condition"] == "service_completed_successfully"
            assert depended["restart"].startswith("on-failure")
        assert set(depended.get("profiles", ())) <= set(service.get("profiles", ()))


def test_no_port_and_no_volume_is_taken_twice() -> None:
    """Each port of this machine and each named volume belongs to one service."""
    found = list(compose.services().values())
    ports = [port.split(":")[1] for service in found for port in service.get("ports", ())]
    volumes = [source for service in found for source, _, _ in compose.mounts(service) if not source.startswith(".")]
    assert len(set(ports)) == len(ports)
    assert sorted(volumes) == sorted(compose.whole()["volumes"])


@pytest.mark.parametrize("name", named(*compose.ours()))
def test_our_commands_are_ours(name: str) -> None:
    """The command line takes what a service runs, and the file that it names is mounted."""
    service = compose.ours()[name]
    understood(service["command"])
    targets = {target for _, target in compose.files(service)}
    assert {each for each in service["command"] if each.endswith(".yaml")} == targets
    assert dict(compose.files(service)) in ({}, {CONFIG: "/etc/awin-s2s/config.yaml"})


def test_the_settings_fit_the_services() -> None:
    """Broker, stand-in, input topics and state are those of the other services, and nothing can reach Awin."""
    found, services = settings(), compose.services()
    assert found.kafka.bootstrap_servers == "kafka:9092"
    assert (
        f"INTERNAL://{found.kafka.bootstrap_servers}" in services["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    )
    assert found.delivery.endpoint == f"http://awin:{services['awin']['command'][-1]}/sread.php"
    assert compose.input_topics()[0] == {found.topics.session_landed, found.topics.order_completed}
    for name in ("attribute", "deliver"):
        targets = {target for source, target, _ in compose.mounts(services[name]) if not source.startswith(".")}
        assert targets == {str(found.state.directory)}


def test_promtool_accepts_the_configuration(prometheus_programs: Programs, tmp_path: Path) -> None:
    """Prometheus scrapes both stages, with the labels that rules and dashboards need, and loads our rules."""
    text = PROMETHEUS.read_text("utf-8")
    rules = {
        f"{target}/rules.yaml": source / "rules.yaml"
        for source, target in compose.files(compose.services()["prometheus"])
    }
    (wanted,) = yaml.safe_load(text)["rule_files"]
    here = tmp_path / "prometheus.yml"
    here.write_text(text.replace(wanted, str(rules[wanted])), "utf-8")
    command = [str(prometheus_programs.promtool), "check", "config", str(here)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    (job,) = yaml.safe_load(text)["scrape_configs"]
    assert [each["targets"] for each in job["static_configs"]] == [["attribute:9108"], ["deliver:9108"]]
    assert all(each["labels"].keys() == {"namespace", "pod"} for each in job["static_configs"])
    assert f":{settings().ops.port}" in job["static_configs"][0]["targets"][0]


def test_grafana_finds_its_dashboards() -> None:
    """What is provisioned is where the services mount it and listen."""
    grafana = compose.services()["grafana"]
    mounted = {target: source for source, target in compose.files(grafana)}
    assert mounted["/etc/grafana/provisioning"] == GRAFANA
    (provider,) = yaml.safe_load((GRAFANA / "dashboards/awin.yaml").read_text("utf-8"))["providers"]
    dashboards = list(mounted[provider["options"]["path"]].glob("*.json"))
    assert len(dashboards) == 4
    (source,) = yaml.safe_load((GRAFANA / "datasources/prometheus.yaml").read_text("utf-8"))["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["isDefault"]
    for dashboard in dashboards:
        variables = json.loads(dashboard.read_text("utf-8"))["templating"]["list"]
        assert {"type": "datasource", "query": source["type"]}.items() <= variables[0].items()


class Machine:
    """Our services as processes on this machine: the same commands, configuration and variables, other addresses."""

    def __init__(self, folder: Path, servers: str) -> None:
        (ports,) = free_ports(1)
        self.folder = folder
        self.programs: dict[str, Program] = {}
        self._addresses = {"kafka:9092": servers, "awin:8080": f"127.0.0.1:{ports.broker}"}
        self._awin_port = str(ports.broker)

    def start(self, name: str) -> Program:
        """Start a service by its name in docker-compose.yml."""
        service = compose.ours()[name]
        state = self.folder / f"state-{name}"
        variables = {**service.get("environment", {}), "AWIN_STATE__DIRECTORY": str(state), "AWIN_OPS__PORT": "0"}
        command = [*self._interpreter(variables), *(self._here(each, service) for each in service["command"])]
        self.programs[name] = Program(command, self.folder / f"{name}.log")
        return self.programs[name]

    def _interpreter(self, variables: dict[str, str]) -> list[str]:
        return ["env", *(f"{name}={value}" for name, value in variables.items()), image.PYTHON, "-c", ENTRY]

    def _here(self, argument: str, service: compose.Service) -> str:
        """Return an argument with this machine's files and ports in the place of the container's."""
        for source, target in compose.files(service):
            if argument == target:
                text = source.read_text("utf-8")
                for there, here in self._addresses.items():
                    assert there in text
                    text = text.replace(there, here)
                copy = self.folder / source.name
                copy.write_text(text, "utf-8")
                return str(copy)
        return {"8080": self._awin_port, "0.0.0.0": "127.0.0.1"}.get(argument, argument)  # noqa: S104  # its replacement

    def close(self) -> None:
        """End everything that still runs."""
        for program in self.programs.values():
            program.kill()


def delivered(program: Program) -> int:
    """Return how many orders the deliver stage says that Awin took."""
    text = program.page("/metrics")[1]
    return int(
        sum(
            float(value)
            for value in re.findall(r'^awin_endings_total\{ending="delivered".*\} (\S+)$', text, re.MULTILINE)
        )
    )


def test_our_services_work_together(tmp_path: Path) -> None:
    """Started in their order, they report the shop's orders to the stand-in, and all leave with 0 on SIGTERM."""
    with EmbeddedKafka() as kafka:
        names, partitions = compose.input_topics()
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        create(admin, [TopicSpec(name, partitions, 1, {}) for name in names])
        machine = Machine(tmp_path, kafka.bootstrap_servers)
        try:
            topics = machine.start("topics")
            assert topics.end() == 0, topics.tail()
            awin = machine.start("awin")
            awin.wait_for(lambda: "listening on" in awin.output(), "the stand-in listens")
            attribute, deliver = machine.start("attribute"), machine.start("deliver")
            attribute.wait_ready()
            deliver.wait_ready()
            shop = machine.start("shop")
            wait_until(lambda: delivered(deliver) >= 10, "ten orders are delivered")
            for program in (shop, attribute, deliver, awin):
                program.terminate()
                assert program.end() == 0, program.tail()
        finally:
            machine.close()
    (told,) = re.findall(r"(\d+) orders came, with (\d+) violations; closed", awin.output())
    assert int(told[0]) >= 10
    assert told[1] == "0"
