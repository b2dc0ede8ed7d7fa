"""A real Prometheus on this machine, for the demo and the tests."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
from msgspec import Struct

from consumer.demo.cluster import spawn_reaper
from consumer.demo.configuration import HOST, free_ports
from consumer.demo.prometheus_package import Programs, PrometheusError

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
_POLL_S = 0.05


class Series(Struct, frozen=True):
    """One series of an answer: its labels and its newest value."""

    labels: dict[str, str]
    value: float


class Alert(Struct, frozen=True):
    """One alert that is pending or firing."""

    name: str
    state: str
    labels: dict[str, str]
    annotations: dict[str, str]


class Prometheus:
    """Scrapes from entering to leaving the context; neither the process nor its folder outlives the one that made it.

    Args:
        programs: where it is.
        targets: what to scrape (``host:port``), each with the labels that its series get.
        rules: files with rules.
        history: what it knows from before, in OpenMetrics' text format with a timestamp for every value.
        interval_s: from one scrape, and one look at the rules, to the next.
    """

    def __init__(
        self,
        programs: Programs,
        targets: Mapping[str, Mapping[str, str]],
        *,
        rules: Sequence[Path] = (),
        history: str = "",
        interval_s: float = 1.0,
    ) -> None:
        self._programs = programs
        self._targets = targets
        self._rules = rules
        self._history = history
        self._interval_s = interval_s
        self._process: subprocess.Popen[bytes] | None = None
        self._reaper: subprocess.Popen[bytes] | None = None
        self._folder: Path | None = None
        self.address = ""
        """Where its pages are."""

    def __enter__(self) -> Self:
        self._folder = folder = Path(tempfile.mkdtemp(prefix="awin-prometheus-"))
        self._reaper = spawn_reaper(folder)
        try:
            self._start(folder, self._reaper.pid)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Its process id, once started."""
        assert self._process is not None  # noqa: S101  # entered
        return self._process.pid

    def stop(self) -> None:
        """End it and remove its folder; may be repeated."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        if self._reaper is not None:
            self._reaper.communicate(b".")
        self._process = self._reaper = self._folder = None

    def query(self, expression: str) -> list[Series]:
        """Return what an expression gives now.

        Raises:
            PrometheusError: it cannot be evaluated.
        """
        answer = self._get("query", query=expression)
        if answer["resultType"] == "scalar":
            return [Series({}, float(answer["result"][1]))]
        return [Series(each["metric"], float(each["value"][1])) for each in answer["result"]]

    def query_range(self, expression: str, start_s: float, end_s: float, step_s: float) -> list[dict[str, Any]]:
        """Return the series of an expression over a time: ``metric`` and ``values`` of each, as the API has them.

        Raises:
            PrometheusError: it cannot be evaluated.
        """
        found = self._get("query_range", query=expression, start=start_s, end=end_s, step=step_s)["result"]
        return [dict(each) for each in found]

    def alerts(self) -> list[Alert]:
        """Return the alerts that are pending or firing."""
        return [
            Alert(each["labels"]["alertname"], each["state"], each["labels"], each["annotations"])
            for each in self._get("alerts")["alerts"]
        ]

    def unhealthy_rules(self) -> dict[str, str]:
        """Return the rules whose last evaluation failed, with the error."""
        groups = self._get("rules")["groups"]
        return {
            rule["name"]: rule.get("lastError", "")
            for group in groups
            for rule in group["rules"]
            if rule["health"] == "err"
        }

    def oldest_evaluation_s(self) -> float:
        """Return when the rule whose turn is longest ago was evaluated, in seconds of Unix time; 0 before its first."""
        evaluated = [each["lastEvaluation"] for group in self._get("rules")["groups"] for each in group["rules"]]
        return min((datetime.fromisoformat(each).timestamp() for each in evaluated), default=0.0)

    def healthy_targets(self) -> set[str]:
        """Return the addresses that were scraped successfully the last time."""
        return {each["labels"]["instance"] for each in self._get("targets")["activeTargets"] if each["health"] == "up"}

    def _start(self, folder: Path, group: int) -> None:
        interval = f"{round(self._interval_s * 1000)}ms"
        configuration = {
            "global": {"scrape_interval": interval, "scrape_timeout": interval, "evaluation_interval": interval},
            "rule_files": [str(path.resolve()) for path in self._rules],
            "scrape_configs": [
                {
                    "job_name": "awin-s2s-consumer",
                    "static_configs": [
                        {"targets": [target], "labels": dict(labels)} for target, labels in self._targets.items()
                    ],
                }
            ],
        }
        if self._history:
            self._remember(folder)
        file, log = folder / "prometheus.json", folder / "prometheus.log"
        file.write_text(json.dumps(configuration), encoding="utf-8")  # JSON is YAML
        (ports,) = free_ports(1)
        self.address = f"http://{HOST}:{ports.broker}"
        command = (
            str(self._programs.prometheus),
            f"--config.file={file}",
            f"--storage.tsdb.path={folder / 'data'}",
            f"--web.listen-address={HOST}:{ports.broker}",
            "--log.level=warn",
        )
        with log.open("wb") as out:
            self._process = subprocess.Popen(  # noqa: S603  # the program that was found or fetched
                command, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, process_group=group
            )
        self._wait_until_ready(log)

    def _remember(self, folder: Path) -> None:
        """Make blocks of what it is to know from before."""
        text = folder / "history.txt"
        text.write_text(self._history, encoding="utf-8")
        command = [str(self._programs.promtool), "tsdb", "create-blocks-from", "openmetrics", str(text)]
        done = subprocess.run(  # noqa: S603  # the program that was found or fetched
            [*command, str(folder / "data")], capture_output=True, text=True, check=False, timeout=READY_TIMEOUT_S
        )
        if done.returncode:
            raise PrometheusError(f"promtool does not take the history: {done.stderr[-2_000:]}")

    def _wait_until_ready(self, log: Path) -> None:
        deadline_s = time.monotonic() + READY_TIMEOUT_S
        while not self._answers():
            assert self._process is not None  # noqa: S101  # just started
            if self._process.poll() is not None or time.monotonic() > deadline_s:
                tail = log.read_text(encoding="utf-8", errors="replace")[-2_000:]
                raise PrometheusError(f"Prometheus did not become ready:\n{tail}")
            time.sleep(_POLL_S)

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/-/ready", trust_env=False, timeout=1).status_code == 200
        except httpx.HTTPError:
            return False

    def _get(self, what: str, **parameters: str | float) -> Any:  # noqa: ANN401  # JSON
        try:
            response = httpx.get(f"{self.address}/api/v1/{what}", params=parameters, trust_env=False, timeout=30)
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise PrometheusError(f"Prometheus does not answer: {type(error).__name__}") from error
        if answer["status"] != "success":
            raise PrometheusError(f"{what}: {answer.get('error', response.status_code)}")
        return answer["data"]
