"""One attempt: a request to Awin made, and what its answer means."""
