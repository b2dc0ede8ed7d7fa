"""Broken rules about landings, clicks and the decision: sections 1 to 4 of docs/attribution.md."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

OF_TOUCHES = {
    "checksums lose their capitals": Mutant(
        "a checksum's case is kept (section 1)",
        "attribution/awc.py",
        "return Checksum(value, Kind.NORMAL, clicked_at_ms, own[1])",
        "return Checksum(value.lower(), Kind.NORMAL, clicked_at_ms, own[1])",
    ),
    "a checksum of 200 characters is too long": Mutant(
        "a checksum has at most 200 characters (section 1)",
        "attribution/awc.py",
        "if len(value) > MAX_CHARACTERS:",
        "if len(value) >= MAX_CHARACTERS:",
    ),
    "a checksum may be of any length": Mutant(
        "a checksum has at most 200 characters (section 1)",
        "attribution/awc.py",
        "MAX_CHARACTERS = 200",
        "MAX_CHARACTERS = 2_000",
    ),
    "a checksum may have a tail": Mutant(
        "a checksum has one of two forms, as a whole (section 1)",
        "attribution/awc.py",
        "(own := _OWN_FORM.fullmatch(value))",
        "(own := _OWN_FORM.match(value))",
    ),
    "any number is a click's time": Mutant(
        "a click's time fits 64-bit milliseconds (section 1)",
        "attribution/awc.py",
        "_LATEST_MS = 2**63 - 1",
        "_LATEST_MS = 2**99",
    ),
    "a gclid has letters and digits only": Mutant(
        "the gclid form takes - and _ (section 1)",
        "attribution/awc.py",
        'r"gclid_[0-9]+_[A-Za-z0-9_-]+"',
        'r"gclid_[0-9]+_[A-Za-z0-9]+"',
    ),
    "the number in the gclid form is the advertiser's": Mutant(
        "the number in the gclid form is not the advertiser's (section 3)",
        "attribution/awc.py",
        "return Checksum(value, Kind.GCLID, None, None) if",
        'return Checksum(value, Kind.GCLID, None, value.split("_")[1]) if',
    ),
    "any sn makes a click strictly necessary": Mutant(
        "a click is strictly necessary when sn is exactly 1 (section 1)",
        "attribution/landing.py",
        'query.get("sn") == "1"',
        'query.get("sn")',
    ),
    "the gclid form may be strictly necessary": Mutant(
        "a checksum in the gclid form is of kind gclid, sn or not (section 1)",
        "attribution/landing.py",
        "if checksum.kind is Kind.NORMAL and query",
        "if query",
    ),
    "the first awc counts, whatever it is": Mutant(
        "the first well-formed awc counts (section 1)",
        "attribution/landing.py",
        "next(filter(None, checksums), None) or",
        "(checksums[0] if checksums else None) or",
    ),
    "the last awc counts": Mutant(
        "the first well-formed awc counts (section 1)",
        "attribution/landing.py",
        "next(filter(None, checksums), None) or",
        "next(filter(None, reversed(checksums)), None) or",
    ),
    "awaid and gclid are an advertisement": Mutant(
        "awaid and gclid make a checksum (section 1)",
        "attribution/landing.py",
        " or _from_parallel_tracking(query)",
        "",
    ),
    "the last of a repeated parameter counts": Mutant(
        "of a repeated parameter the first occurrence counts (section 1)",
        "attribution/landing.py",
        "(name in wanted or name in _CHECKSUM_PARAMETERS) and name not in query",
        "name in wanted or name in _CHECKSUM_PARAMETERS",
    ),
    "an awc is decoded twice": Mutant(
        "parameters are percent-decoded exactly once (section 1)",
        "attribution/landing.py",
        "awcs.append(unquote_plus(value))",
        "awcs.append(unquote_plus(unquote_plus(value)))",
    ),
    "a fragment has parameters": Mutant(
        "the query string ends at the first # (section 1)",
        "attribution/landing.py",
        'url.partition("#")[0].partition("?")[2]',
        'url.partition("?")[2]',
    ),
    "the order's own awc may be of the future": Mutant(
        "the order's own awc is not later than C (section 3)",
        "attribution/lastclick.py",
        "min(checksum.clicked_at_ms, at_ms)",
        "checksum.clicked_at_ms",
    ),
    "the order's own awc is a click of its own": Mutant(
        "the order's own awc is the same click when a landing with it is seen (section 3)",
        "attribution/lastclick.py",
        "Verdict.SAME_CLICK if checksum.value in clicks else _refusal(checksum, time_ms, order, rules)",
        "_refusal(checksum, time_ms := own_ms, order, rules)",
    ),
    "the order's channel is always trusted": Mutant(
        "with order_channel: touch the order's channel is a candidate (section 4)",
        "attribution/lastclick.py",
        'if order.channel is not None and rules.order_channel == "trust":',
        "if order.channel is not None:",
    ),
    "the order's channel is never trusted": Mutant(
        "with order_channel: trust the order's channel is the decision (section 4)",
        "attribution/lastclick.py",
        'if order.channel is not None and rules.order_channel == "trust":',
        "if order.channel is None and rules.model is None:",
    ),
    "the order's channel comes before its awc": Mutant(
        "the order's channel comes after everything, its own awc included (section 4)",
        "attribution/lastclick.py",
        "_Weighed(at_ms, at_ms, _AFTER_SESSIONS + 1, order.channel",
        "_Weighed(at_ms, at_ms, _AFTER_SESSIONS - 1, order.channel",
    ),
    "nobody known is like nothing but direct": Mutant(
        "channels.none when any touch is seen, else channels.unknown (section 4)",
        "attribution/lastclick.py",
        '(rules.channel_none, "direct_only") if known else (rules.channel_unknown, "no_landing")',
        '(rules.channel_none, "direct_only") if known else (rules.channel_none, "no_landing")',
    ),
    "direct landings are no sign of a visitor": Mutant(
        "channels.none when any touch is seen, of whatever kind (section 4)",
        "attribution/lastclick.py",
        "known=bool(seen))",
        "known=any(touch.channel for touch in seen))",
    ),
    "a model of none has a last click": Mutant(
        "attribution.model: none always says aw (section 4)",
        "attribution/lastclick.py",
        'if rules.model == "none":\n',
        'if rules.model == "none" and winner is None and not known:\n',
    ),
    "a model of none has a winner": Mutant(
        "attribution.model: none lets nothing win (section 4)",
        "attribution/lastclick.py",
        'candidates[0] if candidates and rules.model != "none" else None',
        "candidates[0] if candidates else None",
    ),
    "landings have the last word about consent": Mutant(
        "a statement on the order overrides those of landings (section 4)",
        "attribution/lastclick.py",
        "(order.consent, *(touch.consent for touch in reversed(seen)))",
        "(*(touch.consent for touch in reversed(seen)), order.consent)",
    ),
    "a refusal takes the strictly necessary checksum": Mutant(
        "when consent is denied, a strictly necessary checksum is sent (section 4)",
        "attribution/lastclick.py",
        "if c is not None and c.awc and c is not withheld",
        "if c is not None and c.awc and withheld is None",
    ),
    "nineteen are enough": Mutant(
        "the evidence holds at most 20, the newest (section 4)",
        "attribution/lastclick.py",
        "MAX_EVIDENCE = 20",
        "MAX_EVIDENCE = 19",
    ),
    "what decided may be missing from the evidence": Mutant(
        "of the evidence, the winner and the clicks chosen are told always (section 4)",
        "attribution/lastclick.py",
        "key=lambda item: (item.offset in offsets, _rank(item))",
        "key=lambda item: (item.offset in (), _rank(item))",
    ),
}
