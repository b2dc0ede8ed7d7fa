"""TLS and a password on the operators' port, from files that may change while it serves."""

from __future__ import annotations

import base64
import hmac
import socket
import ssl
import sys
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler

from consumer.errors import SettingsError

HANDSHAKE_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Protection:
    """What the port asks of others, and shows of itself. Without a certificate it speaks plain HTTP."""

    certificate_file: Path | None = None
    """PEM, with the chain."""
    key_file: Path | None = None
    username_file: Path | None = None
    """With a password, `/metrics` is for this user only."""
    password_file: Path | None = None

    def admits(self, authorization: str | None) -> bool:
        """Tell whether a request with this header may see the metrics; nobody may while a file is away or empty."""
        if self.username_file is None or self.password_file is None:
            return True
        scheme, _, given = (authorization or "").partition(" ")
        try:
            wanted = [file.read_bytes().rstrip(b"\r\n") for file in (self.username_file, self.password_file)]
            found = base64.b64decode(given, validate=True)
        except (OSError, ValueError):
            return False
        return all(wanted) and scheme.lower() == "basic" and hmac.compare_digest(found, b":".join(wanted))


OPEN = Protection()
"""Plain HTTP, and metrics for everybody."""


class Certificate:
    """The port's certificate, read again when one of its files has changed.

    Raises:
        SettingsError: a file cannot be read, or they do not belong together.
    """

    def __init__(self, certificate_file: Path, key_file: Path) -> None:
        self._files = (certificate_file, key_file)
        self._seen = self._look()
        try:
            self._context = self._load()
        except OSError as error:
            raise SettingsError(
                f"ops.certificate_file and ops.key_file: {type(error).__name__}: {error.strerror or error}"
            ) from None

    def context(self) -> ssl.SSLContext:
        """Return the newest that can be used: in the middle of a rotation that is still the one before."""
        seen = self._look()
        if seen and seen != self._seen:
            try:
                self._context = self._load()
                self._seen = seen
            except OSError:
                pass
        return self._context

    def _load(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*self._files)
        return context

    def _look(self) -> list[tuple[int, int]]:
        try:
            return [(found.st_mtime_ns, found.st_ino) for found in (file.stat() for file in self._files)]
        except OSError:
            return []


class ProtectedServer(ThreadingHTTPServer):
    """Serves over TLS when there is a certificate. Each handshake has a thread of its own, which nobody waits for."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseRequestHandler], protection: Protection) -> None:
        self._certificate: Certificate | None = None
        if protection.certificate_file is not None and protection.key_file is not None:
            self._certificate = Certificate(protection.certificate_file, protection.key_file)
        super().__init__(address, handler)

    def handle_error(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Keep quiet of a peer that went away in the middle: it is no news."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def finish_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Answer one connection, on its own thread."""
        if self._certificate is None or not isinstance(request, socket.socket):
            super().finish_request(request, client_address)
            return
        request.settimeout(HANDSHAKE_TIMEOUT_S)
        try:
            secure = self._certificate.context().wrap_socket(request, server_side=True)
        except OSError:
            return  # whoever does not finish a handshake is no concern of ours
        with secure:
            super().finish_request(secure, client_address)
