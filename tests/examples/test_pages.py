"""The pages for operators name commands, alerts, metrics, settings and figures that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.ops import catalogue
from tests.cli.commands import understood

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ("getting-started", "producers", "go-live", "scaling", "upgrade", "supply-chain")
SETTINGS = (DOCS / "configuration.md").read_text("utf-8")
RULES = (ROOT / "helm" / "awin-s2s-consumer" / "rules" / "rules.yaml").read_text("utf-8")
SECTIONS = (
    "kafka",
    "topics",
    "schemas",
    "state",
    "attribution",
    "channels",
    "consent",
    "programmes",
    "orders",
    "delivery",
)


def text(page: str) -> str:
    """Return a page."""
    return (DOCS / f"{page}.md").read_text("utf-8")


def commands(page: str) -> Iterator[list[str]]:
    """Yield the arguments of every command that a page tells to run, in code blocks and in text."""
    source = text(page)
    for block in re.findall(r"^```sh\n(.*?)^```", source, re.DOTALL | re.MULTILINE):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["awin-consumer"]:
                yield words[1:]
    for code in re.findall(r"`(awin-consumer [^`]+)`", source):
        yield shlex.split(code)[1:]


each_page = pytest.mark.parametrize("page", PAGES)


@each_page
def test_commands_are_understood(page: str) -> None:
    """Command, options and arguments; nothing is run."""
    found = list(commands(page))
    for arguments in found:
        # `awin-consumer receipts` in a sentence names the command, and leaves out what it needs.
        understood(arguments, lenient=True)
    assert found or page == "supply-chain"


@each_page
def test_metrics_and_alerts_are_there(page: str) -> None:
    """By their names, without labels."""
    names = {each.name for each in catalogue.all_metrics()}
    for word in re.findall(r"`(awin_[a-z_]+)[`{]", text(page)):
        assert {word, word.removesuffix("_total")} & names, word
    for word in re.findall(r"`(Awin[A-Z]\w+)`", text(page)):
        assert f"alert: {word}\n" in RULES, word


@each_page
def test_settings_are_there(page: str) -> None:
    """Every setting that is named by its section stands on the reference page."""
    for section, name in re.findall(rf"`({'|'.join(SECTIONS)})\.([a-z_.]+)[`:]", text(page)):
        place = f"{section}[]" if section == "programmes" else section
        named = f"`{place}.{name}"
        assert f"{named}`" in SETTINGS or f"{named}." in SETTINGS, named


@each_page
def test_links_lead_somewhere(page: str) -> None:
    """To files of this project."""
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text(page)):
        assert (DOCS / target).exists(), target


def test_figures_of_scaling_are_those_that_were_measured() -> None:
    """Each stands in the section of docs/benchmarks.md that the table names."""
    rows = re.findall(r"^\| [^|]+ \| ([\d.,]+)(?: MiB)? \| ([^|]+) \|$", text("scaling"), re.MULTILINE)
    assert len(rows) >= 7
    benchmarks = text("benchmarks")
    for figure, section in rows:
        part = benchmarks[benchmarks.index(f"\n## {section}\n") :].split("\n## ")[1]
        assert re.search(rf"(?<![\d.,]){re.escape(figure)}(?![\d,]|\.\d)", part), (figure, section)
