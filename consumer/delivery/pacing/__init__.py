"""Whether, and when, an attempt may be made: pure, with the clock handed in."""
