"""What `dead-letters` prints, and what it refuses before it asks a broker."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from consumer.cli import dead_letters_text
from consumer.letters.listing import listing
from tests.cli.commands import run
from tests.delivery.conversions import sale
from tests.letters.office import Office


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration with a broker that nobody is."""
    file = tmp_path / "config.yaml"
    file.write_text("kafka: {bootstrap_servers: '127.0.0.1:1'}\nprogrammes: [{advertiser_id: '1001'}]", "utf-8")
    return file


def console(width: int = 120) -> tuple[Console, StringIO]:
    """Return a terminal and what it shows."""
    out = StringIO()
    return Console(file=out, width=width, highlight=False, force_terminal=True, color_system=None), out


def lines(out: StringIO) -> list[str]:
    """Return the lines that are not empty, blanks joined."""
    return [" ".join(line.split()) for line in out.getvalue().splitlines() if line.strip()]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--reason", "rejekted"), "rejekted is none of bad_amount, "),
        (("--stage", "replay"), "'--stage'"),
        (("--since", "yesterday"), "written like 2026-01-31"),
        (("--since", "2026-01-02", "--until", "2026-01-02"), "later than --since"),
        (("--order-ref", ""), "at least one character"),
        (("--most", "-1"), "'--most'"),
    ],
)
def test_wrong_filters_are_refused(config: Path, arguments: tuple[str, ...], complaint: str) -> None:
    """As wrong usage, which names the option: a slip of the pen would look like nothing to do."""
    ran = run("dead-letters", "list", *arguments, "--config", config)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in " ".join(ran.err.replace("│", " ").split())


def test_a_list_begins_with_counts() -> None:
    """By reason, by programme, then the newest letters; what looks like markup is text."""
    office = Office()
    office.refuse_order("A-[1]")
    office.put_aside(sale("A-2"), "rejected")
    office.note_replay(office.place_of("A-2"))
    first, second = office.place_of("A-[1]"), office.place_of("A-2")
    office.log.produce(office.names.dead_letter, b"", b"junk")
    shown, out = console()
    dead_letters_text.write_listing(listing(office.book(), 5), shown)
    said = lines(out)
    assert said[0] == "2 dead letters, of which 1 were replayed"
    assert said[3:5] == ["attribute no_programme 1 0", "deliver rejected 1 1"]
    assert said[7] == "1001 2 1"
    at = "2023-11-16 22:13:20"
    assert sorted(said[11:13]) == sorted(
        [
            f"{at} {first.partition}@{first.offset} attribute no_programme 1001 A-[1]",
            f"{at} {second.partition}@{second.offset} deliver rejected 1001 A-2 {at}",
        ]
    )
    assert said[-1] == "note: 1 records are no dead letters that this release can read"


def test_an_empty_list_says_so() -> None:
    """In one sentence."""
    shown, out = console()
    dead_letters_text.write_listing(listing(Office().book(), 5), shown)
    assert lines(out) == ["There are no such dead letters."]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("show",), "give either LETTER or --order-ref"),
        (("show", "0@1", "--order-ref", "A-1"), "give either LETTER or --order-ref"),
        (("show", "other[0]@1"), "is no place such as 3@1207 in awin.dead-letter"),
        (("replay",), "give a filter, or --all"),
        (("replay", "--all", "--too-old", "drop"), "'--too-old'"),
        (("replay", "--reason", "nothing"), "nothing is none of"),
    ],
)
def test_wrong_usage_is_refused(config: Path, arguments: tuple[str, ...], complaint: str) -> None:
    """Before anything is asked of the broker."""
    ran = run("dead-letters", *arguments, "--config", config)
    assert (ran.code, ran.out) == (2, "")
    assert complaint in " ".join(ran.err.replace("│", " ").split())


def test_a_letter_is_shown_with_its_record() -> None:
    """The reason first; the record as JSON, nothing of which a terminal obeys."""
    office = Office()
    office.refuse_order("A-\x1b[1m")
    office.replay()
    shown, out = console()
    dead_letters_text.write_single(office.single().about("A-\x1b[1m")[0], shown)
    assert "\x1b" not in out.getvalue()
    said = lines(out)
    assert said[0] == "no_programme: the conditions of no programme hold"
    assert "what to do complete programmes, restart, then replay" in said
    assert "order A-\\x1b[1m of programme 1001" in said
    assert "header trace: t-1" in said
    assert "replayed 2023-11-16 22:13:20" in said
    assert '"order_ref": "A-\\u001b[1m",' in said


def test_a_long_value_is_cut_on_a_terminal() -> None:
    """And it is said where all of it can be had."""
    office = Office()
    office.refuse_order("A-1", "bad_framing", value=b"x" * 5_000 + b"A-1", programme=None)
    shown, out = console()
    dead_letters_text.write_single(office.single().at(next(iter(office.letters())))[0], shown)
    assert lines(out)[-1] == "and 1,003 characters more: --out FILE writes all of it"


def test_a_plan_says_what_and_why_not() -> None:
    """Counts by reason, what is to be known of them, and what is left out."""
    office = Office()
    office.refuse_order("A-1")
    office.refuse_order("A-2", "null_value")
    office.put_aside(sale("A-3"), "too_old")
    shown, out = console()
    dead_letters_text.write_plan(office.replays().plan(), shown)
    said = lines(out)
    assert said[0] == "1 records would be appended again"
    assert said[3] == "no_programme 1"
    assert said[4:6] == [
        "Of these",
        "1 are orders older than delivery.max_age: once decided, they will be dead letters, too_old",
    ]
    assert [line.split()[0] for line in said[6:]] == ["Not", "1", "1"]


def test_a_replay_without_letters_says_so() -> None:
    """Whether there are none, or all are refused."""
    office = Office()
    for expected in ("There are no such dead letters.", "Nothing to replay."):
        shown, out = console()
        dead_letters_text.write_replayed(office.replay(), shown)
        assert lines(out)[0] == expected
        office.refuse_order("A-1", "null_value")
