"""Keyed state of a stage: stores, their changelogs, and restoring the one from the other."""
