"""Which servers are trusted: the same on every machine, whatever its environment says."""

from __future__ import annotations

import ssl
from pathlib import Path

import httpx


def client_context(authorities: Path | None = None) -> ssl.SSLContext:
    """Return what verifies a server, by the authorities of a PEM file or else of the package certifi.

    certifi comes with httpx and changes with it. The environment has no say: neither authorities (``SSL_CERT_FILE``,
    ``SSL_CERT_DIR``) nor ``SSLKEYLOGFILE``.

    Raises:
        OSError: the file cannot be read, or holds no certificate.
    """
    if authorities is None:
        context = httpx.create_ssl_context(trust_env=False)
    else:
        context = ssl.create_default_context(cafile=str(authorities))
    context.keylog_filename = None  # type: ignore[assignment]  # typeshed does not know that this switches it off
    return context
