"""TLS is verified, by certifi's authorities and nothing else; without it, nothing is sent."""

from __future__ import annotations

import socket
import ssl
from functools import cache
from pathlib import Path

import pytest

from tests.delivery.attempt.attempting import Attempted, attempt, get
from tests.delivery.attempt.outcomes import NO_TLS
from tests.delivery.attempt.socket_server import OK, Peer, Script, SocketServer, healthy

CERTIFICATES = Path(__file__).parent / "certificates"
AUTHORITY = CERTIFICATES / "authority.pem"


def authority() -> ssl.SSLContext:
    """Trust the authority of the tests."""
    return ssl.create_default_context(cafile=AUTHORITY)


@cache
def certified(name: str, *, asks: bool = False) -> ssl.SSLContext:
    """Return what a server with this certificate uses; with ``asks`` it wants one of the client, too."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / f"{name}.pem", CERTIFICATES / "key.pem")
    if asks:
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def encrypted(script: Script, certificate: str = "good", *, asks: bool = False) -> Script:
    """Shake hands, and follow a script under TLS."""

    def follow(peer: Peer) -> None:
        peer.encrypt(certified(certificate, asks=asks))
        script(peer)

    return follow


def plain(peer: Peer) -> None:
    """Answer the greeting as a server without TLS does."""
    peer.first_byte()
    peer.send(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")


def close(peer: Peer) -> None:
    """Close when the client's greeting has come."""
    peer.first_byte()


def reset(peer: Peer) -> None:
    """Reset when the client's greeting has come."""
    peer.first_byte()
    peer.reset()


def tried(script: Script, *, hurried: bool = False) -> tuple[Attempted, int]:
    """Return what became of an attempt and the next one, and how often the server saw the first."""
    with SocketServer(script, later=encrypted(healthy), scheme="https") as server:
        attempted = attempt(get(server.url, "A-1"), url=server.url, hurried=hurried, trust=authority())
    return attempted, server.seen("A-1")


def test_a_good_certificate_is_accepted() -> None:
    """One for this host by a known authority, within its time; the connection is kept."""
    with SocketServer(encrypted(healthy), scheme="https") as server:
        attempted = attempt(get(server.url, "A-1"), url=server.url, trust=authority())
    assert (attempted.answer.outcome, attempted.answer.excerpt) == ("delivered", "ok")
    assert attempted.next_answer.outcome == "delivered"
    assert (server.seen("A-1"), server.seen("next"), server.connections) == (1, 1, 1)


@pytest.mark.parametrize(
    "script",
    [encrypted(healthy, "other_host"), encrypted(healthy, "expired"), plain, close, reset, Peer.hold],
    ids=["other host", "expired", "no TLS", "closed", "reset", "hanging"],
)
def test_without_tls_nothing_is_sent(script: Script) -> None:
    """A handshake that fails, or does not end, comes before the request."""
    attempted, seen = tried(script, hurried=script is Peer.hold)
    assert (attempted.answer.outcome, attempted.answer.http_status, seen) == (NO_TLS.outcome, None, 0)
    assert attempted.next_answer.outcome == "delivered"


def test_an_unknown_authority_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the product trusts is not for the environment to say, and this authority is unknown there."""
    monkeypatch.setenv("SSL_CERT_FILE", str(AUTHORITY))
    monkeypatch.setenv("SSL_CERT_DIR", str(CERTIFICATES))
    with SocketServer(later=encrypted(healthy), scheme="https") as server:
        attempted = attempt(get(server.url, "A-1"), url=server.url, trust=None)
    assert attempted.answer.outcome == attempted.next_answer.outcome == NO_TLS.outcome
    assert server.connections == 2
    assert server.seen("A-1") == server.seen("next") == 0


def test_the_environment_is_told_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that could decrypt the sales, and the keys of programmes, stays empty."""
    log = tmp_path / "keys"
    monkeypatch.setenv("SSLKEYLOGFILE", str(log))
    with SocketServer(later=encrypted(healthy), scheme="https") as server:
        attempt(get(server.url, "A-1"), url=server.url, trust=None)
    assert not log.exists() or "SECRET" not in log.read_text("ascii")


def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither for https; see test_sender.py for http."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{nobody.getsockname()[1]}")
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        attempted, seen = tried(encrypted(healthy))
    assert (attempted.answer.outcome, seen) == ("delivered", 1)


def broken_record(peer: Peer) -> None:
    """Read the request, and answer it without encryption."""
    peer.request()
    peer.send_unencrypted(OK)


def read_and_close(peer: Peer) -> None:
    """Read the request, and leave without a farewell."""
    peer.request()


def read_and_reset(peer: Peer) -> None:
    """Read the request, and reset."""
    peer.request()
    peer.reset()


def half(peer: Peer) -> None:
    """Answer with half a body, and leave without a farewell."""
    peer.request()
    peer.send(OK[:-1])


@pytest.mark.parametrize(
    ("script", "seen"),
    [
        (encrypted(broken_record), 1),
        (encrypted(read_and_close), 1),
        (encrypted(read_and_reset), 1),
        (encrypted(half), 1),
        (encrypted(healthy, asks=True), 0),
    ],
    ids=["broken record", "closed", "reset", "half a body", "wants a certificate"],
)
def test_after_the_handshake_an_ending_is_unknown(script: Script, seen: int) -> None:
    """The request may have left; a server that wants a certificate says so only when TLS 1.3 is made for the client."""
    attempted, times = tried(script)
    assert (attempted.answer.outcome, attempted.answer.http_status, times) == ("unknown", None, seen)
    assert attempted.next_answer.outcome == "delivered"
