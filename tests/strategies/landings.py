"""Landings: checksums of every kind, parameters and referrers of every channel rule, and mixtures of them."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from urllib.parse import quote

from msgspec.structs import replace

from consumer.demo.reference import LoggedSession
from consumer.events import Consent, SessionLanded
from tests.strategies.clock import SKEW_MS, checksum_time_s, landing_time_ms
from tests.strategies.rulebooks import ADVERTISERS, STRANGER

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

HOSTS = (
    "shop.example",
    "www.shop.example",
    "SHOP.example:8443",
    "m.shop.example",
    "brand.example",
    "app.co.uk",
    "m.app.de",
)
PATHS = (
    "",
    "/",
    "/shoes",
    "/shoes",
    "/shoes/",
    "/shoes/boots",
    "/Shoes/boots",
    "/sale",
    "/Sale",
    "/partners/x",
    "/%73hoes",
)

PARAMETERS = (
    *("gclid=G-1_x", "gclid=", "gbraid=b", "wbraid=w", "msclkid=m", "fbclid=f", "ttclid=t", "GCLID=g", "gclid=a%20b"),
    *("utm_medium=email", "utm_medium=E-Mail", "utm_medium=newsletter", "utm_medium=cpc", "utm_medium=Paid-Search"),
    *("utm_medium=social", "utm_medium=paid%2Dsocial", "utm_medium=display", "utm_medium=CPM", "utm_medium=affiliate"),
    *("utm_medium=partner", "utm_medium=referral", "utm_medium=organic", "utm_medium=", "utm_medium=podcast"),
    *("utm_source=news", "utm_source=", "utm_source", "utm_source=%ff", "utm_source=a+b", "utm%5Fsource=coded"),
    *("awaid=1001&gclid=G-1_x", "gclid=G-2&awaid=2002", "awaid=x&gclid=G-3", "awaid=77", "gclid=&gclid=late"),
    *("awaid=1001&gclid=" + "g" * 189, "awaid=1001&gclid=" + "g" * 190),
    *("utm_medium=Podcast", "utm_medium=RADIO", "utm_campaign=brand", "utm_campaign=", "utm_source=News"),
    *(
        "utm_medium=cpc&utm_campaign=Brand",
        "utm_medium=cpc&utm_campaign=brand",
        "utm_campaign=brand&utm_medium=EMAIL",
        "UTM_MEDIUM=podcast",
        "fbclid=f&x=y",
    ),
    *("fbclid=f&utm_source=app", "utm_campaign=brand&utm_source=shop", "utm_source=news", "utm_source=NEWS"),
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
    *(
        "https://google.a.b.example/",
        "https://google.evil.com/",
        "https://news.google.com.br/",
        "https://yandex.ru/",
        "https://www.bing.com/",
        "https://cn.bing.com/",
    ),
    *("https://m.baidu.com/", "https://notbaidu.com/", "https://[broken"),
    *("https://de.search.yahoo.com/", "https://search.brave.com/", "https://brave.com/", "https://DuckDuckGo.com/"),
    *("https://www.google.de/", "https://www.google.de/", "https://l.facebook.com/", "https://l.facebook.com/"),
    *("https://t.co/abc", "https://m.facebook.com/", "https://notfacebook.com/", "https://out.reddit.com/"),
    *("https://accounts.google.com/", "https://pay.google.com/", "https://mail.google.com/", "https://pay.amazon.de/"),
    *("https://docs.google.com/", "https://images.google.de/", "android-app://com.google.android.gm/"),
    *("https://login.live.com/", "https://outlook.live.com/", "https://mail.yahoo.co.jp/", "https://api.twitter.com/"),
    *("https://www.paypal.com/", "https://checkout.stripe.com/", "https://klarna.com:443/x"),
    *("https://blog.example/post", "https://user@blog.example:81/post", "about:blank", "not a url", ""),
)

CONSENTS: tuple[Consent | None, ...] = (None, None, None, None, "unknown", "granted", "granted", "denied")
REFUSALS: tuple[Consent | None, ...] = (None, "denied", "denied", "denied", "granted")
SILENCE: tuple[Consent | None, ...] = (None, None, "unknown")

LENGTHS = (*range(1, 7),) * 9 + (30,)
"""Of a log: mostly short, rarely longer than the evidence that is told."""

BAD_IDS = ({"session_id": "s" * 1_001}, {"visitor_id": "v" * 1_001})

DELAYS_MS = (0, 0, 0, 0, 0, 0, 50, -1, 500_000, -SKEW_MS, -SKEW_MS - 1)
"""From a landing to its record's timestamp; the last one makes it a dead letter."""


def checksum(random: Random, around: Sequence[int]) -> str:
    """Return a well-formed checksum: of one of our programmes, of another advertiser, or of the gclid form."""
    first, second, third = ADVERTISERS
    advertiser = random.choice((*(first,) * 9, *(second,) * 2, third, STRANGER, ""))
    if not advertiser:
        return "gclid_1001_G-1_x"
    return f"{advertiser}_{checksum_time_s(random, around)}_{random.choice('aaaB')}"


def query(random: Random, one: str, two: str) -> str:
    """Return a query string: nothing, one or two parameters, and these checksums about half of the time."""
    rest = random.choice(PARAMETERS) if random.choice((True, True, False)) else ""
    if random.choice((True, False)):
        return rest + random.choice(("", "", "", "", "&", "&utm_source=more", "&utm_medium=email"))
    template = random.choice(CHECKSUM_QUERIES)
    bad = random.choice(MALFORMED_CHECKSUMS)
    bad = quote(bad) if template.endswith("{one}") else bad
    coded = one.replace("_", "%5F")
    return template.format(one=one, two=two, rest=rest, bad=bad, coded=coded, coded_twice=quote(coded))


def session(
    random: Random,
    visitors: Sequence[str],
    pool: Sequence[str],
    around: Sequence[int],
    consents: Sequence[Consent | None],
) -> SessionLanded:
    """Return one landing of any of these visitors."""
    visitor = random.choice(visitors)
    one, two = random.choice(pool), random.choice(pool)
    asked = query(random, one, two)
    place = f"https://{random.choice(HOSTS)}{random.choice(PATHS)}"
    return SessionLanded(
        session_id=f"{visitor}-{random.randint(1, 3)}",
        visitor_id=visitor,
        landed_at_ms=landing_time_ms(random, around, one),
        landing_url=place + (f"?{asked}" if asked else "") + random.choice(("", "", "", "#top", "#?gclid=x")),
        referrer=random.choice(REFERRERS) if random.choice((True, False)) else None,
        consent=random.choice(consents),
    )


def session_log(
    random: Random, visitors: Sequence[str], pool: Sequence[str], around: Sequence[int]
) -> list[LoggedSession]:
    """Return the sessions of one partition: repeated ids, late ones, out-of-order ones and ones from the future."""
    consents = random.choice((CONSENTS, SILENCE, REFUSALS, REFUSALS, REFUSALS))
    events = [session(random, visitors, pool, around, consents) for _ in range(random.choice(LENGTHS))]
    for again in events[: random.randint(0, 2)]:
        landed_at_ms = landing_time_ms(random, around, pool[0])
        events.append(replace(again, landed_at_ms=landed_at_ms, consent=random.choice(consents)))
    if random.randint(1, 20) == 20:
        events.append(replace(events[0], **random.choice(BAD_IDS)))
    if random.choice((True, False)):
        events.sort(key=lambda event: event.landed_at_ms)
    return [
        LoggedSession(0, offset, event.landed_at_ms + random.choice(DELAYS_MS), event)
        for offset, event in enumerate(events)
    ]
