"""What people ask of the topics: why was this order reported so (explain), and does everything add up (audit)?

Reading goes through one port, `consumer.inspect.topic_reader`; what is made of the records is pure.
"""
