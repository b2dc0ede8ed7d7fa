"""What the check says about settings, Awin's address and the state folders."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.inspect import preflight
from consumer.settings import Settings, parse
from consumer.state.folder import StateFolder


def configured(**delivery: str) -> Settings:
    """Return settings with these of delivery."""
    return parse({"programmes": [{"advertiser_id": "1001"}], "delivery": delivery})


@pytest.fixture
def port() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def closed_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_the_mode_is_said_in_words() -> None:
    """Whoever reads the check knows whether anything is sent."""
    judged = preflight.configuration(configured())
    assert (judged.verdict, judged.found) == ("ok", "programme 1001, mode shadow: nothing is sent")


def test_every_programme_is_named() -> None:
    """In the order of the settings."""
    settings = parse({"programmes": [{"advertiser_id": "2002", "when": {"market": "de"}}, {"advertiser_id": "1001"}]})
    assert preflight.configuration(settings).found == "programmes 2002, 1001, mode shadow: nothing is sent"


def test_sales_must_not_travel_in_the_clear() -> None:
    """A live endpoint without TLS is a warning."""
    assert preflight.configuration(configured(mode="live", endpoint="http://localhost/")).verdict == "warn"
    assert preflight.configuration(configured(mode="live")).verdict == "ok"


def test_an_open_port_is_reachable(port: int) -> None:
    """A connection is made, and no request is sent."""
    judged = preflight.awin(configured(endpoint=f"http://127.0.0.1:{port}/sread.php"))
    assert (judged.verdict, judged.advice) == ("ok", "")


@pytest.mark.parametrize(("mode", "verdict"), [("shadow", "warn"), ("test", "fail"), ("live", "fail")])
def test_a_closed_port_is_a_failure_if_anything_is_sent(closed_port: int, mode: str, verdict: str) -> None:
    """In shadow mode Awin is not needed yet."""
    judged = preflight.awin(configured(mode=mode, endpoint=f"https://127.0.0.1:{closed_port}/sread.php"))
    assert (judged.verdict, f"127.0.0.1:{closed_port}" in judged.advice) == (verdict, True)


def test_a_server_that_does_not_speak_tls_is_a_failure(port: int) -> None:
    """The handshake belongs to the check, and waiting for it is bounded."""
    live = configured(mode="live", endpoint=f"https://127.0.0.1:{port}/")
    assert preflight.awin(live, timeout_s=0.2).verdict == "fail"


def test_a_folder_that_is_not_there_yet_can_be_made(tmp_path: Path) -> None:
    """Checking makes nothing."""
    assert preflight.state_folder(tmp_path / "state" / "attribute").verdict == "ok"
    assert not (tmp_path / "state").exists()


def test_a_folder_in_use_is_a_warning(tmp_path: Path) -> None:
    """The consumer itself may be running; afterwards it is free."""
    with StateFolder(tmp_path):
        judged = preflight.state_folder(tmp_path)
        assert (judged.verdict, "in use" in judged.found) == ("warn", True)
    assert preflight.state_folder(tmp_path).verdict == "ok"


def test_a_file_in_the_way_is_a_failure(tmp_path: Path) -> None:
    """A folder cannot be made below a file."""
    file = tmp_path / "file"
    file.touch()
    judged = preflight.state_folder(file / "attribute")
    assert (judged.verdict, str(file) in judged.found) == ("fail", True)
