"""The channel table: which channel a landing without click checksum gets. Source: docs/attribution.md, section 5."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from consumer.attribution.channel_rule import Rule
from consumer.attribution.default_channels import DEFAULT_RULES
from consumer.attribution.hosts import host_of, own_host, path_of, patterns_of

AWIN_CHANNEL = "aw"
"""The channel of every click that has a checksum."""

_NOTHING: frozenset[str] = frozenset()


class ChannelTable:
    """An ordered table of rules, made ready for reading hundreds of thousands of landings a second.

    Args:
        own_domains: hosts of the shop, those below them included. Case, a port and a leading ``www.`` do not matter.
        rules: the lines of the table.

    Raises:
        SettingsError: an own domain is no host name.
    """

    def __init__(self, own_domains: Iterable[str] = (), rules: tuple[Rule, ...] = DEFAULT_RULES) -> None:
        rules = tuple(map(_comparable, rules))
        self._own = frozenset(f".{own_host(domain)}" for domain in own_domains)
        patterns = self._own.union(*(rule.referrer | rule.landing_host for rule in rules))
        self._depth = max([1, *(pattern.count(".") for pattern in patterns)])
        self._rules = rules
        self._without_parameters = tuple(rule for rule in rules if not rule.needs_parameters())
        self._bare = tuple(rule for rule in self._without_parameters if not rule.needs_referrer())
        self.parameters = frozenset[str]().union(
            *(rule.given | rule.absent | {name for name, _ in rule.query} for rule in rules)
        )
        """The query parameters that any rule looks at."""

    @property
    def reads_bare_landings(self) -> bool:
        """Whether a landing with neither parameters nor referrer can have a channel."""
        return bool(self._bare)

    def classify(
        self, query: Mapping[str, str], landing_url: str, referrer: str | None
    ) -> tuple[str | None, str | None]:
        """Return the channel and the rule that named it; ``(None, None)`` for a direct landing.

        ``query`` holds decoded parameters. Takes any text for the addresses; one without a host counts as absent.
        """
        present = {name for name, value in query.items() if value}
        rules = self._rules if present else self._without_parameters if referrer else self._bare
        fitting = None if referrer else _NOTHING
        for rule in rules:
            if (rule.given and rule.given.isdisjoint(present)) or not rule.absent.isdisjoint(present):
                continue
            if rule.query and not _has_values(query, rule.query):
                continue
            if rule.referrer or rule.own_referrer:
                if fitting is None:  # most landings with parameters never come here
                    fitting = patterns_of(host_of(referrer or ""), self._depth)
                if rule.referrer and rule.referrer.isdisjoint(fitting):
                    continue
                if rule.own_referrer and not self._is_own(referrer or "", fitting, landing_url):
                    continue
            if (rule.landing_host or rule.landing_path) and not self._landed_at(landing_url, rule):
                continue
            return rule.channel, rule.name
        return None, None

    def _is_own(self, referrer: str, fitting: frozenset[str], landing_url: str) -> bool:
        return bool(fitting) and (not self._own.isdisjoint(fitting) or host_of(referrer) == host_of(landing_url))

    def _landed_at(self, landing_url: str, rule: Rule) -> bool:
        if rule.landing_host and rule.landing_host.isdisjoint(patterns_of(host_of(landing_url), self._depth)):
            return False
        path = path_of(landing_url)
        return not rule.landing_path or any(
            path.startswith(wanted[:-1]) if wanted.endswith("*") else path == wanted for wanted in rule.landing_path
        )


def _has_values(query: Mapping[str, str], wanted: Iterable[tuple[str, frozenset[str]]]) -> bool:
    return all(query.get(name, "").lower() in values for name, values in wanted)


def _comparable(rule: Rule) -> Rule:
    """Return a rule whose host patterns are, as the hosts that `host_of` finds, without a leading ``www.``."""
    return replace(
        rule,
        referrer=frozenset(pattern.removeprefix("www.") for pattern in rule.referrer),
        landing_host=frozenset(pattern.removeprefix("www.") for pattern in rule.landing_host),
    )
