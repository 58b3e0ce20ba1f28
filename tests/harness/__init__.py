"""Helpers of the tests: a whole system, refusals by name."""
