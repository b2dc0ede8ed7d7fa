"""Benchmarks on the embedded broker. ``python -m benchmarks --help``; what the figures mean: docs/benchmarks.md."""
