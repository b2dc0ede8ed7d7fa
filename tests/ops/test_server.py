"""The operators' port, asked over HTTP."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from consumer.errors import SettingsError
from consumer.ops.health import READY, Health
from consumer.ops.metrics import Metrics
from consumer.ops.protection import Protection
from consumer.ops.server import OpsServer

CERTIFICATES = Path(__file__).parents[1] / "delivery/attempt/certificates"


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


def protected(health: Health, protection: Protection) -> closing[OpsServer]:
    """A server that speaks TLS."""
    return closing(OpsServer("127.0.0.1", 0, Metrics().registry, health, protection))


def ask(server: OpsServer, path: str, auth: tuple[str, str] | None = None) -> int:
    """Ask for a page over TLS, verifying the server."""
    trust = ssl.create_default_context(cafile=str(CERTIFICATES / "authority.pem"))
    url = f"https://127.0.0.1:{server.port}{path}"
    return httpx.get(url, verify=trust, auth=auth, trust_env=False).status_code


@pytest.fixture
def tls(tmp_path: Path) -> Protection:
    """A certificate in files of the test's own, and a user."""
    for name, source in (("tls.crt", "good.pem"), ("tls.key", "key.pem")):
        (tmp_path / name).write_bytes((CERTIFICATES / source).read_bytes())
    (tmp_path / "username").write_text("prometheus\n", "utf-8")
    (tmp_path / "password").write_text("first\n", "utf-8")
    return Protection(*(tmp_path / name for name in ("tls.crt", "tls.key", "username", "password")))


def test_metrics_are_for_the_user_and_health_for_all(health: Health, tls: Protection) -> None:
    """Probes have no password; a new password needs no new start."""
    assert tls.password_file is not None
    with protected(health, tls) as server:
        assert ask(server, "/livez") == 200
        assert ask(server, "/metrics") == 401
        assert ask(server, "/metrics", ("prometheus", "wrong")) == 401
        assert ask(server, "/metrics", ("other", "first")) == 401
        assert ask(server, "/metrics", ("prometheus", "first")) == 200
        tls.password_file.write_text("second", "utf-8")
        assert ask(server, "/metrics", ("prometheus", "first")) == 401
        assert ask(server, "/metrics", ("prometheus", "second")) == 200
        tls.password_file.unlink()
        assert ask(server, "/metrics", ("prometheus", "second")) == 401


@pytest.mark.parametrize(
    "header", ["Basic", "Basic !!!", "Bearer cHJvbWV0aGV1czpmaXJzdA==", "Basic cHJvbWV0aGV1cw==", "Basic \u00e9"]
)
def test_a_header_that_is_none_of_ours_is_refused(tls: Protection, header: str) -> None:
    """Whatever it holds."""
    assert not tls.admits(header)
    assert tls.admits("basic cHJvbWV0aGV1czpmaXJzdA==")


def test_an_empty_file_admits_nobody(tls: Protection) -> None:
    """As a secret that was made wrongly leaves it."""
    for file in (tls.username_file, tls.password_file):
        assert file is not None
        file.write_text("\n", "utf-8")
    assert not tls.admits("Basic Og==")


def test_a_renewed_certificate_is_used(health: Health, tls: Protection) -> None:
    """While one of its files is missing or broken the one before is."""
    assert tls.certificate_file is not None
    with protected(health, tls) as server:
        assert ask(server, "/livez") == 200
        tls.certificate_file.write_text("half of one", "utf-8")
        assert ask(server, "/livez") == 200
        tls.certificate_file.write_bytes((CERTIFICATES / "expired.pem").read_bytes())
        with pytest.raises(httpx.ConnectError, match="expired"):
            ask(server, "/livez")


def test_who_says_nothing_keeps_nobody_waiting(health: Health, tls: Protection) -> None:
    """Neither an open connection without a handshake, nor plain HTTP, stands in the way of a probe."""
    with protected(health, tls) as server, socket.create_connection(("127.0.0.1", server.port)):
        with pytest.raises(httpx.HTTPError):
            get(server, "/livez")
        assert ask(server, "/livez") == 200


def test_files_that_do_not_fit_are_a_clear_error(health: Health, tls: Protection, tmp_path: Path) -> None:
    """With the settings' names."""
    with pytest.raises(SettingsError, match=r"ops\.certificate_file"):
        protected(health, Protection(tmp_path / "missing", tls.key_file))
