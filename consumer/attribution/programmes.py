"""Whose an order is: a programme's, or nobody's. Source: docs/attribution.md, section 8."""

from __future__ import annotations

from consumer.attribution.order_fields import holds
from consumer.attribution.rules import Rulebook, Rules
from consumer.errors import Unreportable
from consumer.events import OrderCompleted


def is_excluded(order: OrderCompleted, rulebook: Rulebook) -> bool:
    """Say whether the configuration takes an order out of reporting."""
    return any(holds(order, conditions) for conditions in rulebook.exclude)


def chosen(order: OrderCompleted, rulebook: Rulebook) -> Rules | None:
    """Return the rules of the first programme whose conditions hold, if there is one."""
    return next((rules for rules in rulebook.programmes if holds(order, rules.when)), None)


def programme_of(order: OrderCompleted, rulebook: Rulebook) -> Rules:
    """Return the rules of the first programme whose conditions hold.

    Raises:
        Unreportable: there is none, or it does not have the order's currency.
    """
    rules = chosen(order, rulebook)
    if rules is None:
        raise Unreportable(
            "no_programme",
            "",
            "the conditions of no programme hold for this order: complete programmes, or take such orders out by "
            "orders.exclude",
        )
    if rules.currencies and order.currency not in rules.currencies:
        raise Unreportable(
            "currency_not_enabled",
            "currency",
            f"currency is not one of those of programme {rules.advertiser_id} (programmes.currencies): enable it "
            "at Awin and in the settings, or correct the order",
        )
    return rules
