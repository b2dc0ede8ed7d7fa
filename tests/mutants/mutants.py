"""One broken rule each: what a slip of the keyboard could make of the product."""

from __future__ import annotations

from typing import NamedTuple


class Mutant(NamedTuple):
    """A change of one place in the package that breaks one rule."""

    rule: str
    """The rule that it breaks."""
    file: str
    """Below ``consumer``."""
    old: str
    """Stands there exactly once."""
    new: str


MUTANTS = {
    "a landing at the very time of the order is not seen": Mutant(
        "an order sees landed_at ≤ C (section 2)",
        "attribution/lastclick.py",
        "<= touch.landed_at_ms <= latest",
        "<= touch.landed_at_ms < latest",
    ),
    "the window is open at its far edge": Mutant(
        "an order sees landed_at ≥ C - window (section 2)",
        "attribution/lastclick.py",
        "if earliest <= touch.landed_at_ms",
        "if earliest < touch.landed_at_ms",
    ),
    "a touch at the end of the grace still counts": Mutant(
        "it came in time when w < C + grace (section 2)",
        "attribution/lastclick.py",
        "touch.watermark_before_ms < decided_at_ms",
        "touch.watermark_before_ms <= decided_at_ms",
    ),
    "the grace is ignored for touches": Mutant(
        "it came in time when w < C + grace (section 2)",
        "attribution/lastclick.py",
        "touch.watermark_before_ms < decided_at_ms",
        "touch.watermark_before_ms < latest",
    ),
    "the grace is not waited for": Mutant(
        "an order is decided when the watermark reaches C + grace (section 7)",
        "attribute/partition.py",
        "order.completed_at_ms + self._shop.grace_ms if order.visitor_id",
        "order.completed_at_ms if order.visitor_id",
    ),
    "the watermark believes the event alone": Mutant(
        "the watermark is the greatest min(landed_at, record time) (section 2)",
        "attribute/partition.py",
        "max(watermark, min(landed_at_ms, record.timestamp_ms))",
        "max(watermark, landed_at_ms)",
    ),
    "the watermark falls": Mutant(
        "the watermark is the greatest so far (section 2)",
        "attribute/partition.py",
        "max(watermark, min(landed_at_ms, record.timestamp_ms))",
        "min(landed_at_ms, record.timestamp_ms)",
    ),
    "the click delay is off": Mutant(
        "a click at most click_delay before its landing has the landing's time (section 3)",
        "attribution/lastclick.py",
        "landed_at_ms - checksum.clicked_at_ms > rules.click_delay_ms",
        "landed_at_ms - checksum.clicked_at_ms > 0",
    ),
    "a reload is a new click": Mutant(
        "all landings with the same checksum are one click (section 3)",
        "attribution/lastclick.py",
        "Verdict.SAME_CLICK if click in clicks else _refusal(checksum, time_ms, order, rules)",
        "_refusal(checksum, time_ms := touch.landed_at_ms, order, rules)",
    ),
    "a session told again is a new landing": Mutant(
        "records of one session, channel and checksum are one landing (section 3)",
        "attribution/lastclick.py",
        "if landing in landings:",
        "if landing in ():",
    ),
    "another advertiser's checksum counts": Mutant(
        "a checksum of another advertiser does not count (section 3)",
        "attribution/lastclick.py",
        "checksum.advertiser_id not in {None, rules.advertiser_id}",
        "checksum.advertiser_id in ()",
    ),
    "direct overwrites": Mutant(
        "a landing without channel never overwrites one (section 1)",
        "attribution/lastclick.py",
        "None if touch.channel else Verdict.DIRECT",
        "None",
    ),
    "ties fall to the lower offset": Mutant(
        "the winner has the greatest (time, landed_at, offset) (section 4)",
        "attribution/lastclick.py",
        "_rank = itemgetter(slice(3))",
        "_rank = lambda item: (item[0], item[1], -item[2])",
    ),
    "strictly necessary checksums mix with the others": Mutant(
        "the newest normal click, then the newest strictly necessary one (section 4)",
        "attribution/lastclick.py",
        "if item.kind != _STRICTLY_NECESSARY",
        "if item.kind is not None",
    ),
    "consent is ignored": Mutant(
        "when consent is denied, the normal checksum is not sent (section 4)",
        "attribution/lastclick.py",
        "withheld = normal if _denied(order, seen, rules) else None",
        "withheld = None",
    ),
    "the first statement about consent holds": Mutant(
        "the last statement before the order holds (section 4)",
        "attribution/lastclick.py",
        "touch.consent for touch in reversed(seen)",
        "touch.consent for touch in seen",
    ),
    "halves are rounded to even": Mutant(
        "amounts are rounded half up (section 6)",
        "money.py",
        "ROUND_DOWN, ROUND_HALF_UP, Context",
        "ROUND_DOWN, ROUND_HALF_EVEN as ROUND_HALF_UP, Context",
    ),
    "parts are rounded one by one": Mutant(
        "parts add up to the amount (section 6)",
        "money.py",
        "part.quantize(amount, ROUND_DOWN, _ROUNDING)",
        "part.quantize(amount, ROUND_HALF_UP, _ROUNDING)",
    ),
    "the smallest rest gets the missing unit": Mutant(
        "missing units go to the largest cut-off rests (section 6)",
        "money.py",
        "key=rests.__getitem__, reverse=True",
        "key=rests.__getitem__",
    ),
    "every channel has the longest window": Mutant(
        "a landing before C - window of its channel is no candidate (sections 3 and 4)",
        "attribution/lastclick.py",
        "touch.awc is None and time_ms < at_ms - rules.window_of(touch.channel)",
        "touch.awc is None and time_ms < at_ms - rules.window_ms",
    ),
    "a click has the longest window": Mutant(
        "a click before C - window of aw does not count (section 3)",
        "attribution/lastclick.py",
        "time_ms < order.completed_at_ms - rules.window_of(AWIN_CHANNEL)",
        "time_ms < order.completed_at_ms - rules.window_ms",
    ),
    "silence is consent": Mutant(
        "where nothing was said, consent.missing holds (section 4)",
        "attribution/rules.py",
        'self.consent_missing_in.get((market or "").lower(), self.consent_missing)',
        'self.consent_missing_in.get((market or "").lower(), "assume")',
    ),
    "markets are all alike": Mutant(
        "where nothing was said, consent.markets comes before consent.missing (section 4)",
        "attribution/rules.py",
        'self.consent_missing_in.get((market or "").lower(), self.consent_missing)',
        "self.consent_missing",
    ),
    "a market's capitals count": Mutant(
        "consent.markets and the order's market are compared in lower case (section 4)",
        "attribution/rules.py",
        '(market or "").lower()',
        '(market or "")',
    ),
    "a landing path may go on": Mutant(
        "a landing's path is one of these, without a star as a whole (section 5)",
        "attribution/channels.py",
        'if wanted.endswith("*") else path == wanted',
        'if wanted.endswith("*") else path.startswith(wanted)',
    ),
    "capitals count in a parameter's value": Mutant(
        "a parameter has one of its values, capitals or not (section 5)",
        "attribution/channels.py",
        'query.get(name, "").lower() in values',
        'query.get(name, "") in values',
    ),
    "only the first set excludes": Mutant(
        "an order is excluded when any set of conditions holds (section 8)",
        "attribution/programmes.py",
        "for conditions in rulebook.exclude)",
        "for conditions in rulebook.exclude[:1])",
    ),
    "one condition of a set is enough": Mutant(
        "a set of conditions holds when all do (section 8)",
        "attribution/order_fields.py",
        "return all(_has_one(values_of(order, each.field), each.values) for each in conditions)",
        "return any(_has_one(values_of(order, each.field), each.values) for each in conditions) or not conditions",
    ),
    "the last programme gets the order": Mutant(
        "the programme is the first whose conditions hold (section 8)",
        "attribution/programmes.py",
        "(rules for rules in rulebook.programmes if holds(order, rules.when))",
        "(rules for rules in reversed(rulebook.programmes) if holds(order, rules.when))",
    ),
    "the first programme decides for all": Mutant(
        "the settings meant everywhere are those of the order's programme",
        "attribute/partition.py",
        "rules = self._rules[programme_in(waiting.key)]",
        "rules = self._shop",
    ),
    "any currency will do": Mutant(
        "a currency that its programme does not list is a dead letter (section 8)",
        "attribution/programmes.py",
        "if rules.currencies and order.currency not in rules.currencies:",
        "if rules.currencies and order.currency is None:",
    ),
    "next to nothing is not nothing": Mutant(
        "an order whose amount is zero when rounded is skipped (section 8)",
        "attribution/conversion.py",
        "not to_minor_units(order.subtotal, order.currency)",
        "not order.subtotal",
    ),
    "lines without a group go to DEFAULT": Mutant(
        "a line that tells no group belongs to groups.default (section 6)",
        "attribution/parts.py",
        "    if not value:\n        return groups.default\n",
        '    if not value:\n        return "DEFAULT"\n',
    ),
    "unknown values are not noted": Mutant(
        "a value that groups.codes does not name is noted (section 6)",
        "attribution/parts.py",
        "return any(value and value not in groups.codes for value in values)",
        "return all(value and value not in groups.codes for value in values)",
    ),
    "a group below nothing is kept": Mutant(
        "a group that comes to less than nothing is dealt with as a mismatch (section 6)",
        "attribution/parts.py",
        "if _adds_up(order, sums) and all(part >= 0 for part in sums.values()):",
        "if _adds_up(order, sums):",
    ),
    "the largest share gets the missing unit": Mutant(
        "missing units of a division pro rata go to the largest cut-off rests (section 6)",
        "money.py",
        "key=lambda code: shares[code][1], reverse=True",
        "key=lambda code: shares[code], reverse=True",
    ),
    "what does not add up is always divided": Mutant(
        "parts_mismatch: default_group gives the whole amount to the default group (section 6)",
        "attribution/parts.py",
        'if rules.parts_mismatch == "default_group" or not positive:',
        "if not positive:",
    ),
    "every voucher is told": Mutant(
        "where voucher_codes lists any, only those are told (section 6)",
        "attribution/extras.py",
        "if code and (not listed or code in listed)",
        "if code",
    ),
    "the order's own parameters stay": Mutant(
        "programmes.custom goes over the order's own parameters (section 6)",
        "attribution/extras.py",
        "said[number] = values[0]",
        "said.setdefault(number, values[0])",
    ),
    "what was taken back is a product": Mutant(
        "a row for each line whose quantity is above zero (section 6)",
        "attribution/extras.py",
        "if line.quantity > 0 and line.unit_price >= 0",
        "if line.unit_price >= 0",
    ),
    "only Awin's channel concerns Awin": Mutant(
        "report: awin reports an order with a checksum to be sent, too (section 8)",
        "attribution/lastclick.py",
        "return self.channel == AWIN_CHANNEL or bool(self.click_checksums)",
        "return self.channel == AWIN_CHANNEL",
    ),
    "what concerns Awin not is forgotten": Mutant(
        "an order not reported for its decision is remembered (section 8)",
        "attribute/partition.py",
        "            state.ledger.not_reportable += 1\n        state.settle(",
        '            state.ledger.not_reportable += 1\n            return "not_reportable"\n        state.settle(',
    ),
    "an order at the cut-over is not ours": Mutant(
        "orders completed before the cut-over are not ours (section 8)",
        "attribute/partition.py",
        "order.completed_at_ms < ledger.cut_over_ms",
        "order.completed_at_ms <= ledger.cut_over_ms",
    ),
    "a reference alone makes a duplicate": Mutant(
        "the same reference with another content is a conflict (section 8)",
        "attribute/partition.py",
        "if known.fingerprint != fingerprint:",
        "if known.fingerprint is None:",
    ),
    "the last record of a pending order wins": Mutant(
        "the first record wins, pending or decided (section 8)",
        "attribute/partition.py",
        "self.state.pending(key) if key in self.pending else self.state.link(key)",
        "self.state.link(key)",
    ),
    "an order may be a bit too late": Mutant(
        "more than max_order_delay after C is too late (section 8)",
        "attribute/partition.py",
        "record.timestamp_ms > order.completed_at_ms + self._shop.max_order_delay_ms",
        "record.timestamp_ms > order.completed_at_ms + self._shop.max_order_delay_ms + 1",
    ),
    "force needs no draining": Mutant(
        "forced only when everything before the order has been read (section 7)",
        "attribution/join.py",
        "if self._target is None or next_session_offset < self._target.end:",
        "if self._target is None:",
    ),
    "force is not written down": Mutant(
        "the session offset of a forced decision is a fact (section 7)",
        "attribute/partition.py",
        "decided[self._decide(waiting, self.next_session)]",
        "decided[self._decide(waiting, None)]",
    ),
    "waiting is measured from the last answer": Mutant(
        "idle_wait passes after the last session, not after the last answer before it (section 7)",
        "attribution/join.py",
        "self._last_session_s = self._clock.stamp_s()",
        "self._last_session_s = self._clock.now_s",
    ),
    "a refused transaction is forgotten": Mutant(
        "what was not committed is done again (promise 1)",
        "attribute/stage.py",
        "            if worker.dirty:\n                worker.rollback()",
        "            if worker is None:\n                worker.rollback()",
    ),
    "what was taken back stays in state": Mutant(
        "state is never ahead of the log (promise 4)",
        "state/partition.py",
        'Forget everything since the last commit."""\n',
        'Forget nothing."""\n        return\n',
    ),
    "the first orders miss their clicks": Mutant(
        "sessions are read from before the window of the first order (promise 8)",
        "attribute/opening.py",
        "cut_over_ms - rules.window_ms - rules.max_clock_skew_ms",
        "cut_over_ms - rules.window_ms // 2",
    ),
}
