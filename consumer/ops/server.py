"""The port for operators: `/metrics`, `/livez`, `/readyz` and `/startupz`."""

from __future__ import annotations

from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from threading import Thread

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from consumer.errors import SettingsError
from consumer.ops.health import Health, Verdict
from consumer.ops.protection import OPEN, ProtectedServer, Protection


class OpsServer:
    """Serves until `close`, on its own threads.

    Raises:
        SettingsError: the port is taken, or the certificate cannot be used.
    """

    def __init__(
        self,
        host: str,
        port: int,
        registry: CollectorRegistry,
        health: Health,
        protection: Protection = OPEN,
    ) -> None:
        handler = type("OpsHandler", (_Handler,), {"registry": registry, "health": health, "protection": protection})
        try:
            self._server = ProtectedServer((host, port), handler, protection)
        except OSError as error:
            raise SettingsError(
                f"ops.port: cannot listen on {host}:{port}: {error.strerror}; is another consumer running here?"
            ) from None
        self._thread = Thread(target=self._server.serve_forever, args=(0.1,), name="ops", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Handler(BaseHTTPRequestHandler):
    registry: CollectorRegistry
    health: Health
    protection: Protection
    timeout = 10

    def do_HEAD(self) -> None:
        """Answer as `do_GET` does, without a body."""
        self.do_GET()

    def do_GET(self) -> None:
        """Answer one of the four pages."""
        match self.path.partition("?")[0]:
            case "/metrics" if not self.protection.admits(self.headers.get("Authorization")):
                self._answer(401, "text/plain; charset=utf-8", b"user and password, please\n")
            case "/metrics":
                self._answer(200, CONTENT_TYPE_LATEST, generate_latest(self.registry))
            case "/livez":
                self._verdict(self.health.live())
            case "/readyz":
                self._verdict(self.health.ready())
            case "/startupz":
                self._verdict(self.health.started())
            case _:
                self._answer(404, "text/plain; charset=utf-8", b"try /metrics, /livez, /readyz or /startupz\n")

    def log_message(self, *_: object) -> None:
        """Keep quiet: probes and scrapes are no news."""

    def _verdict(self, verdict: Verdict) -> None:
        self._answer(200 if verdict.ok else 503, "application/json", msgspec.json.encode(verdict) + b"\n")

    def _answer(self, status: int, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", 'Basic realm="metrics"')
        self.end_headers()
        if self.command == "HEAD":
            return
        self.wfile.write(body)
