"""The stages on a broker that wants TLS and a password, and allows only what docs/security.md lists."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # public, yet not in __all__
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.demo.configuration import HOST, free_ports
from consumer.errors import ConsumerError, Fenced, TopicError, Unavailable
from consumer.service import Service
from consumer.stream.properties import open_client
from consumer.wiring import clients
from consumer.wiring.silence import described
from tests.kafka.crash.program import wait_until
from tests.kafka.running import running
from tests.kafka.shell import Shell

ROOT = Path(__file__).parents[2]
CERTIFICATES = ROOT / "tests/delivery/attempt/certificates"
USER = "consumer"
PASSWORD = "scram-71c0ffee"  # of a broker that lives for a test
ROW = re.compile(r"^\| (attribute|deliver) \| (\w+) \| `([^`]+)` \| ([\w, ]+) \|$", re.MULTILINE)


class Right(NamedTuple):
    """A line of the page."""

    role: str
    resource: str
    name: str
    operations: tuple[str, ...]

    def bindings(self, shell: Shell) -> list[AclBinding]:
        """Return it for the names of a configuration."""
        kafka, names = shell.settings.kafka, shell.settings.topics
        name = self.name.removesuffix("*")
        if name.startswith("topics."):
            name = getattr(names, name.removeprefix("topics."))
        name = name.replace("<kafka.group>", kafka.group)
        pattern = ResourcePatternType.PREFIXED if self.name.endswith("*") else ResourcePatternType.LITERAL
        return [
            AclBinding(
                ResourceType[self.resource.upper()],
                name,
                pattern,
                f"User:{USER}",
                "*",
                AclOperation[re.sub(r"(?<!^)([A-Z])", r"_\1", operation).upper()],
                AclPermissionType.ALLOW,
            )
            for operation in self.operations
        ]


def listed() -> list[Right]:
    """Read the page's table."""
    text = (ROOT / "docs/security.md").read_text(encoding="utf-8")
    return [Right(role, kind, name, tuple(each.split(", "))) for role, kind, name, each in ROW.findall(text)]


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[EmbeddedKafka, int]]:
    """A broker and the port of its secured listener; who comes in by the plain one may do anything."""
    keystore = tmp_path_factory.mktemp("broker") / "keystore.pem"
    keystore.write_text((CERTIFICATES / "key.pem").read_text("ascii") + (CERTIFICATES / "good.pem").read_text("ascii"))
    (ports,) = free_ports(1)
    port = ports.broker
    with EmbeddedKafka(
        secured={"SASL_SSL": port},
        properties={
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "sasl.enabled.mechanisms": "SCRAM-SHA-512",
            "listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config": (
                "org.apache.kafka.common.security.scram.ScramLoginModule required;"
            ),
            "listener.name.sasl_ssl.ssl.keystore.type": "PEM",
            "listener.name.sasl_ssl.ssl.keystore.location": str(keystore),
        },
    ) as kafka:
        admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})
        credential = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        (done,) = admin.alter_user_scram_credentials(
            [UserScramCredentialUpsertion(USER, credential, PASSWORD.encode("ascii"))]
        ).values()
        done.result()
        yield kafka, port


