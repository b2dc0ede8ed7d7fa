"""The jar cache: complete or not there, whatever happens on the way."""

from __future__ import annotations

import hashlib
import io
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from consumer.demo.jars import BrokerError, JarCache, cache_folder, locked_jars
from consumer.demo.maven import Jar, LocalRepository, SourceError, mirror_of_central

CONTENTS = {"one": b"first jar", "two": b"second jar"}
JARS = tuple(
    Jar("org.example", name, "1.0", hashlib.sha256(content).hexdigest(), len(content))
    for name, content in CONTENTS.items()
)


class Shelf:
    """A source that has some contents, counts who asks, and may fail after it has delivered."""

    name = "shelf"

    def __init__(self, contents: dict[str, bytes], *, failure: str | None = None) -> None:
        self.contents = contents
        self.failure = failure
        self.asked: list[str] = []
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()

    def fetch(self, jars: Sequence[Jar], folder: Path, arrived: Callable[[int], None]) -> None:
        self.begun.set()
        self.gate.wait(10)
        for jar in jars:
            self.asked.append(jar.artifact)
            if jar.artifact in self.contents:
                (folder / jar.file_name).write_bytes(self.contents[jar.artifact])
                arrived(jar.size)
        if self.failure is not None:
            raise SourceError(self.failure)


class Told(io.StringIO):
    """A stream that lets others wait for the first word."""

    def __init__(self) -> None:
        super().__init__()
        self.told = threading.Event()

    def write(self, text: str) -> int:
        self.told.set()
        return super().write(text)


def cache(folder: Path, *sources: Shelf) -> JarCache:
    """A cache of the two example jars that reports to nobody."""
    return JarCache(folder, jars=JARS, sources=sources, progress=io.StringIO())


def test_class_path_names_every_verified_jar(tmp_path: Path) -> None:
    """The class path lists the files of all jars, with the right contents."""
    files = [Path(name) for name in cache(tmp_path, Shelf(CONTENTS)).class_path().split(":")]

    assert [file.read_bytes() for file in files] == list(CONTENTS.values())


def test_complete_cache_asks_no_source(tmp_path: Path) -> None:
    """A second use is served from the folder alone."""
    cache(tmp_path, Shelf(CONTENTS)).class_path()
    second = Shelf({}, failure="must not be asked")

    cache(tmp_path, second).class_path()

    assert second.asked == []


def test_truncated_jar_in_the_cache_is_fetched_again(tmp_path: Path) -> None:
    """A cache with a damaged file is not believed."""
    first = cache(tmp_path, Shelf(CONTENTS))
    first.class_path()
    (first.folder / "one-1.0.jar").write_bytes(b"fir")

    again = cache(tmp_path, Shelf(CONTENTS)).class_path()

    assert Path(again.split(":", maxsplit=1)[0]).read_bytes() == CONTENTS["one"]


def test_wrong_checksum_is_refused_and_the_next_source_asked(tmp_path: Path) -> None:
    """A jar with other contents never reaches the cache."""
    forged = Shelf({**CONTENTS, "two": b"forged jar"})
    honest = Shelf(CONTENTS)

    cache(tmp_path, forged, honest).class_path()

    assert honest.asked == ["two"]


def test_failed_download_says_what_to_do_and_leaves_no_half_cache(tmp_path: Path) -> None:
    """The error names the missing jar, the reason and the ways out; the folder does not appear."""
    broken = cache(tmp_path, Shelf({"one": CONTENTS["one"]}, failure="no route"))

    with pytest.raises(
        BrokerError, match=r"1 of 2 files of Kafka .* \(two-1.0.jar\).*shelf: no route.*MAVEN_MIRROR_URL"
    ):
        broken.class_path()

    assert not broken.folder.exists()


def test_what_a_failed_download_brought_is_used_by_the_next(tmp_path: Path) -> None:
    """Only the missing jar is asked for again."""
    with pytest.raises(BrokerError):
        cache(tmp_path, Shelf({"one": CONTENTS["one"]}, failure="no route")).class_path()
    second = Shelf(CONTENTS)

    cache(tmp_path, second).class_path()

    assert second.asked == ["two"]


def test_leftovers_of_a_killed_download_are_neither_believed_nor_kept(tmp_path: Path) -> None:
    """A half-written file and a killed process's work folder are gone afterwards."""
    new = cache(tmp_path, Shelf(CONTENTS))
    arriving = tmp_path / f".{new.folder.name}"
    (arriving / ".jgo-killed").mkdir(parents=True)
    (arriving / "one-1.0.jar").write_bytes(b"fir")

    new.class_path()

    assert sorted(path.name for path in new.folder.iterdir()) == ["one-1.0.jar", "two-1.0.jar"]


