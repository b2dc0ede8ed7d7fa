"""Orders handed over by file, each exactly once.

Deliver's receipts say which orders wait: those of programmes whose method is ``offline``, and sales that grew too old
to be sent. A file is prepared beside its manifest, its orders' receipts are committed, and only then it gets its name;
a crash in between is made good by the next run (`consumer.export.publication`). Only one export works at a time: the
transactional id fences an earlier one, and receipts are read after that.
"""
