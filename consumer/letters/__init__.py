"""Dead letters looked at by people, and their records appended again.

A replay and the note that it happened (a dead letter of stage ``replay``) are one transaction, and only one replay or
export works at a time: the transactional id that they share fences an earlier one. So each letter is replayed once,
whatever is interrupted when.
"""
