"""The product reads a landing as the independent reference does."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.attribution.channel_rule import Rule
from consumer.attribution.channels import ChannelTable
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.attribution.landing import read
from consumer.attribution.rules import Rules
from consumer.attribution.touch import Kind
from consumer.demo.reference import LoggedSession
from consumer.demo.reference.landing import touch_of
from consumer.events import SessionLanded
from tests.strategies.landings import CHECKSUM_QUERIES, HOSTS, MALFORMED_CHECKSUMS, PARAMETERS, PATHS, REFERRERS
from tests.strategies.rulebooks import LINES, channel_table

OWN = ("WWW.Brand.Example:443", "shop.example", "Müller.example")
KINDS = {None: Kind.NONE, "normal": Kind.NORMAL, "strictly_necessary": Kind.STRICTLY_NECESSARY, "gclid": Kind.GCLID}

PIECES = st.sampled_from(
    (
        *("&", "=", "?", "#", "%", "%2", "%25", "%5F", "%61wc", "+", ";", "awc", "sn=1", "utm_medium", "utm_source=x"),
        *("1001_1700000000_a", "2002_1_B", "gclid_7_x", "_", "ä", "\ud800", *PARAMETERS, *MALFORMED_CHECKSUMS),
        *(
            query.format(one="1001_1_a", two="1001_2_b", rest="", bad="x", coded="1", coded_twice="2")
            for query in CHECKSUM_QUERIES
        ),
    )
)
HOST_PIECES = st.sampled_from(
    (
        *(
            "www.",
            "m.",
            "news.",
            "google",
            "google.",
            "yandex.",
            "co.uk",
            "com",
            "de",
            "co.",
            "com.",
            "br",
            "evil.",
            ".",
            ":80",
            ":",
            "@",
            "[",
            "]",
        ),
        *("t.co", "x.com", "bing.com", "baidu.com", "xn--mller-kva.example", "müller.example", "shop.example"),
        *(
            "brand.example",
            "paypal.com",
            "pay.",
            "accounts.",
            "mail.",
            "amazon.",
            "yahoo.",
            "[::1]",
            "not",
            "WWW.",
            "\u212a",
            "\u0130",
            "\u017f.",
            "\uff0e",
        ),
    )
)
SCHEMES = st.sampled_from(
    (
        *("https:", "https:", "https:", "https:", "HTTP:", "", "android-app:", "a+b.c:", "1a:", " https:", "ht tp:"),
        *("http\u017f:", "\u212aa:", "\u0130a:", "\u0131:", "\uff48ttp:", "\u3000https:", "h\n:", ":", "https::"),
    )
)
"""Letters beyond ASCII among them whose capital or small letter is ASCII: long s, Kelvin, and both Turkish i."""
ADDRESSES = st.one_of(
    st.sampled_from((*REFERRERS, *(f"https://{host}/" for host in HOSTS))),
    st.tuples(SCHEMES, st.lists(HOST_PIECES, max_size=5).map("".join)).map(lambda parts: "//".join(parts) + "/path"),
)


LANDINGS = st.one_of(
    st.tuples(st.sampled_from(HOSTS), st.sampled_from(PATHS)).map(lambda place: f"https://{place[0]}{place[1]}"),
    st.tuples(ADDRESSES, st.sampled_from((*PATHS, "/shoes ", "//shoes", "/:@[", "\n"))).map("".join),
)
KNOWN = sorted(pattern for rule in DEFAULT_RULES for pattern in rule.referrer if pattern != "*")
TABLES = st.randoms(use_true_random=False).map(channel_table)


@settings(max_examples=500)
@given(LANDINGS, st.lists(PIECES, max_size=6).map("".join), st.none() | ADDRESSES, TABLES)
@example("https://shop.example/", "", "https://www.xn--mller-kva.example/", DEFAULT_RULES)
@example("https:///shoes", "", None, LINES[:1])
@example("https://[broken/shoes", "", None, LINES[:1])
@example("/shoes", "", None, LINES[:1])
@example("https://shop.example", "", "https://m.:80@www.[::1]/", DEFAULT_RULES)
@example("https://shop.example", "", "https://[www.]/", DEFAULT_RULES)
@example("https://shop.example", "", "http\u017f://t.co/", DEFAULT_RULES)
@example("https://app.co.uk", "utm_medium=%E2%84%AAPODCAST", "https://BLOG.example", LINES)
def test_landings_are_read_alike(landing: str, query: str, referrer: str | None, table: tuple[Rule, ...]) -> None:
    """Channel, rule, checksum and kind are the same, whatever stands in the addresses and in the channel table."""
    url = f"{landing}?{query}"
    rules = Rules(advertiser_id="1001", own_domains=OWN, channel_rules=table)
    said = read(url, referrer, ChannelTable(OWN, table))
    expected = touch_of(LoggedSession(0, 0, 0, SessionLanded("s", "v", 0, url, referrer)), None, rules)
    assert (said.channel, said.rule, said.awc) == (expected.channel, expected.rule, expected.checksum)
    assert said.kind == KINDS[expected.kind]


@pytest.mark.parametrize("pattern", KNOWN)
def test_the_hosts_of_the_default_table_are_known_alike(pattern: str) -> None:
    """Each by itself, below and above others, and in every sort of country."""
    bare = pattern.removeprefix(".").removesuffix(".*")
    names = [bare, f"x.{bare}", f"my{bare}", bare.partition(".")[2] or "x"]
    ends = ("com", "de", "co.uk", "com.br", "evil.com", "co") if pattern.endswith("*") else ("", "evil.com")
    table, rules = ChannelTable(), Rules(advertiser_id="1001")
    for host in (f"{name}.{end}".removesuffix(".") for name in names for end in ends):
        session = SessionLanded("s", "v", 0, "https://shop.example/", f"https://{host}/")
        expected = touch_of(LoggedSession(0, 0, 0, session), None, rules)
        said = read(session.landing_url, session.referrer, table)
        assert (host, said.channel, said.rule) == (host, expected.channel, expected.rule)
