"""What `receipts` prints and writes, and what it refuses before it asks a broker."""

from __future__ import annotations

import csv
from decimal import Decimal
from io import StringIO
from pathlib import Path

import pytest
from msgspec.structs import replace
from rich.console import Console

from consumer.cli import receipts_text
from consumer.cli.receipts_text import COLUMNS, cells
from consumer.events import Part
from consumer.inspect.sent_list import Sent, SentList, SentReport, Wanted
from consumer.whole_file import csv_file
from tests.cli.commands import run
from tests.delivery.conversions import T0_MS, sale, schemas
from tests.export.shop import Shop
from tests.inspect.log_reader import LogReader


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a broker that nobody is."""
    file = tmp_path / "config.yaml"
    file.write_text("kafka: {bootstrap_servers: '127.0.0.1:1'}\nprogrammes: [{advertiser_id: '1001'}]", "utf-8")
    return file


def report(shop: Shop, most: int = 9) -> SentReport:
    """Return what there is."""
    return SentList(LogReader(shop.log), schemas(), shop.names).run(Wanted(from_ms=0), most=most)


def shown(found: SentReport, file: Path | None = None) -> list[str]:
    """Return the lines on a terminal that are not empty, blanks joined."""
    out = StringIO()
    console = Console(file=out, width=160, highlight=False, force_terminal=True, color_system=None)
    receipts_text.write(found, file, console)
    return [" ".join(line.split()) for line in out.getvalue().splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "'--from'"),
        (("--from", "today"), "written like 2026-01-31"),
        (("--from", "2026-01-02", "--to", "2026-01-01"), "later than --from"),
        (("--from", "2026-01-02", "--ending", "lost"), "lost is none of delivered, exported"),
    ],
)
def test_wrong_usage_is_refused(config: Path, arguments: tuple[str, ...], complaint: str) -> None:
    """It names the option."""
    ran = run("receipts", *arguments, "--config", config)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in " ".join(ran.err.replace("│", " ").split())


def test_a_file_that_cannot_be_written_is_told_first(config: Path, tmp_path: Path) -> None:
    """Before anything is read."""
    ran = run("receipts", "--from", "2026-01-02", "--csv", tmp_path / "no" / "x.csv", "--config", config)
    assert (ran.code, ran.err.startswith(f"error: {tmp_path}/no/x.csv cannot be written")) == (1, True)


def test_a_row_says_everything() -> None:
    """Amounts in the currency's digits, times UTC; no text that a spreadsheet takes for a formula."""
    shop = Shop()
    sold = replace(
        sale("=A-1"),
        amount=Decimal("49.9900"),
        parts=(Part("-X", Decimal(40)), Part("Y", Decimal("9.99"))),
        vouchers=("@SAVE", "other"),
    )
    shop.deliver(sold)
    (sent,) = report(shop).newest
    answered = replace(sent.receipt, attempts=2, unknown_attempts=1, possible_repeat=True, repeats=3, http_status=200)
    row = dict(zip(COLUMNS, cells(replace(sent, receipt=answered)), strict=True))
    assert row == {
        "programme": "1001",
        "order_ref": "'=A-1",
        "completed_at": "2023-11-14T22:13:20.000+00:00",
        "ending": "delivered",
        "reason": "",
        "mode": "live",
        "method": "sread",
        "finished_at": "2023-11-16T22:13:20.000+00:00",
        "attempts": 2,
        "unknown_attempts": 1,
        "possible_repeat": 1,
        "repeats": 3,
        "http_status": 200,
        "amount": "49.99",
        "currency": "EUR",
        "channel": "aw",
        "parts": "'-X:40.00|Y:9.99",
        "checksums": "1001_1699990000_a430d81e22c9e8687f423efcf024fbaa",
        "voucher": "'@SAVE",
    }


def test_a_row_without_conversion_has_empty_cells() -> None:
    """What the receipt says is there."""
    shop = Shop()
    shop.put_aside(sale("A-1"), "rejected")
    (sent,) = report(shop).newest
    row = dict(zip(COLUMNS, cells(Sent(receipt=sent.receipt, conversion=None)), strict=True))
    assert (row["order_ref"], row["ending"], row["reason"]) == ("A-1", "dead_letter", "rejected")
    assert {name for name, cell in row.items() if cell is None} == {
        *("method", "http_status", "amount", "currency", "channel", "parts", "checksums", "voucher")
    }


def test_people_see_totals_and_the_newest() -> None:
    """What looks like markup is text; what has expired and where the file is are told."""
    shop = Shop()
    shop.deliver(sale("A-[1]"))
    shop.put_aside(sale("A-2", at_ms=T0_MS + 1), "rejected")
    at = shop.receipts()["A-2"].source
    shop.log.truncate(at.topic, at.partition, at.offset + 1)
    found = report(shop)
    said = shown(found, Path("[x].csv"))
    assert said[2].startswith("1001 dead_letter")
    assert any(line.startswith("2023-11-16 22:13:20 1001 A-[1] delivered 49.99 EUR aw DEFAULT:49.99") for line in said)
    assert any("A-2 dead_letter (rejected)" in line for line in said)
    assert "orders the values are not known any more" in said[-2]
    assert said[-1] == "2 orders are in [x].csv"
    assert any("the newest 1" in line for line in shown(report(shop, 1)))
    assert shown(report(Shop())) == ["Nothing was sent in this time."]


def test_the_rows_fit_the_columns(tmp_path: Path) -> None:
    """As an independent reader has them."""
    shop, path = Shop(), tmp_path / "sent.csv"
    shop.deliver(sale('A,"1"'))
    with csv_file(path, COLUMNS) as add:
        for sent in report(shop).newest:
            add(cells(sent))
    with path.open(encoding="utf-8", newline="") as written:
        (row,) = csv.DictReader(written)
    assert (row["order_ref"], row["voucher"], row["http_status"]) == ('A,"1"', "", "")
