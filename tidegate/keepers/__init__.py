"""Keepers: each role is a pure `decide(state) -> actions`; one sender sends the actions."""
