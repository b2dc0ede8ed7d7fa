"""The deliver stage: from the outbox to receipts."""
