"""The product reads a landing as the independent reference does."""

from __future__ import annotations

from hypothesis import example, given, settings
from hypothesis import strategies as st

from consumer.attribution.channels import ChannelTable
from consumer.attribution.landing import read
from consumer.attribution.touch import Kind
from consumer.demo.reference import LoggedSession
from consumer.demo.reference.landing import touch_of
from consumer.events import SessionLanded
from tests.strategies.landings import CHECKSUM_QUERIES, HOSTS, MALFORMED_CHECKSUMS, PARAMETERS, REFERRERS

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
        *("www.", "m.", "news.", "google", "google.", "yandex.", "co.uk", "com", "de", ".", ":80", ":", "@", "[", "]"),
        *("t.co", "x.com", "bing.com", "baidu.com", "xn--mller-kva.example", "müller.example", "shop.example"),
        *("brand.example", "paypal.com", "[::1]", "not", "WWW."),
    )
)
ADDRESSES = st.one_of(
    st.sampled_from((*REFERRERS, *(f"https://{host}/" for host in HOSTS))),
    st.lists(HOST_PIECES, max_size=5).map(lambda pieces: "https://" + "".join(pieces) + "/path"),
)


@settings(max_examples=500)
@given(st.sampled_from(HOSTS), st.lists(PIECES, max_size=6).map("".join), st.none() | ADDRESSES)
@example("shop.example", "", "https://www.xn--mller-kva.example/")
def test_landings_are_read_alike(host: str, query: str, referrer: str | None) -> None:
    """Channel, rule, checksum and kind are the same, whatever stands in the addresses."""
    url = f"https://{host}/?{query}"
    said = read(url, referrer, ChannelTable(OWN))
    expected = touch_of(LoggedSession(0, 0, 0, SessionLanded("s", "v", 0, url, referrer)), None, OWN)
    assert (said.channel, said.rule, said.awc) == (expected.channel, expected.rule, expected.checksum)
    assert said.kind == KINDS[expected.kind]
