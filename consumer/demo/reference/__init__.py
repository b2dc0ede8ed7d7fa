"""The rules of ``docs/attribution.md`` once more, by brute force, to hold the product against.

It takes whole logs and says what must come out of them. It shares no rule with the product: only the shapes of the
events and the settings. Read it beside the document, whose section numbers it names:

==============  ============================================================
`landing`       sections 1 and 5: what one landing says
`decision`      sections 2, 3 and 4: touches, clicks, the channel, the checksums
`money`         section 6: the amount and its parts
`replay`        sections 7 and 8: which orders, and when
==============  ============================================================

Not modelled: records that cannot be decoded (leave them out), orders too large to be kept, erasure, and several
programmes in one log.
"""

from consumer.demo.reference.logged import Ending, Expected, LoggedOrder, LoggedSession
from consumer.demo.reference.replay import expect

__all__ = ["Ending", "Expected", "LoggedOrder", "LoggedSession", "expect"]
