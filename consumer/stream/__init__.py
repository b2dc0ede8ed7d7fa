"""The Kafka doors: records in (source), records out (transaction), topics, Avro, and an in-memory log."""
