"""The rules of ``docs/attribution.md`` once more, by brute force, to hold the product against.

It takes whole logs and says what must come out of them. It shares no rule with the product: only the shapes of the
events and the settings. Read it beside the document, whose section numbers it names:

==============  ============================================================
`landing`       section 1: what one landing says
`sessions`      sections 2, 6 and 8: which session records leave touches
`channels`      section 5: the channel table, with `addresses`
`decision`      sections 2, 3 and 4: touches, clicks, the channel, the checksums
`evidence`      section 4: what became of each touch
`money`         section 6: the amount and its parts
`details`       section 6: vouchers, custom parameters, product rows
`faults`        sections 3, 4 and 6: what cannot be told to Awin
`conditions`    section 8: the programme, and which orders are nobody's
`replay`        sections 7 and 8: which orders, and when
`erasure`       section 10: what is forgotten, and what is left of checksums
`facts`         sections 7 and 10: what depends on when things were done
`doubts`        sections 7 and 10: whether facts can be facts
==============  ============================================================

Not modelled: records that cannot be decoded (leave them out), and orders too large to be kept.
"""

from consumer.demo.reference.doubts import doubts
from consumer.demo.reference.erasure import History, history_of, is_forced_by_request, touches_in_state
from consumer.demo.reference.facts import Facts, Sweep
from consumer.demo.reference.logged import Ending, Expected, LoggedForget, LoggedOrder, LoggedSession, SessionRecord
from consumer.demo.reference.replay import endings_of, expect
from consumer.demo.reference.sessions import fault_of_session

__all__ = [
    "Ending",
    "Expected",
    "Facts",
    "History",
    "LoggedForget",
    "LoggedOrder",
    "LoggedSession",
    "SessionRecord",
    "Sweep",
    "doubts",
    "endings_of",
    "expect",
    "fault_of_session",
    "history_of",
    "is_forced_by_request",
    "touches_in_state",
]
