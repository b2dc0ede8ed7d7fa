"""What a trial is made of."""

from __future__ import annotations

import pytest

from consumer.attribution.awc import parse
from consumer.attribution.conversion import accept
from consumer.attribution.rules import Condition, Groups, Rulebook, Rules
from consumer.errors import SettingsError
from consumer.trial.making import make

NOW_MS = 1_700_001_000_000
TOKEN = "0123456789abcdef" * 2
ONE = Rules(advertiser_id="1001", own_domains=(".shop.example",))


def of(field: str, *values: str | None) -> Condition:
    """Return a condition."""
    return Condition(field, frozenset(values))


def test_the_order_is_a_test_in_every_mode() -> None:
    """So that Awin never pays for it, whatever the settings say."""
    for mode in ("shadow", "test", "live"):
        assert make(Rulebook((Rules(advertiser_id="1001", mode=mode),)), None, TOKEN, NOW_MS).order.test


def test_the_landing_has_a_click_of_the_programme_and_consent() -> None:
    """On the shop's own domain, by the order's visitor, and not after the order."""
    trial = make(Rulebook((ONE,)), None, TOKEN, NOW_MS)
    assert trial.landing.landing_url == f"https://shop.example/?awc={trial.awc}"
    assert parse(trial.awc) is not None
    assert trial.awc.startswith("1001_1700001000_")
    assert trial.landing.consent == "granted"
    assert trial.landing.visitor_id == trial.order.visitor_id
    assert trial.landing.landed_at_ms <= trial.order.completed_at_ms
    assert len(trial.order.order_ref) <= 50


def test_two_trials_have_nothing_in_common() -> None:
    """A second one is no repeat of the first."""
    first, second = (make(Rulebook((ONE,)), None, token * 32, NOW_MS) for token in "ab")
    assert {first.awc, first.order.order_ref, first.landing.visitor_id}.isdisjoint(
        {second.awc, second.order.order_ref, second.landing.visitor_id}
    )


@pytest.mark.parametrize(
    "when",
    [
        (of("market", "de", "at"),),
        (of("currency", "GBP", "USD"),),
        (of("custom.shop", "b2b"), of("channel", None, "tv")),
        (of("lines.category", "shoes"),),
        (of("voucher_codes", "SAVE10"),),
        (of("customer_type", "NEW"), of("test", "true")),
    ],
    ids=lambda when: when[0].field,
)
def test_the_order_is_what_the_programme_asks_for(when: tuple[Condition, ...]) -> None:
    """Its conditions hold for the order, and those of the programme before it do not."""
    second = Rules(advertiser_id="2002", when=when, report="awin", groups=Groups(field="category", codes={"x": "X"}))
    book = Rulebook((Rules(advertiser_id="1001", when=(of("market", "nl"),)), second))
    order = make(book, "2002", TOKEN, NOW_MS).order
    assert accept(order, book) is second


def test_a_currency_of_the_programme_is_taken() -> None:
    """Of those enabled, one that the conditions allow."""
    rules = Rules(advertiser_id="1001", currencies=frozenset({"CHF", "SEK"}), when=(of("currency", "SEK", "DKK"),))
    assert make(Rulebook((rules,)), None, TOKEN, NOW_MS).order.currency == "SEK"


def test_what_would_not_be_reported_is_refused() -> None:
    """Before anything is written, with the setting."""
    two = Rulebook((ONE, Rules(advertiser_id="2002")))
    with pytest.raises(SettingsError, match=r"is that of programme 1001; see programmes\.when"):
        make(two, "2002", TOKEN, NOW_MS)
    with pytest.raises(SettingsError, match="3003: no such programme in the settings, which name 1001, 2002"):
        make(two, "3003", TOKEN, NOW_MS)
    with pytest.raises(SettingsError, match=r"orders\.exclude takes a test order"):
        make(Rulebook((ONE,), ((of("test", "true"),),)), None, TOKEN, NOW_MS)
    unmeetable = Rules(advertiser_id="1001", when=(of("order_id", "7"),))
    with pytest.raises(SettingsError, match="is no programme's"):
        make(Rulebook((unmeetable,)), None, TOKEN, NOW_MS)
    wrong = Rules(advertiser_id="1001", when=(of("currency", "EUR"),), currencies=frozenset({"GBP"}))
    with pytest.raises(SettingsError, match=r"a test order for programme 1001 is refused: currency is not one"):
        make(Rulebook((wrong,)), None, TOKEN, NOW_MS)
