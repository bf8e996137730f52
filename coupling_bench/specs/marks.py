"""What the specs have in common: marks of their fields."""

OURS = {"trainer": False}
"""A field that is not handed to the trainer's configuration under its own name."""
EXECUTION = {"trainer": False, "identity": False}
"""A field that cannot change the numbers (beyond rounding) and is no part of the identity."""
