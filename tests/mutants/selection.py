"""The checks that every mutant must fail: worked examples first, then the properties in a few worlds.

Runs as a program on a copy of the package: exit code 0 when all hold, 1 when one does not.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from itertools import count

import structlog
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.agreement.run import Tally, agree
from tests.attribute.test_forced import (
    QuietPartition,
    test_nothing_is_forced_while_sessions_from_before_are_there_to_be_read,
    test_waiting_begins_with_the_last_session_itself,
)
from tests.attribute.test_opening import test_the_first_orders_find_their_clicks
from tests.attribute.test_promises import (
    test_decisions_are_deterministic,
    test_every_order_ends_as_the_reference_says,
    test_forced_decisions_are_facts,
)
from tests.attribute.worked import check_basket, check_case, check_detail, check_sale
from tests.attribution.test_channels import (
    test_referrer_on_the_landing_host_is_internal_without_configuration,
    test_referrers,
)
from tests.attribution.test_landing import test_awc
from tests.attribution.test_lastclick import test_evidence_always_has_what_decided, test_evidence_is_the_newest_twenty
from tests.awin.test_offline import (
    test_checksums_of_a_year_ago_are_left_out,
    test_formulas_are_neutralised,
    test_times_are_those_of_the_united_kingdom,
)
from tests.awin.test_sread import (
    test_a_request_may_have_8000_characters,
    test_a_request_that_is_too_long_leaves_out_what_is_not_the_sale,
    test_product_rows,
    test_testmode_is_a_digit,
)
from tests.reference.baskets import BASKETS
from tests.reference.decisions import CASES
from tests.reference.details import DETAILS
from tests.reference.sales import SALES
from tests.test_spreadsheet import test_a_sign_that_begins_a_formula_gets_an_apostrophe
from tests.wiring.test_rulebook import test_everything_arrives

ORDERS = 4_000

WRITTEN: tuple[Callable[..., object], ...] = (
    test_everything_arrives,
    test_awc,
    test_product_rows,
    test_a_request_that_is_too_long_leaves_out_what_is_not_the_sale,
    test_a_request_may_have_8000_characters,
    test_testmode_is_a_digit,
    test_times_are_those_of_the_united_kingdom,
    test_checksums_of_a_year_ago_are_left_out,
    test_formulas_are_neutralised,
    test_a_sign_that_begins_a_formula_gets_an_apostrophe,
    test_referrers,
    test_referrer_on_the_landing_host_is_internal_without_configuration,
    test_evidence_is_the_newest_twenty,
    test_evidence_always_has_what_decided,
)
"""What the stage's examples do not show: settings, single addresses, requests and files."""

FEW = settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=40,
    stateful_step_count=30,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def checks() -> Iterator[tuple[str, Callable[[], object]]]:
    """Name and do each check, the quickest first."""
    yield from ((name, partial(check_case, case)) for name, case in CASES.items())
    yield from ((name, partial(check_basket, basket)) for name, basket in BASKETS.items())
    yield from ((name, partial(check_detail, detail)) for name, detail in DETAILS.items())
    yield from ((name, partial(check_sale, sale)) for name, sale in SALES.items())
    for test in WRITTEN:
        yield from cases_of(test)
    yield "many orders", many_orders_agree
    for test in (
        test_waiting_begins_with_the_last_session_itself,
        test_nothing_is_forced_while_sessions_from_before_are_there_to_be_read,
        test_the_first_orders_find_their_clicks,
    ):
        yield test.__name__, test
    yield "forced decisions", partial(run_state_machine_as_test, QuietPartition, settings=FEW)
    for promise in (
        test_every_order_ends_as_the_reference_says,
        test_forced_decisions_are_facts,
        test_decisions_are_deterministic,
    ):
        yield promise.__name__, FEW(promise)


def cases_of(test: Callable[..., object]) -> Iterator[tuple[str, Callable[[], object]]]:
    """Name and yield a test, once for each of its parameters' values if it has any."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    if not marks:
        yield test.__name__, test
    for mark in marks:
        names, cases = mark.args
        several = not isinstance(names, str)
        for case in cases:
            values = case if several else (case,)
            yield (
                f"{test.__name__} {values}",
                partial(test, **dict(zip(names if several else (names,), values, strict=True))),
            )


def many_orders_agree() -> None:
    """The stage and the reference agree on some thousands of random orders."""
    assert agree(seed=0, orders=ORDERS, numbers=count(), tally=Tally())


def main() -> int:
    """Do the checks until one fails."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    for name, check in checks():
        try:
            check()
        except Exception as error:  # noqa: BLE001  # whatever a broken rule leads to
            sys.stdout.write(f"fails: {name}: {type(error).__name__}\n")
            sys.stderr.write(traceback.format_exc()[-2_000:])
            return 1
    sys.stdout.write("holds\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
