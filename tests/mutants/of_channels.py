"""Broken rules about the channel table: section 5 of docs/attribution.md."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

OF_CHANNELS = {
    "an empty parameter is there": Mutant(
        "a parameter is there when it is not empty (section 5)",
        "attribution/channels.py",
        "{name for name, value in query.items() if value}",
        "set(query)",
    ),
    "one parameter's value is enough": Mutant(
        "each of these parameters has one of its values (section 5)",
        "attribution/channels.py",
        'return all(query.get(name, "").lower()',
        'return any(query.get(name, "").lower()',
    ),
    "own domains are strangers": Mutant(
        "own_referrer holds for an own domain (section 5)",
        "attribution/channels.py",
        "not self._own.isdisjoint(fitting) or host_of(referrer) == host_of(landing_url)",
        "host_of(referrer) == host_of(landing_url)",
    ),
    "the landing's own host is a stranger": Mutant(
        "own_referrer holds for the landing's host (section 5)",
        "attribution/channels.py",
        "not self._own.isdisjoint(fitting) or host_of(referrer) == host_of(landing_url)",
        "not self._own.isdisjoint(fitting)",
    ),
    "a host below an own domain is a stranger": Mutant(
        "own_referrer holds below an own domain (section 5)",
        "attribution/channels.py",
        'frozenset(f".{own_host(domain)}" for domain in own_domains)',
        "frozenset(own_host(domain) for domain in own_domains)",
    ),
    "a marked link on an own page is internal": Mutant(
        "the rule own needs utm_source and click ids to be absent (section 5)",
        "attribution/default_channels.py",
        'absent=_CLICK_IDS | {"utm_source"}, own_referrer=True',
        "own_referrer=True",
    ),
    "fbclid goes over utm_medium": Mutant(
        "the rule fbclid needs utm_medium to be absent (section 5)",
        "attribution/default_channels.py",
        'given=frozenset({"fbclid"}), absent=_NO_MEDIUM',
        'given=frozenset({"fbclid"})',
    ),
    "the way back from a payment is a visit": Mutant(
        "the rule payment names no channel (section 5)",
        "attribution/default_channels.py",
        'Rule(name="payment", channel=None,',
        'Rule(name="payment", channel="referral",',
    ),
    "search engines come before sign-in and webmail": Mutant(
        "first match wins: sign_in and webmail before search (section 5)",
        "attribution/default_channels.py",
        "referrer=_PAYMENT | _CARD_CHECKS),\n",
        'referrer=_PAYMENT | _CARD_CHECKS),\n    Rule(name="search", channel="organic", referrer=_SEARCH_ENGINES),\n',
    ),
    "a name before a star has anything after it": Mutant(
        "google.* is the name and one label, or co or com and one more (section 5)",
        "attribution/hosts.py",
        "if dot and second in _BEFORE_COUNTRIES:",
        "if dot:",
    ),
    "a name before a star has one label after it": Mutant(
        "google.* is the name and one label, or co or com and one more (section 5)",
        "attribution/hosts.py",
        "if dot and second in _BEFORE_COUNTRIES:",
        "if dot and second is None:",
    ),
    "hosts below a name count": Mutant(
        "google.* is no host below such a one (section 5)",
        "attribution/hosts.py",
        'fitting += [f"{name}.*",',
        'fitting += [*(f"{above[1:]}.*" for above in _it_and_above(name, depth)),',
    ),
    "www. is another host": Mutant(
        "hosts are compared without a leading www. (section 5)",
        "attribution/hosts.py",
        '.lower().removeprefix("www.")',
        ".lower()",
    ),
}
