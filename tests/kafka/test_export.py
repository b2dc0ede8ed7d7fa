"""`awin-consumer export-offline` on a real broker."""

from __future__ import annotations

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from msgspec.structs import replace

from consumer.demo.awin import StandInAwin
from consumer.demo.broker import EmbeddedKafka
from consumer.errors import Fenced
from consumer.events import Receipt
from consumer.export.folder import DiskFolder
from consumer.stream.avro import ReceiptDecoder
from consumer.stream.log import TopicPartition
from consumer.wiring.export import open_export
from tests.cli.commands import Ran
from tests.delivery.conversions import T0_MS, codecs, encoded, key_of, sale, schemas
from tests.export.shop import EVERYTHING, HOUR_MS, Shop, offline_sale, order_refs
from tests.kafka import killed_export
from tests.kafka.crash.program import Program, consumer_command
from tests.kafka.crash.topic_reader import read_topic
from tests.kafka.shell import Shell

pytestmark = pytest.mark.kafka

ROOT = Path(__file__).parents[2]
ALL_DAYS = ("--from", "2023-11-01", "--to", "2099-12-31")


class ExportShell(Shell):
    """A shell whose topics hold what deliver leaves, and the folders that it exports to."""

    def __init__(self, kafka: EmbeddedKafka, topic_names: Callable[[str], str], folder: Path) -> None:
        super().__init__(kafka, topic_names, folder)
        self.create()
        self._copied: Counter[TopicPartition] = Counter()
        self.out, self.other = folder / "out", folder / "other"
        for each in (self.out, self.other):
            each.mkdir()

    def copy_shop(self, shop: Shop) -> None:
        """Bring a shop's topics to the broker, what is new in them since the last time; offsets as they are."""
        for topic in (shop.names.conversion, shop.names.dead_letter, shop.names.receipt):
            for at in shop.log.partitions(topic):
                records = shop.log.records(*at, self._copied[at])
                self.append(records)
                self._copied[at] += len(records)

    def export(self, *arguments: object, out: Path | None = None) -> Ran:
        """Run the command for all days."""
        return self("export-offline", *ALL_DAYS, "--out", out or self.out, *arguments)

    def start_export(self, out: Path) -> subprocess.Popen[bytes]:
        """Run it as a process of its own."""
        command = [sys.executable, "-m", "consumer.cli", "export-offline", *ALL_DAYS, "--out", str(out)]
        return subprocess.Popen(
            [*command, "--config", str(self.config)], cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def exported(self) -> Counter[str]:
        """Return how many rows of finished files each order has."""
        return order_refs(file.read_bytes() for out in (self.out, self.other) for file in out.glob("*.csv"))

    def receipts(self) -> list[Receipt]:
        """Return all receipts, old ones included, each partition's in order."""
        decode = ReceiptDecoder(schemas())
        records = read_topic(self.kafka.bootstrap_servers, self.settings.topics.receipt)
        return [decode(record.value) for record in records]

    def exported_receipts(self) -> Counter[str]:
        """Return how many receipts of each order say that it is exported."""
        return Counter(receipt.order_ref for receipt in self.receipts() if receipt.ending == "exported")


@pytest.fixture
def shell(kafka: EmbeddedKafka, topic_names: Callable[[str], str], tmp_path: Path) -> ExportShell:
    """Commands with a configuration on the shared broker, and its topics."""
    return ExportShell(kafka, topic_names, tmp_path)


def left_to_files(shell: ExportShell, count: int) -> list[str]:
    """Let so many orders wait, some of them too old to be sent, beside delivered ones; return the references."""
    shop = Shop(shell.settings.topics)
    refs = [f"A-{number}" for number in range(count)]
    for number, ref in enumerate(refs):
        at_ms = T0_MS + number % 2 * 24 * HOUR_MS
        if number % 4:
            shop.leave(offline_sale(ref, at_ms=at_ms))
        else:
            shop.put_aside(sale(ref, at_ms=at_ms))
    shop.deliver(sale("delivered"))
    shell.copy_shop(shop)
    return refs


def test_repeated_runs_export_each_order_once(shell: ExportShell) -> None:
    """A file by day, then nothing to do, said as such; machines get one object."""
    refs = left_to_files(shell, 40)
    first = shell.export("--json")
    assert (first.code, first.err) == (0, "")
    names = [each["name"] for each in first.value["files"]]
    assert sorted(file.name for file in shell.out.glob("*.csv")) == names
    assert [(each["day"], each["orders"]) for each in first.value["files"]] == [("2023-11-14", 20), ("2023-11-15", 20)]
    assert (first.value["orders"], first.value["skipped"]) == ({"1001": 40}, {})
    second = shell.export("--json")
    assert (second.code, second.value["files"], second.value["skipped"]) == (0, [], {"already_exported": 40})
    said = shell.export().out
    assert "Nothing to export: no order of these days waits for it." in said
    assert "40  are in earlier files" in said
    assert shell.exported() == shell.exported_receipts() == Counter(refs)
    assert [path.name for path in shell.out.iterdir() if path.name.startswith(".")] == [".awin-export.lock"]


def test_people_see_files_and_counts(shell: ExportShell) -> None:
    """A table of the files, and what was done to orders in them."""
    shop = Shop(shell.settings.topics)
    shop.leave(offline_sale("=A1"), offline_sale("A-2", programme="2002"))
    shell.copy_shop(shop)
    ran = shell.export()
    rows = [line.split() for line in ran.out.splitlines() if line.startswith("awin-")]
    assert [row[1:] for row in rows] == [["1001", "2023-11-14", "1"], ["2002", "2023-11-14", "1"]]
    assert "an apostrophe stands before it now" in ran.out
    assert shell.exported() == Counter(["'=A1", "A-2"])


def test_what_expired_is_told_by_the_exit_code(shell: ExportShell) -> None:
    """The others are exported all the same."""
    shop = Shop(shell.settings.topics)
    shop.leave(offline_sale("there"))
    receipt = replace(shop.receipts()["there"], order_ref="gone")
    shop.receipt(0, b"1001:gone", codecs().write_receipt(replace(receipt, source=replace(receipt.source, offset=99))))
    shell.copy_shop(shop)
    ran = shell.export("--json")
    assert (ran.code, ran.value["skipped"]) == (1, {"expired": 1})
    assert shell.exported() == Counter(["there"])


def test_a_kill_between_commit_and_naming_is_made_good(shell: ExportShell) -> None:
    """The receipts are committed and no file is there; the next run names it, and exports the rest."""
    refs = left_to_files(shell, 30)
    killed = subprocess.run(
        [sys.executable, killed_export.__file__, str(shell.config), str(shell.out)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert killed.returncode == -9, killed.stderr.decode()
    committed = shell.exported_receipts()
    assert (committed.total(), shell.exported().total()) == (15, 0)
    elsewhere = shell.export("--json", out=shell.other)
    assert elsewhere.value["orders"] == {"1001": 15}
    healed = shell.export("--json")
    assert [(each["orders"], each["interrupted"]) for each in healed.value["files"]] == [(15, True)]
    assert shell.exported() == shell.exported_receipts() == Counter(refs)
    assert "an earlier export left unfinished" not in shell.export().out


def test_a_second_export_fences_the_first(shell: ExportShell) -> None:
    """It runs from beginning to end after the first has prepared a file: that one commits nothing, and fails."""
    refs = left_to_files(shell, 20)
    ran: list[Ran] = []

    class Interrupted(DiskFolder):
        def sync(self) -> None:
            super().sync()
            if any(name.endswith(".manifest") for name in self.names()) and not ran:
                ran.append(shell.export("--json", out=shell.other))

    with Interrupted(shell.out) as folder, ExitStack() as stack, pytest.raises(Fenced, match="another export"):
        open_export(shell.settings, folder, lambda _: None, stack).run(EVERYTHING)
    assert ran[0].value["orders"] == {"1001": 20}
    assert list(shell.out.glob("*.csv")) == []
    assert shell.export("--json").value["files"] == []
    assert shell.exported() == shell.exported_receipts() == Counter(refs)
    assert [path.name for path in shell.out.iterdir()] == [".awin-export.lock"]


def test_two_exports_at_once_export_each_order_once(shell: ExportShell) -> None:
    """Two processes begin together, in folders of their own; whichever is fenced is made good by its next run."""
    shop, refs = Shop(shell.settings.topics), [f"A-{number}" for number in range(80)]
    for start in range(0, 80, 20):
        shop.leave(*(offline_sale(ref) for ref in refs[start : start + 20]))
        shell.copy_shop(shop)
        both = [shell.start_export(out) for out in (shell.out, shell.other)]
        codes = [each.wait(60) for each in both]
        assert set(codes) <= {0, 1}
        assert 0 in codes
    for out in (shell.out, shell.other):
        assert shell.export(out=out).code == 0
    assert shell.exported() == shell.exported_receipts() == Counter(refs)


def test_a_folder_in_use_is_refused(shell: ExportShell) -> None:
    """Before anything is asked of the broker: the export that works there is not fenced."""
    refs = left_to_files(shell, 4)
    with DiskFolder(shell.out):
        refused = shell.export()
    assert (refused.code, refused.out) == (1, "")
    assert refused.err.startswith(f"error: another export is writing to {shell.out}")
    assert shell.export().code == 0
    assert shell.exported() == Counter(refs)


@pytest.fixture
def stand_in() -> Iterator[StandInAwin]:
    """A strict Awin on this machine."""
    with StandInAwin(strict=True) as running:
        yield running


def test_beside_a_running_consumer(shell: ExportShell, stand_in: StandInAwin, tmp_path: Path) -> None:
    """Deliver sends what is to be sent and leaves the rest; exports meanwhile, repeats of what is exported, audit."""
    now_ms = time.time_ns() // 1_000_000
    shell.values["ops"] = {"port": 0, "host": "127.0.0.1"}
    shell.values["delivery"] = {"endpoint": stand_in.endpoint, "mode": "live"}
    shell.write()

    def produce(kind: str, numbers: range) -> Counter[str]:
        refs = [f"{kind}-{number}" for number in numbers]
        for ref in refs:
            made = {
                "offline": offline_sale(ref, at_ms=now_ms),
                "old": sale(ref, at_ms=now_ms - 48 * HOUR_MS),
                "sent": sale(ref, at_ms=now_ms),
            }[kind]
            shell.produce(shell.settings.topics.conversion, key_of(made), encoded(made))
        return Counter(refs)

    def endings() -> Counter[str]:
        return Counter(receipt.ending for receipt in {r.order_ref: r for r in shell.receipts()}.values())

    deliver = Program(consumer_command(shell.config, "deliver"), tmp_path / "deliver.log")
    try:
        wanted = produce("offline", range(10)) + produce("old", range(5))
        sent = produce("sent", range(5))
        deliver.wait_for(lambda: endings().total() == 20, "a receipt for each")
        report = shell("audit", "--json").value
        assert (report["ok"], sum(each["for_export"] for each in report["outbox"])) == (True, 10)
        assert shell("explain", "offline-1", "--json").value["state"] == "for_export"
        assert shell.export("--json").value["orders"] == {"1001": 15}
        explained = shell("explain", "old-1", "--json").value
        assert (explained["state"], explained["receipt"]["reason"]) == ("exported", "too_old")

        # Its own store takes all of them for waiting still.
        produce("offline", range(10))
        produce("old", range(5))
        wanted += produce("offline", range(10, 14))
        sent += produce("sent", range(5, 8))
        deliver.wait_for(lambda: endings().total() == 27, "receipts of the new ones")
        deliver.terminate()
        assert deliver.end() == 0
        assert shell.export("--json").value["orders"] == {"1001": 4}
        assert shell.exported() == shell.exported_receipts() == wanted
        assert stand_in.counts_by_ref() == sent
        report = shell("audit", "--json").value
        assert (report["ok"], report["findings"]) == (True, [])
        totals = {name: sum(each[name] for each in report["outbox"]) for name in ("exported", "repeats", "for_export")}
        assert totals == {"exported": 19, "repeats": 15, "for_export": 0}
    finally:
        deliver.kill()