def test_two_at_once_fetch_once(tmp_path: Path) -> None:
    """The second waits for the first and finds the cache complete."""
    slow, idle = Shelf(CONTENTS), Shelf(CONTENTS)
    slow.gate.clear()
    second = Told()
    with ThreadPoolExecutor(2) as pool:
        one = pool.submit(cache(tmp_path, slow).class_path)
        assert slow.begun.wait(10)
        two = pool.submit(JarCache(tmp_path, jars=JARS, sources=[idle], progress=second).class_path)
        assert second.told.wait(10)
        slow.gate.set()
        assert one.result(10) == two.result(10)

    assert idle.asked == []


def test_progress_shows_counts_and_sizes(tmp_path: Path) -> None:
    """A person sees how many jars and how much there is to fetch, and where it goes."""
    progress = io.StringIO()

    JarCache(tmp_path, jars=JARS, sources=[Shelf(CONTENTS)], progress=progress).class_path()

    assert "2 files, 0.0 MB" in progress.getvalue()
    assert str(tmp_path) in progress.getvalue()


def test_unwritable_cache_folder_is_named(tmp_path: Path) -> None:
    """A cache folder that is a file is reported with the variable that moves it."""
    blocked = tmp_path / "file"
    blocked.touch()

    with pytest.raises(BrokerError, match=r"file.*AWIN_CONSUMER_CACHE"):
        cache(blocked, Shelf(CONTENTS)).class_path()


def test_local_repository_gives_what_it_has(tmp_path: Path) -> None:
    """Jars of Maven's local repository are copied; missing ones and others' sizes are left out."""
    repository = tmp_path / "repository"
    for jar, content in zip(JARS, (CONTENTS["one"], b"short"), strict=True):
        path = repository / jar.repository_path
        path.parent.mkdir(parents=True)
        path.write_bytes(content)

    LocalRepository(repository).fetch(JARS, tmp_path, lambda _: None)

    assert [path.name for path in tmp_path.glob("*.jar")] == ["one-1.0.jar"]


def test_lock_holds_one_version_of_each_artifact() -> None:
    """No artifact is locked twice, and Kafka's own are all of one version."""
    jars = locked_jars()

    assert len({(jar.group, jar.artifact) for jar in jars}) == len(jars)
    assert {jar.version for jar in jars if jar.group == "org.apache.kafka"} == {"4.3.1"}


@pytest.mark.parametrize(
    ("environment", "folder"),
    [
        pytest.param({"AWIN_CONSUMER_CACHE": "/a", "XDG_CACHE_HOME": "/b"}, Path("/a"), id="ours"),
        pytest.param({"XDG_CACHE_HOME": "/b"}, Path("/b/awin-s2s-consumer"), id="xdg"),
        pytest.param({}, Path.home() / ".cache" / "awin-s2s-consumer", id="home"),
    ],
)
def test_cache_folder_follows_the_environment(environment: dict[str, str], folder: Path) -> None:
    """Our own variable comes before the desktop standard's, and that before the home folder."""
    assert cache_folder(environment) == folder


SETTINGS = """<settings xmlns="urn:maven:settings"><mirrors>
<mirror><id>other</id><mirrorOf>other</mirrorOf><url>https://other.invalid/</url></mirror>
<mirror><id>all</id><mirrorOf>{of}</mirrorOf><url>https://${{env.MIRROR}}.invalid/maven/</url></mirror>
</mirrors></settings>"""


@pytest.mark.parametrize(
    ("mirror_of", "url"),
    [
        ("central", "https://house.invalid/maven"),
        ("*", "https://house.invalid/maven"),
        ("external:*,!private", "https://house.invalid/maven"),
        ("*,!central", None),
        ("private", None),
    ],
)
def test_mirror_comes_from_the_users_settings(tmp_path: Path, mirror_of: str, url: str | None) -> None:
    """A mirror that covers Central is used, its variables filled in; others are not."""
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text(SETTINGS.format(of=mirror_of), encoding="utf-8")

    assert mirror_of_central(tmp_path, {"MIRROR": "house"}) == url


def test_mirror_variable_comes_before_settings(tmp_path: Path) -> None:
    """MAVEN_MIRROR_URL wins, for machines without a Maven."""
    assert mirror_of_central(tmp_path, {"MAVEN_MIRROR_URL": "https://m.invalid/"}) == "https://m.invalid"


def test_unreadable_settings_name_no_mirror(tmp_path: Path) -> None:
    """Broken settings are Maven's affair."""
    (tmp_path / ".m2").mkdir()
    (tmp_path / ".m2" / "settings.xml").write_text("<settings>", encoding="utf-8")

    assert mirror_of_central(tmp_path, {}) is None
