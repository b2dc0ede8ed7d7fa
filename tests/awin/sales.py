"""Sales as the first stage decides them, from plain ones to those with every awkward character."""

from __future__ import annotations

import string
from decimal import Decimal

from hypothesis import strategies as st
from msgspec.structs import replace

from consumer.demo.awin import MINOR_DIGITS
from consumer.events import Conversion, Part, Position, Product
from consumer.stream.avro import ConversionDecoder, ConversionEncoder
from consumer.stream.schemas import Schemas

SCHEMAS = Schemas.load()
ENCODE, DECODE = ConversionEncoder(SCHEMAS), ConversionDecoder(SCHEMAS)

AWC = "1001_1403695822_a430d81e22c9e8687f423efcf024fbaa"
CASHBACK_AWC = "1001_1403695999_0123456789abcdef0123456789abcdef"

SALE = Conversion(
    programme="1001",
    order_ref="A-10042",
    order_id="4711",
    method="sread",
    mode="live",
    amount=Decimal("49.99"),
    currency="EUR",
    channel="aw",
    parts=(Part("DEFAULT", Decimal("49.99")),),
    vouchers=("WELCOME10",),
    click_checksums=(AWC,),
    customer_acquisition=None,
    custom={},
    test=False,
    completed_at_ms=1403700000000,
    entered_at_ms=1403700000500,
    decidable_at_ms=1403700010000,
    reason="last_click",
    session_cut=None,
    evidence=(),
    fingerprint=b"",
    source=Position("order.completed", 0, 0),
)

awkward = st.one_of(
    st.sampled_from(
        ["a&b=c#d+e%f|g,h;i\"j'k", "100%25", "50 % off", "🛍️👩🏽‍💻", "הזמנה 42", "طلب", "naïve café", "?/:@"]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"])),
)
refs = awkward.map(lambda text: text[:50]).filter(bool)
codes = st.text(string.ascii_uppercase + string.digits + "_.-", min_size=1, max_size=12)
PRODUCT = st.builds(
    Product,
    product_id=awkward,
    name=awkward,
    unit_price=st.integers(0, 10**7).map(Decimal),
    quantity=st.integers(1, 1_000),
    sku=awkward,
    group=codes,
    category=awkward,
)
hashes = st.text(string.ascii_letters + string.digits, min_size=1, max_size=32)


@st.composite
def conversions(draw: st.DrawFn) -> Conversion:
    """Draw a conversion as the first stage writes them: parts add up, two checksums differ."""
    currency = draw(st.sampled_from(["EUR", "GBP", "JPY", "KWD", "BHD", "SEK"]))
    digits = MINOR_DIGITS.get(currency, 2)
    parts = draw(st.dictionaries(codes, st.integers(0, 10**9), min_size=1, max_size=4))
    normal = draw(hashes.map(lambda tail: f"1001_1403695822_{tail}") | hashes.map(lambda tail: f"gclid_77_{tail}-_"))
    necessary = draw(hashes.map(lambda tail: f"1001_1403695999_{tail}"))
    return replace(
        SALE,
        currency=currency,
        amount=Decimal(sum(parts.values())).scaleb(-digits),
        parts=tuple(Part(code, Decimal(amount).scaleb(-digits)) for code, amount in parts.items()),
        order_ref=draw(refs),
        vouchers=tuple(draw(st.lists(awkward.filter(bool), max_size=2))),
        click_checksums=draw(st.sampled_from([(), (normal,), (necessary,), (normal, necessary)])),
        channel=draw(st.text(string.ascii_letters + string.digits, min_size=1, max_size=20)),
        customer_acquisition=draw(st.sampled_from(["NEW", "RETURNING", None])),
        custom=draw(st.dictionaries(st.integers(1, 20).map(str), awkward, max_size=3)),
        mode=draw(st.sampled_from(["live", "shadow"])),
        test=draw(st.booleans()),
        products=tuple(draw(st.lists(PRODUCT, max_size=3))),
    )


def through_the_topic(conversion: Conversion) -> Conversion:
    """Write a conversion and read it back, as the stage that sends it does."""
    return DECODE(ENCODE(conversion))
