"""Attributes completed orders to the last click before them and reports them to Awin."""

__version__ = "0.1.0"
