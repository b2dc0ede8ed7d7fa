"""One broken rule each of docs/attribution.md, section 10."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

ERASING = {
    "a refusal need not settle": Mutant(
        "a refused checksum is erased when event time has come consent.settle beyond the refusal",
        "attribution/erasure.py",
        "last.landed_at_ms > watermark_ms - settle_ms",
        "last.landed_at_ms > watermark_ms",
    ),
    "a refusal settles a bit later": Mutant(
        "a refused checksum is erased when event time has come consent.settle beyond the refusal",
        "attribution/erasure.py",
        "last.landed_at_ms > watermark_ms - settle_ms",
        "last.landed_at_ms >= watermark_ms - settle_ms",
    ),
    "strictly necessary checksums are erased": Mutant(
        "strictly necessary checksums stay",
        "attribution/erasure.py",
        "frozenset({Kind.NORMAL.value, Kind.GCLID.value})",
        "frozenset({Kind.NORMAL.value, Kind.GCLID.value, Kind.STRICTLY_NECESSARY.value})",
    ),
    "a later grant is ignored": Mutant(
        "consent is refused when the visitor's last statement is a refusal",
        "attribution/erasure.py",
        'if touch.consent in {"granted", "denied"}]',
        'if touch.consent == "denied"]',
    ),
    "what landed after the refusal is erased": Mutant(
        "the checksums of landings up to the refusal are erased",
        "attribution/erasure.py",
        "touch.kind in _REFUSABLE and touch.landed_at_ms <= last.landed_at_ms]",
        "touch.kind in _REFUSABLE]",
    ),
    "the landings of a gclid are told apart": Mutant(
        "of a gclid checksum is left which landing was the first to have it",
        "attribution/erasure.py",
        "first = min(each.offset for each in touches if each.awc == touch.awc)",
        "first = touch.offset",
    ),
    "an erased checksum is not told from others": Mutant(
        "where a checksum was erased, all landings of its advertiser and time are one click",
        "attribution/lastclick.py",
        "click = left if left in erased else touch.awc",
        "click = touch.awc",
    ),
    "a session that says the same again has another landing": Mutant(
        "records of one session, channel and click are one landing, whether its checksum is erased or not",
        "attribution/lastclick.py",
        "landing = (touch.session_id, touch.channel, click)",
        "landing = (touch.session_id, touch.channel, touch.awc)",
    ),
    "an order does not bring its checksum back": Mutant(
        "an order whose own awc has the advertiser and time of an erased checksum brings that back",
        "attribution/erasure.py",
        "if awc is None or not any(",
        "if awc is None or any(",
    ),
    "an erased click loses its channel": Mutant(
        "an erased click keeps its channel",
        "attribution/lastclick.py",
        "channel = touch.channel if touch.awc is None else AWIN_CHANNEL",
        "channel = touch.channel if touch.awc is None else AWIN_CHANNEL if touch.kind < _ERASED else None",
    ),
    "an erased click does not count": Mutant(
        "an erased click counts",
        "attribution/lastclick.py",
        "candidates = [item for item in ranked if item.verdict is None]",
        "candidates = [item for item in ranked if item.verdict is None and item.kind < _ERASED]",
    ),
    "what is left of a checksum is sent after a grant": Mutant(
        "an erased click cannot be sent, not even if consent is granted later",
        "attribution/lastclick.py",
        "awc = touch.awc if touch.kind < _ERASED else None",
        "awc = touch.awc",
    ),
    "a grant makes an erased click a good one": Mutant(
        "an erased click is withheld, even if consent is granted later",
        "attribution/lastclick.py",
        "is_erased = normal is not None and normal.kind >= _ERASED",
        "is_erased = False",
    ),
    "an earlier checksum is sent instead": Mutant(
        "no earlier checksum is sent instead of an erased one",
        "attribution/lastclick.py",
        "clicks = [item for item in candidates if item.kind]",
        "clicks = [item for item in candidates if item.awc]",
    ),
    "checksums are erased while an order is pending": Mutant(
        "nothing is erased while an order of the visitor is pending",
        "attribute/partition.py",
        "if visitor not in waiting:",
        "if visitor not in ():",
    ),
    "checksums are erased while an order is there to be read": Mutant(
        "nothing is erased while an order is there to be read",
        "attribute/sweeps.py",
        "worker.dirty or not self._has_read_all_orders(number) or not worker.sweep(self._touches)",
        "worker.dirty or not worker.sweep(self._touches)",
    ),
    "checksums are erased over a grant that is not committed": Mutant(
        "a checksum is erased when no grant followed its refusal",
        "attribute/sweeps.py",
        "worker.dirty or not self._has_read_all_orders(number)",
        "not self._has_read_all_orders(number)",
    ),
    "only the first touches are looked through": Mutant(
        "a pass is made over all touches",
        "attribute/partition.py",
        "        return not visitors\n",
        "        return True\n",
    ),
    "checksums are erased only when a partition is taken over": Mutant(
        "a pass is made once an hour",
        "attribute/sweeps.py",
        "if now_s >= self._due_s:",
        "if now_s < 0:",
    ),
    "erased checksums come back": Mutant(
        "a checksum is erased from state and for whoever restores it",
        "state/partition.py",
        "            self._new_touches += touches.entry(visitor, touch)\n\n    def stored",
        "            pass\n\n    def stored",
    ),
    "orders wait on when their visitor is forgotten": Mutant(
        "orders that are pending when their visitor is to be forgotten are decided",
        "attribute/partition.py",
        "for waiting in self.pending.of_visitor(visitor):",
        "for waiting in self.pending.of_visitor(visitor)[1:]:",
    ),
    "all orders are decided when somebody is forgotten": Mutant(
        "pending orders of the visitor who is to be forgotten are decided",
        "attribution/join.py",
        "for waiting in self._waiting.values() if waiting.visitor == visitor)",
        "for waiting in self._waiting.values())",
    ),
    "orders that need no force are forced": Mutant(
        "every order that can be decided is, before its visitor is forgotten",
        "attribute/partition.py",
        "        self._decide_ready(self.early)\n",
        "",
    ),
    "a decision for one who is forgotten is no fact": Mutant(
        "orders of who is to be forgotten are decided by force, with what was known",
        "attribute/partition.py",
        "self.early[self._decide(waiting, self.next_session)]",
        "self.early[self._decide(waiting, None)]",
    ),
    "who is forgotten stays in state": Mutant(
        "every touch of the visitor is erased",
        "state/partition.py",
        "for key, _ in self._stored(visitor):",
        "for key, _ in ():",
    ),
    "who has just landed is not forgotten": Mutant(
        "every touch of the visitor is erased",
        "state/partition.py",
        "for touch in self._touches_by_visitor.pop(visitor, ()):",
        "for touch in ():",
    ),
    "who is being forgotten is seen": Mutant(
        "orders read later do not see what was erased",
        "state/partition.py",
        "known: list[Touch] = []\n        if visitor not in self._forgotten:",
        "known: list[Touch] = []\n        if visitor:",
    ),
    "an order's checksums stay remembered": Mutant(
        "the checksums that are remembered with the order in the header are erased",
        "attribute/partition.py",
        "self.noticed.forgotten_orders += self.state.forget_checksums(order)",
        "self.noticed.forgotten_orders += bool(order)",
    ),
    "a marker is a landing": Mutant(
        "the marker of a forgotten visitor is no touch",
        "attribution/lastclick.py",
        "        and touch.kind != _FORGOTTEN\n",
        "",
    ),
    "it is told for ever that a visitor was forgotten": Mutant(
        "an order is noted when the request is within its window (section 6)",
        "attribution/lastclick.py",
        "touch.kind == _FORGOTTEN and touch.landed_at_ms >= earliest",
        "touch.kind == _FORGOTTEN",
    ),
    "a malformed checksum of an order goes unnoted": Mutant(
        "an order's own awc that is none is ignored and noted (section 3)",
        "attribution/conversion.py",
        "if order.awc is not None and parse(order.awc) is None else ()",
        "if order.awc == '' else ()",
    ),
}
