"""What other rules would have decided: history decided again and compared with what was decided.

`replay` holds the rules of a partition, `state` what became of orders that have no conversion, `report` what is told;
these are pure. `simulation` reads the topics, through `consumer.inspect.topic_reader`, and writes nothing to them.
"""
