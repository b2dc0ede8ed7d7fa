"""The rules of ``docs/attribution.md`` once more, by brute force, to hold the product against.

It takes whole logs and says what must come out of them. It shares no rule with the product: only the shapes of the
events and the settings. Read it beside the document, whose section numbers it names:

==============  ============================================================
`landing`       section 1: what one landing says
`channels`      section 5: the channel table, with `addresses`
`decision`      sections 2, 3 and 4: touches, clicks, the channel, the checksums
`evidence`      section 4: what became of each touch
`money`         section 6: the amount and its parts
`details`       section 6: vouchers, custom parameters, product rows
`faults`        sections 3, 4 and 6: what cannot be told to Awin
`conditions`    section 8: the programme, and which orders are nobody's
`replay`        sections 7 and 8: which orders, and when
==============  ============================================================

Not modelled: records that cannot be decoded (leave them out), orders too large to be kept, and erasure.
"""

from consumer.demo.reference.logged import Ending, Expected, LoggedOrder, LoggedSession
from consumer.demo.reference.replay import expect, fault_of_session

__all__ = ["Ending", "Expected", "LoggedOrder", "LoggedSession", "expect", "fault_of_session"]
