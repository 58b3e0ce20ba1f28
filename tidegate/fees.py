"""What a transaction offers for gas, and what its replacement must offer.

Nodes take a second transaction of a nonce only if both of its prices are at least a tenth higher;
an eighth is what they all take. Wei per gas.
"""

from dataclasses import dataclass

GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Fees:
    """Most that is paid, and the part of it for the block's proposer."""

    most: int
    tip: int


def raised(price: int) -> int:
    """An eighth more, rounded up, and more in any case."""
    return max(price + 1, -(-price * 9 // 8))


def offer(base: int, tip: int, cap: int, before: Fees | None = None) -> Fees | None:
    """What to offer now, at most `cap`; None if that would not be mined, or not be taken.

    Twice the base fee outlasts five full blocks. `before`: the offer of the transaction to replace.
    """
    least = Fees(raised(before.most), raised(before.tip)) if before else Fees(base, 0)
    if cap < max(base, least.most):
        return None
    most = min(max(2 * base + tip, least.most), cap)
    return Fees(most, min(max(tip, least.tip), most))
