"""Decide without doing: what is valid, what is allowed, how money is divided. No I/O."""
