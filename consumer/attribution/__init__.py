"""The rules: which touch gets an order, and what the conversion says. Pure; imports nothing that does I/O."""
