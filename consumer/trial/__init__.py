"""A test order sent through the whole flow: made up, written to the input topics, and followed to its receipt."""
