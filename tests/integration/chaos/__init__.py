"""Faults injected around the keepers, and the chain's verdict on what they did (docs/chaos.md)."""
