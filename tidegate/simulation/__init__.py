"""Price paths, a population of traders, and the scenario that runs both against a chain."""
