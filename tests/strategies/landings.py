"""Landings: checksums of every kind, parameters and referrers of every channel rule, and mixtures of them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from urllib.parse import quote

from hypothesis import strategies as st
from msgspec.structs import replace

from consumer.demo.reference import LoggedSession
from consumer.events import Consent, SessionLanded
from tests.strategies.clock import (
    ADVERTISER,
    CLICK_DELAY_MS,
    LANDING_EDGES_MS,
    NUDGES,
    OTHER_ADVERTISER,
    SKEW_MS,
    checksum_times_s,
)

MALFORMED_CHECKSUMS = (
    "1001_1700000000",
    "1001_1700000000_",
    "1001_x_abc",
    "1001_1700000000_ab-c",
    "1001_1700000000_abc\n",
    "1001_1700000000_äbc",
    "1001_170000000\u0660_abc",
    "1001_9223372036854776_a",
    "gclid_x_abc",
    "gclid_1001_",
    "1001_1700000000_" + "a" * 185,
    "undefined",
)

HOSTS = ("shop.example", "www.shop.example", "SHOP.example:8443", "m.shop.example", "brand.example")

PARAMETERS = (
    *("gclid=G-1_x", "gclid=", "gbraid=b", "wbraid=w", "msclkid=m", "fbclid=f", "ttclid=t", "GCLID=g", "gclid=a%20b"),
    *("utm_medium=email", "utm_medium=E-Mail", "utm_medium=newsletter", "utm_medium=cpc", "utm_medium=Paid-Search"),
    *("utm_medium=social", "utm_medium=paid%2Dsocial", "utm_medium=display", "utm_medium=CPM", "utm_medium=affiliate"),
    *("utm_medium=partner", "utm_medium=referral", "utm_medium=organic", "utm_medium=", "utm_medium=podcast"),
    *("utm_source=news", "utm_source=", "utm_source", "utm_source=%ff", "utm_source=a+b", "utm%5Fsource=coded"),
    *("awaid=1001&gclid=G-1_x", "gclid=G-2&awaid=2002", "awaid=x&gclid=G-3", "awaid=77", "gclid=&gclid=late"),
    *("awaid=1001&gclid=" + "g" * 189, "awaid=1001&gclid=" + "g" * 190),
    *("fbclid=f&utm_medium=podcast", "fbclid=f&utm_medium=", "ttclid=t&utm_source=app", "awc=", "sn=1"),
)

CHECKSUM_QUERIES = (
    *("awc={one}", "awc={one}", "awc={one}&sn=1", "awc={one}&sn=1", "awc={one}&sn=1"),
    *("awc={one}&{rest}", "{rest}&awc={one}", "sn=1&{rest}&awc={one}"),
    *("awc={one}&awc={two}", "awc={bad}&awc={one}", "awc={bad}", "{rest}&awc={bad}", "sn=1&awc={one}&sn=0"),
    *("sn=0&sn=1&awc={one}", "awc={coded}", "awc={coded_twice}&{rest}", "awc=&awc={one}"),
)

REFERRERS = (
    *("https://shop.example/cart", "https://www.shop.example:8443/", "https://m.shop.example/", "http://brand.example"),
    *("https://pay.brand.example/", "https://brand.example.evil.example/"),
    *(
        "https://www.google.de/",
        "https://google.co.uk/search?q=x",
        "https://news.google.com/",
        "https://notgoogle.com/",
    ),
    *("https://google.a.b.example/", "https://yandex.ru/", "https://www.bing.com/", "https://cn.bing.com/"),
    *("https://m.baidu.com/", "https://notbaidu.com/", "https://[broken"),
    *("https://de.search.yahoo.com/", "https://search.brave.com/", "https://brave.com/", "https://DuckDuckGo.com/"),
    *("https://t.co/abc", "https://m.facebook.com/", "https://notfacebook.com/", "https://out.reddit.com/"),
    *("https://www.paypal.com/", "https://checkout.stripe.com/", "https://klarna.com:443/x"),
    *("https://blog.example/post", "https://user@blog.example:81/post", "about:blank", "not a url", ""),
)

CONSENTS: tuple[Consent | None, ...] = (None, None, None, None, "unknown", "granted", "granted", "denied")

DELAYS_MS = (0, 0, 0, 0, 0, 0, 50, -1, 500_000, -SKEW_MS, -SKEW_MS - 1)
"""From a landing to its record's timestamp; the last one makes it a dead letter."""


