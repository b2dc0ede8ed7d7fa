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
        "order.completed_at_ms + self._rules.grace_ms if order.visitor_id",
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
        "Verdict.SAME_CLICK if touch.awc in clicks else _refusal(checksum, time_ms, order, rules)",
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
        "withheld = normal if _denied(order, seen) else None",
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
        "record.timestamp_ms > order.completed_at_ms + self._rules.max_order_delay_ms",
        "record.timestamp_ms > order.completed_at_ms + self._rules.max_order_delay_ms + 1",
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
        "self._decide(waiting, self.next_session)",
        "self._decide(waiting, None)",
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
