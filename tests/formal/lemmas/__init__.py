"""Every lemma, by the file of the code that it is about."""

from tests.formal.lemmas import auctions, breaker, bucket, ledger, losses, quote, rounding, slices

__all__ = ["auctions", "breaker", "bucket", "ledger", "losses", "quote", "rounding", "slices"]
