"""The deliver stage's parts: attempts, retries, and what has been sent already."""
