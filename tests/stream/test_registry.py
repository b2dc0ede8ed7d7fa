"""The registry's client against a server that answers as a test tells it."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from consumer.errors import SchemaUnavailable, Undecodable
from consumer.stream.avro import SessionDecoder
from consumer.stream.registry import Access, HttpRegistry
from tests.stream.avro_samples import SCHEMAS

CERTIFICATES = Path(__file__).parents[1] / "delivery/attempt/certificates"
FOUND = (200, {"schema": '"text"'})
NOT_FOUND = (404, {"error_code": 40403, "message": "Schema not found"})
Answer = tuple[int, object]


class Server:
    """Answers every request with what is next, the last for ever; ``asked`` holds paths and passwords."""

    def __init__(self, *answers: Answer, certificate: str = "") -> None:
        self.answers = list(answers)
        self.asked: list[tuple[str, str]] = []
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                credentials = (self.headers.get("Authorization") or "").removeprefix("Basic ")
                server.asked.append((self.path, base64.b64decode(credentials).decode()))
                status, body = server.answers.pop(0) if len(server.answers) > 1 else server.answers[0]
                self.send_response(status)
                self.end_headers()
                self.wfile.write(body.encode() if isinstance(body, str) else json.dumps(body).encode())

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(CERTIFICATES / certificate, CERTIFICATES / "key.pem")
            self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self._http.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator[Server]:
        """Answer within the ``with`` block."""
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield self
        finally:
            self._http.shutdown()
            self._http.server_close()
            thread.join()


class Clock:
    """Goes on when somebody waits."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s

    def wait(self, seconds: float) -> None:
        """Wait."""
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    """The client's clock."""
    return Clock()


@pytest.fixture
def ask(clock: Clock) -> Callable[..., HttpRegistry]:
    """Make a client."""

    def make(*urls: str, **access: object) -> HttpRegistry:
        return HttpRegistry(Access(urls, timeout_s=5, **access), clock, clock.wait)  # type: ignore[arg-type]

    return make


def test_what_was_found_is_not_asked_for_again(ask: Callable[..., HttpRegistry]) -> None:
    """By id and by GUID."""
    guid = "5b1f0a3e-6a0c-4c5e-9a53-3c4d8f7d2f10"
    with Server(FOUND).running() as server:
        registry = ask(f"{server.url}/apis/ccompat/v7/")
        for ref in (7, guid, 7, guid):
            assert registry.schema_by_id(ref) == '"text"'
        assert [path for path, _ in server.asked] == [
            "/apis/ccompat/v7/schemas/ids/7",
            f"/apis/ccompat/v7/schemas/guids/{guid}",
        ]


def test_a_follower_that_is_behind_is_asked_a_second_time(ask: Callable[..., HttpRegistry], clock: Clock) -> None:
    """A schema is used the moment after it was registered, and the nodes learn of it one after the other."""
    with Server(NOT_FOUND, FOUND).running() as server:
        before_s = clock()
        assert ask(server.url).schema_by_id(7) == '"text"'
        assert clock() > before_s


def test_what_is_unknown_stays_so_for_a_while(ask: Callable[..., HttpRegistry], clock: Clock) -> None:
    """A flood of one unknown id is no flood of requests; when the id is registered later, it is found."""
    with Server(NOT_FOUND, NOT_FOUND, FOUND).running() as server:
        registry = ask(server.url)
        for _ in range(100):
            with pytest.raises(LookupError):
                registry.schema_by_id(7)
        assert len(server.asked) == 2
        clock.wait(61)
        assert registry.schema_by_id(7) == '"text"'


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((500, {"error_code": 50001}), "HTTP 500"),
        ((401, "no"), "username and password_file"),
        ((403, {"error_code": 40301}), "username and password_file"),
        ((404, "<html>"), "schemas.registry.url"),
        ((404, {"error_code": 404}), "schemas.registry.url"),
        ((200, "<html>"), "HTTP 200"),
        ((200, ["schema"]), "HTTP 200"),
        ((302, ""), "HTTP 302"),
    ],
)
def test_any_other_answer_is_an_outage(
    ask: Callable[..., HttpRegistry], clock: Clock, answer: Answer, said: str
) -> None:
    """It says what to look at, names no address, and the next attempt comes no sooner than a second later."""
    with Server(answer).running() as server:
        before_s = clock()
        with pytest.raises(SchemaUnavailable) as raised:
            ask(server.url).schema_by_id(7)
        assert said in str(raised.value)
        assert "127.0.0.1" not in str(raised.value)
        assert clock() - before_s >= 1