@st.composite
def checksums(draw: st.DrawFn, around: Sequence[int]) -> str:
    """A well-formed checksum: of our programme, of another, or of the gclid form."""
    form: str = draw(
        st.sampled_from((f"{ADVERTISER}_{{}}_a",) * 5 + (f"{OTHER_ADVERTISER}_{{}}_B", "gclid_1001_G-1_x"))
    )
    return form.format(draw(checksum_times_s(around)))


def landing_times(around: Sequence[int], checksum: str) -> st.SearchStrategy[int]:
    """Times on and beside the edges of ``around``, and the click delay after the checksum's own time."""
    times_ms = [around_ms + edge + nudge for around_ms, edge, nudge in product(around, LANDING_EDGES_MS, NUDGES)]
    if not checksum.startswith("gclid"):
        delayed_ms = int(checksum.split("_")[1]) * 1_000 + CLICK_DELAY_MS
        times_ms += [delayed_ms + nudge for nudge in (0, 0, 0, 0, 1, 1, 1, 1, -1)]
    return st.sampled_from(times_ms)


@st.composite
def queries(draw: st.DrawFn, one: str, two: str) -> str:
    """A query string: nothing, one or two parameters, and these checksums about half of the time."""
    rest: str = draw(st.sampled_from((*("",) * 15, *PARAMETERS)))
    if draw(st.booleans()):
        more: str = draw(st.sampled_from(("", "", "", "", "&", "&utm_source=more", "&utm_medium=email")))
        return rest + more
    template: str = draw(st.sampled_from(CHECKSUM_QUERIES))
    bad: str = draw(st.sampled_from(MALFORMED_CHECKSUMS)) if "{bad}" in template else ""
    bad = quote(bad) if template.endswith("{one}") else bad
    coded = one.replace("_", "%5F")
    return template.format(one=one, two=two, rest=rest, bad=bad, coded=coded, coded_twice=quote(coded))


@st.composite
def sessions(draw: st.DrawFn, visitors: Sequence[str], pool: Sequence[str], around: Sequence[int]) -> SessionLanded:
    """One landing of any of these visitors."""
    visitor = draw(st.sampled_from(visitors))
    one, two = draw(st.sampled_from(pool)), draw(st.sampled_from(pool))
    query = draw(queries(one, two))
    fragment = draw(st.sampled_from(("", "", "", "#top", "#?gclid=x")))
    return SessionLanded(
        session_id=f"{visitor}-{draw(st.integers(1, 3))}",
        visitor_id=visitor,
        landed_at_ms=draw(landing_times(around, one)),
        landing_url=f"https://{draw(st.sampled_from(HOSTS))}/shoes" + (f"?{query}" if query else "") + fragment,
        referrer=draw(st.sampled_from((None,) * 8 + REFERRERS)),
        consent=draw(st.sampled_from(CONSENTS)),
    )


@st.composite
def session_logs(
    draw: st.DrawFn, visitors: Sequence[str], pool: Sequence[str], around: Sequence[int]
) -> tuple[LoggedSession, ...]:
    """The sessions of one partition: repeated ids, late ones, out-of-order ones and ones from the future."""
    events = draw(st.lists(sessions(visitors, pool, around), min_size=1, max_size=6))
    for again in events[: draw(st.integers(0, 2))]:
        landed_at_ms, consent = draw(landing_times(around, pool[0])), draw(st.sampled_from(CONSENTS))
        events.append(replace(again, landed_at_ms=landed_at_ms, consent=consent))
    if draw(st.booleans()):
        events.sort(key=lambda event: event.landed_at_ms)
    delays = [draw(st.sampled_from(DELAYS_MS)) for _ in events]
    return tuple(
        LoggedSession(0, offset, event.landed_at_ms + delay, event)
        for offset, (event, delay) in enumerate(zip(events, delays, strict=True))
    )
