"""A Confluent-compatible schema registry, asked over HTTP for the schemas of Confluent-framed values.

It is asked once for each schema, with whatever password its file holds then. Only the registry's own word makes a
schema unknown; whatever else it answers is an outage, which is waited out.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from consumer.errors import SchemaUnavailable
from consumer.stream.schema_references import inline
from consumer.tls import client_context

SCHEMA_NOT_FOUND = 40403
"""The error code with which a registry says that it has no schema of this id (Confluent's REST API)."""
_ACCEPT = "application/vnd.schemaregistry.v1+json, application/json"
_PAUSE_S = 1.0
"""Until it is asked again, after no answer or after the first "not found": a follower may be behind its leader."""
_UNKNOWN_FOR_S = 60.0
_MOST_UNKNOWN = 10_000
_MOST_REFERENCES = 100


@dataclass(frozen=True, slots=True)
class Access:
    """Where the registry is and how to be let in."""

    urls: Sequence[str]
    """Base URLs of its nodes, which are tried in turn."""
    timeout_s: float
    username: str | None = None
    password_file: Path | None = None
    ca_file: Path | None = None
    """PEM; without it the authorities of the package certifi are trusted."""
    certificate_file: Path | None = None
    key_file: Path | None = None


class _NotFound(LookupError):
    """The registry says that it has no such schema."""


class HttpRegistry:
    """See `consumer.stream.schemas.SchemaRegistry`. One thread uses it.

    Args:
        access: where it is.
        monotonic_s: the clock, for how long a schema stays unknown before the registry is asked again.
        pause: waits so many seconds.
    """

    def __init__(
        self,
        access: Access,
        monotonic_s: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._access = access
        self._monotonic_s = monotonic_s
        self._pause = pause
        self._texts: dict[int | str, str] = {}
        self._unknown: dict[int | str, float] = {}

    def schema_by_id(self, schema_id: int | str) -> str:
        """Return the text of the schema with an id or a GUID, with everything that it refers to.

        Raises:
            LookupError: the registry says, twice, that there is none.
            ValueError: it refers to others as no Avro schema does.
            SchemaUnavailable: it does not answer, or something else; the time to the next attempt has passed.
        """
        text = self._texts.get(schema_id)
        if text is None:
            if self._monotonic_s() - self._unknown.get(schema_id, float("-inf")) < _UNKNOWN_FOR_S:
                raise LookupError(schema_id)
            text = self._texts[schema_id] = self._look_up(schema_id)
        return text

    def _look_up(self, schema_id: int | str) -> str:
        path = f"/schemas/ids/{schema_id}" if isinstance(schema_id, int) else f"/schemas/guids/{schema_id}"
        try:
            try:
                return self._complete(path)
            except _NotFound:
                self._pause(_PAUSE_S)
                return self._complete(path)
        except _NotFound:
            if len(self._unknown) >= _MOST_UNKNOWN:
                self._unknown.clear()
            self._unknown[schema_id] = self._monotonic_s()
            raise
        except SchemaUnavailable:
            self._pause(_PAUSE_S)
            raise

    def _complete(self, path: str) -> str:
        with self._client() as client:
            found = self._ask(client, path)
            text = str(found["schema"])
            if found.get("schemaType", "AVRO") != "AVRO":
                return text  # whoever compiles it will see
            references = self._references(client, found)
        return inline(text, references) if references else text

    def _references(self, client: httpx.Client, found: Mapping[str, Any]) -> dict[str, str]:
        """Return the texts of the named types that a schema refers to, and those of theirs."""
        texts: dict[str, str] = {}
        waiting = list(found.get("references") or ())
        while waiting:
            each = waiting.pop()
            try:
                name, subject = str(each["name"]), quote(each["subject"], safe="")
                path = f"/subjects/{subject}/versions/{each['version']}"
            except (KeyError, TypeError) as error:
                raise ValueError("it refers to another without saying to which") from error
            if name in texts:
                continue
            if len(texts) == _MOST_REFERENCES:
                raise ValueError(f"it refers to more than {_MOST_REFERENCES} others")
            referred = self._ask(client, path, may_be_missing=False)
            texts[name] = str(referred["schema"])
            waiting += referred.get("references") or ()
        return texts

    def _client(self) -> httpx.Client:
        access = self._access
        try:
            trust = client_context(access.ca_file)
            if access.certificate_file is not None:
                trust.load_cert_chain(access.certificate_file, access.key_file)
            password = "" if access.password_file is None else access.password_file.read_text("utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            # A file may be missing for a moment while it is rotated.
            raise SchemaUnavailable(
                f"schemas.registry: one of its files cannot be read or used ({type(error).__name__}); see to it"
            ) from None
        auth = httpx.BasicAuth(access.username, password) if access.username else None
        return httpx.Client(
            auth=auth, headers={"Accept": _ACCEPT}, timeout=access.timeout_s, verify=trust, trust_env=False
        )

    def _ask(self, client: httpx.Client, path: str, *, may_be_missing: bool = True) -> dict[str, Any]:
        """Return what the first node that answers has to say.

        Raises:
            _NotFound: it says that there is no such schema, and ``may_be_missing``.
            SchemaUnavailable: no node gave an answer that can be used.
        """
        refusal = ""
        for url in self._access.urls:
            try:
                answer = client.get(url.rstrip("/") + path)
            except httpx.HTTPError as error:
                refusal = refusal or f"no answer ({type(error).__name__}): look after it"
                continue
            body = _body(answer)
            if answer.status_code == httpx.codes.OK and "schema" in body:
                return body
            if may_be_missing and body.get("error_code") == SCHEMA_NOT_FOUND:
                raise _NotFound(path)
            refusal = _refusal(answer.status_code)
        raise SchemaUnavailable(f"schemas.registry: {refusal}. Records wait for it")


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = json.loads(answer.content)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _refusal(status: int) -> str:
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
        return f"it refuses us (HTTP {status}): see to schemas.registry.username and password_file"
    if status == httpx.codes.NOT_FOUND:
        return "HTTP 404 without a registry's error code: see to schemas.registry.url, such as …/apis/ccompat/v7"
    return f"HTTP {status}: look after it"
