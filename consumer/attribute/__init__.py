"""The attribute stage: sessions and orders in, one conversion per order out, exactly once."""
