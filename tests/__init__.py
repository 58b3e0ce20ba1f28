"""The tests: unit, differential, stateful, integration."""