def test_another_node_is_asked_when_one_is_away(ask: Callable[..., HttpRegistry]) -> None:
    """Whether it is gone or ill."""
    with Server(FOUND).running() as gone:
        pass
    with Server((503, "")).running() as ill, Server(FOUND).running() as well:
        assert ask(gone.url, ill.url, well.url).schema_by_id(7) == '"text"'
    with pytest.raises(SchemaUnavailable, match="no answer"):
        ask(gone.url).schema_by_id(7)


def test_another_kind_of_schema_is_no_outage(ask: Callable[..., HttpRegistry]) -> None:
    """Waiting would not help, nor would asking for each record."""
    with Server((200, {"schema": '{"type": "object"}', "schemaType": "JSON"})).running() as server:
        decode = SessionDecoder(SCHEMAS.asking(ask(server.url)))
        for _ in range(2):
            with pytest.raises(Undecodable, match="not an Avro schema") as refusal:
                decode(b"\x00\x00\x00\x00\x07{}")
            assert refusal.value.reason == "unknown_schema"
        assert len(server.asked) == 1


def test_references_are_written_out(ask: Callable[..., HttpRegistry]) -> None:
    """Also those of a referred type, each where it is named first."""
    outer = {
        "type": "record",
        "name": "shop.Order",
        "fields": [{"name": "a", "type": "Line"}, {"name": "b", "type": ["null", "other.Money"]}],
    }
    line = {
        "type": "record",
        "name": "shop.Line",
        "fields": [{"name": "m", "type": {"type": "array", "items": "other.Money"}}],
    }
    money = {"type": "fixed", "name": "Money", "namespace": "other", "size": 8}
    answers: list[Answer] = [
        (200, {"schema": json.dumps(outer), "references": [{"name": "shop.Line", "subject": "a/b", "version": 3}]}),
        (200, {"schema": json.dumps(line), "references": [{"name": "other.Money", "subject": "m", "version": 1}]}),
        (200, {"schema": json.dumps(money)}),
    ]
    with Server(*answers).running() as server:
        found = json.loads(ask(server.url).schema_by_id(7))
        assert [path for path, _ in server.asked][1:] == ["/subjects/a%2Fb/versions/3", "/subjects/m/versions/1"]
    assert found["fields"][0]["type"]["fields"][0]["type"]["items"] == money
    assert found["fields"][1]["type"] == ["null", "other.Money"]


def test_a_password_comes_from_its_file_each_time(ask: Callable[..., HttpRegistry], tmp_path: Path) -> None:
    """Over TLS, verified by the given authority; a new password needs no new start."""
    password = tmp_path / "password"
    password.write_text("first\n", "utf-8")
    with Server(FOUND, certificate="good.pem").running() as server:
        registry = ask(server.url, username="u", password_file=password, ca_file=CERTIFICATES / "authority.pem")
        registry.schema_by_id(7)
        password.write_text("second\n", "utf-8")
        registry.schema_by_id(8)
        assert [credentials for _, credentials in server.asked] == ["u:first", "u:second"]
        password.unlink()
        with pytest.raises(SchemaUnavailable, match="cannot be read"):
            registry.schema_by_id(9)


@pytest.mark.parametrize("certificate", ["expired.pem", "other_host.pem"])
def test_a_wrong_certificate_gets_no_password(
    ask: Callable[..., HttpRegistry], tmp_path: Path, certificate: str
) -> None:
    """It is an outage, as an authority that is not trusted is."""
    password = tmp_path / "password"
    password.write_text("secret", "utf-8")
    with Server(FOUND, certificate=certificate).running() as server:
        for authority in (CERTIFICATES / "authority.pem", None):
            with pytest.raises(SchemaUnavailable):
                ask(server.url, username="u", password_file=password, ca_file=authority).schema_by_id(7)
        assert server.asked == []
