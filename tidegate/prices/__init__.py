"""Prices from outside: sources, the median of them, signers, and who gathers signatures.

    source -> Observation -> median -> Sample -> signer -> vote, signature -> carrier -> push

docs/prices.md says how signers agree on one message per slot, and what happens when they do not.
"""
