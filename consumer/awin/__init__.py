"""Awin's interfaces as pure encoders: a conversion becomes a request, an answer becomes an outcome."""
