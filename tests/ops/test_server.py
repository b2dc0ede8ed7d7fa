"""The operators' port, asked over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from consumer.errors import SettingsError
from consumer.ops.health import READY, Health
from consumer.ops.metrics import Metrics
from consumer.ops.server import OpsServer


@pytest.fixture
def health() -> Health:
    """A health that every test may change."""
    return Health()


@pytest.fixture
def server(health: Health) -> Iterator[OpsServer]:
    """A server on a free port."""
    server = OpsServer("127.0.0.1", 0, Metrics().registry, health)
    yield server
    server.close()


def get(server: OpsServer, path: str) -> httpx.Response:
    """Ask for a page."""
    return httpx.get(f"http://127.0.0.1:{server.port}{path}", trust_env=False)


def test_metrics_are_served(server: OpsServer) -> None:
    """`/metrics` is Prometheus text with our names."""
    response = get(server, "/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/plain")
    assert "awin_build_info" in response.text


def test_readiness_follows_its_stages(server: OpsServer, health: Health) -> None:
    """`/readyz` answers 503 with the parts until every stage is ready."""
    state = ["restoring"]
    health.require("attribute", lambda: state[0])
    response = get(server, "/readyz")
    assert (response.status_code, response.json()["parts"]["attribute"]["state"]) == (503, "restoring")
    assert set(response.json()["parts"]["attribute"]) == {"ok", "state", "since", "seconds"}
    state[0] = READY
    assert get(server, "/readyz").status_code == 200


def test_start_up_is_served(server: OpsServer, health: Health) -> None:
    """`/startupz` answers 503 until every stage was ready once, and 200 ever after."""
    state = ["joining"]
    health.require("attribute", lambda: state[0])
    assert get(server, "/startupz").status_code == 503
    state[0] = READY
    assert get(server, "/startupz").status_code == 200
    state[0] = "restoring"
    assert get(server, "/startupz").status_code == 200


def test_liveness_is_served(server: OpsServer) -> None:
    """`/livez` answers 200 when no loop is stuck, and says since when."""
    answer = get(server, "/livez").json()
    assert (answer["ok"], answer["parts"]) == (True, {})
    assert answer["since"].endswith("+00:00")


def test_heads_have_no_body(server: OpsServer) -> None:
    """HEAD answers as GET does, without the content."""
    response = httpx.head(f"http://127.0.0.1:{server.port}/livez", trust_env=False)
    assert (response.status_code, response.content) == (200, b"")


def test_other_paths_say_what_there_is(server: OpsServer) -> None:
    """An unknown path names the known ones."""
    response = get(server, "/")
    assert response.status_code == 404
    assert "/metrics" in response.text


def test_a_taken_port_is_a_clear_error(server: OpsServer) -> None:
    """A port in use is refused with the setting's name."""
    with pytest.raises(SettingsError, match=r"ops\.port"):
        OpsServer("127.0.0.1", server.port, Metrics().registry, Health())
