"""Secrets of the Kafka client in files."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from confluent_kafka import Producer

from consumer.errors import SettingsError
from consumer.settings import Settings, load, parse
from consumer.settings.infrastructure import SECRETS
from consumer.stream.properties import client_log, open_client
from consumer.wiring import clients
from consumer.wiring.secrets import Rotation

PASSWORD = "correct horse"


def settings(**kafka: object) -> Settings:
    """Return settings with these of the Kafka client."""
    return parse({"kafka": kafka, "programmes": [{"advertiser_id": "1001"}]})


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """A file with a password."""
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    return file


def test_every_client_gets_what_stands_in_the_files(password: Path) -> None:
    """Without the line's end, and beside the plain properties."""
    made = settings(property_files={"sasl.password": password}, properties={"sasl.username": "shop"})
    for found in (clients.connection(made), clients.member(made), clients.writer(made)):
        assert (found["sasl.username"], found["sasl.password"]) == ("shop", PASSWORD)


def test_what_cannot_be_read_is_named_and_never_told(tmp_path: Path) -> None:
    """The property and the file, not the content."""
    with pytest.raises(SettingsError, match=r"kafka.property_files: sasl.password, .*nowhere: No such file"):
        clients.connection(settings(property_files={"sasl.password": tmp_path / "nowhere"}))
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(SettingsError, match="the file is empty"):
        clients.connection(settings(property_files={"sasl.password": tmp_path / "empty"}))
    (tmp_path / "binary").write_bytes(b"\xff\xfe secret")
    with pytest.raises(SettingsError, match="is not UTF-8 text") as raised:
        clients.connection(settings(property_files={"sasl.password": tmp_path / "binary"}))
    assert "secret" not in str(raised.value)


def test_a_property_has_one_place(password: Path) -> None:
    """Not two, nor one that a setting of its own has."""
    with pytest.raises(SettingsError, match=r"sasl.username also stands in properties"):
        settings(property_files={"sasl.username": password}, properties={"sasl.username": "x"})
    with pytest.raises(SettingsError, match=r"bootstrap.servers is set by kafka.bootstrap_servers"):
        settings(property_files={"bootstrap.servers": password})


@pytest.mark.parametrize("name", sorted(SECRETS))
def test_a_secret_is_refused_outside_a_file(name: str, password: Path) -> None:
    """The error names the property and where to put it, not what it was; from a file the client gets it."""
    with pytest.raises(SettingsError, match=rf"{re.escape(name)} is secret: .* kafka\.property_files") as raised:
        settings(properties={name: PASSWORD})
    assert PASSWORD not in str(raised.value)
    assert clients.connection(settings(property_files={name: password}))[name] == PASSWORD


def test_a_secret_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Any program on the machine that is run by the same user can read it there."""
    monkeypatch.setenv("AWIN_KAFKA__PROPERTIES", json.dumps({"sasl.password": PASSWORD}))
    monkeypatch.setenv("AWIN_PROGRAMMES", json.dumps([{"advertiser_id": "1001"}]))
    with pytest.raises(SettingsError, match=r"sasl\.password is secret") as raised:
        load(None)
    assert PASSWORD not in str(raised.value)


def test_librdkafka_takes_them_for_secret_too(caplog: pytest.LogCaptureFixture) -> None:
    """It knows every one of them, and keeps its value out of its log."""
    other_names = {"sasl.oauthbearer.client.credentials.client.secret": "sasl.oauthbearer.client.secret"}
    with caplog.at_level("DEBUG", client_log.name):
        for name in SECRETS:
            open_client(Producer, {name: PASSWORD, "debug": "conf"}).poll(0.1)
            assert f" {other_names.get(name, name)} = [redacted]" in caplog.text, name
    assert PASSWORD not in caplog.text


def test_a_changed_file_is_noticed_when_it_is_time_to_look(password: Path, tmp_path: Path) -> None:
    """Secrets and certificates alike; one that is away for a moment has not changed."""
    certificate = tmp_path / "tls.crt"
    certificate.write_text("one")
    made = settings(
        property_files={"sasl.password": password}, properties={"ssl.certificate.location": str(certificate)}
    )
    now_s = 0.0
    rotation = Rotation(made, lambda: now_s, interval_s=10)
    certificate.write_text("two")
    assert rotation.changed() == []
    now_s = 10.0
    assert rotation.changed() == ["ssl.certificate.location"]
    password.unlink()
    now_s = 20.0
    assert rotation.changed() == ["ssl.certificate.location"]
    password.write_text("another")
    certificate.write_text("one")
    now_s = 30.0
    assert rotation.changed() == ["sasl.password"]


def test_the_same_content_in_another_file_is_no_change(password: Path) -> None:
    """Kubernetes sets links anew whenever any entry of a secret changes."""
    now_s = 0.0
    rotation = Rotation(settings(property_files={"sasl.password": password}), lambda: now_s, interval_s=0)
    password.unlink()
    password.write_text(f"{PASSWORD}\n", encoding="utf-8")
    assert rotation.changed() == []