class Guarded:
    """A configuration for the secured listener, and the same for an operator who may do anything."""

    def __init__(self, secured: tuple[EmbeddedKafka, int], names: Callable[[str], str], folder: Path) -> None:
        kafka, port = secured
        self.operator, self.consumer = (self._shell(kafka, names, folder / name) for name in ("operator", "consumer"))
        self.password = folder / "password"
        self.password.write_text(f"{PASSWORD}\n", encoding="ascii")
        self.consumer.values["kafka"] |= {  # type: ignore[operator]
            "bootstrap_servers": f"{HOST}:{port}",
            "properties": {
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-512",
                "sasl.username": USER,
                "ssl.ca.location": str(CERTIFICATES / "authority.pem"),
            },
            "property_files": {"sasl.password": str(self.password)},
        }
        self.consumer.write()
        self.admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})

    @staticmethod
    def _shell(kafka: EmbeddedKafka, names: Callable[[str], str], folder: Path) -> Shell:
        folder.mkdir()
        made = Shell(kafka, names, folder)
        made.hurry()
        return made

    def deliver_to(self, awin: StandInAwin) -> None:
        """Send in earnest."""
        for shell in (self.operator, self.consumer):
            shell.values["delivery"] = {"mode": "live", "endpoint": awin.endpoint}
            shell.write()

    def allow(self, rights: list[Right]) -> None:
        """Allow this and nothing else."""
        everything = AclBindingFilter(
            ResourceType.ANY,
            None,  # type: ignore[arg-type]  # None is any, whatever the annotation says; also below
            ResourcePatternType.ANY,
            None,  # type: ignore[arg-type]
            None,  # type: ignore[arg-type]
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        for done in self.admin.delete_acls([everything]).values():
            done.result()
        bindings = {binding for right in rights for binding in right.bindings(self.operator)}
        for made in self.admin.create_acls(list(bindings)).values():
            made.result()
        # The controller has it; the broker's authorizer hears of it a moment later.
        wait_until(lambda: set(self.admin.describe_acls(everything).result()) == bindings, "the rights are known")


@pytest.fixture
def guarded(secured: tuple[EmbeddedKafka, int], topic_names: Callable[[str], str], tmp_path: Path) -> Guarded:
    """A configuration of this test's own, with its topics made."""
    made = Guarded(secured, topic_names, tmp_path)
    made.operator.create()
    return made


def test_what_the_page_lists_is_enough(guarded: Guarded) -> None:
    """An order that goes in comes out at Awin, over TLS, with a password from a file."""
    guarded.allow(listed())
    with StandInAwin(strict=True) as awin:
        guarded.deliver_to(awin)
        with running(guarded.consumer):
            ran = guarded.operator("send-test", "--yes", "--timeout", 60)
        assert ran.code == 0, ran.out + ran.err
        assert len(awin.requests) == 1


@pytest.mark.parametrize(
    ("missing", "error", "code"),
    [
        ("topics.session_landed", TopicError, "TOPIC_AUTHORIZATION_FAILED"),
        ("<kafka.group>-attribute-*", Fenced, "TRANSACTIONAL_ID_AUTHORIZATION_FAILED"),
    ],
)
def test_a_right_that_is_missing_is_told_of(
    guarded: Guarded, missing: str, error: type[ConsumerError], code: str
) -> None:
    """The process ends, and names what was refused and the page."""
    guarded.allow([each for each in listed() if each.name != missing])
    with pytest.raises(error, match=rf": {code}.* docs/security\.md"):
        Service(guarded.consumer.settings, ("attribute",)).run()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"ssl.ca.location": str(CERTIFICATES / "good.pem")}, "_SSL: .*certificate verify failed"),
        ({"sasl.mechanism": "SCRAM-SHA-256"}, "_AUTHENTICATION: "),
    ],
    ids=["an authority that is not trusted", "a mechanism that the broker does not offer"],
)
def test_who_cannot_come_in_is_told_why(guarded: Guarded, changes: dict[str, str], reason: str) -> None:
    """Not only that nobody answers."""
    guarded.consumer.values["kafka"]["properties"] |= changes  # type: ignore[index]
    admin = open_client(AdminClient, clients.connection(guarded.operator.settings))
    settings = guarded.consumer.settings
    names = [settings.topics.conversion]
    assert set(described(guarded.operator.settings, admin, names)) == set(names)
    silent = open_client(AdminClient, clients.connection(settings))
    with pytest.raises(Unavailable, match=reason):
        described(settings, silent, names, timeout_s=1.0)


def test_a_wrong_password_is_waited_out(guarded: Guarded) -> None:
    """It is alive and not ready, says why, and leaves for a new start when the password has changed."""
    guarded.allow(listed())
    guarded.password.write_text("wrong", encoding="ascii")
    service = Service(guarded.consumer.settings, ("attribute", "deliver"))
    thread = threading.Thread(target=service.run, name="service")
    with structlog.testing.capture_logs() as logs:
        thread.start()
        try:
            wait_until(lambda: any(each["event"] == "stage.waiting" for each in logs), "it waits")
            (told, *_) = [each["reason"] for each in logs if each["event"] == "stage.waiting"]
            assert "_AUTHENTICATION: " in told
            assert service.health.live().ok
            assert not service.health.ready().ok
            guarded.password.write_text(PASSWORD, encoding="ascii")
            wait_until(lambda: not thread.is_alive(), "it has left")
        finally:
            service.stop()
            thread.join()
    assert "service.secrets_changed" in [each["event"] for each in logs]
    assert PASSWORD not in str(logs)
    with running(guarded.consumer):
        pass
