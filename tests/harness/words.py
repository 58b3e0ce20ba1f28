"""Words of a plain instrument within all bounds, to change one field of."""

from tidegate.deployment import QuoteConfig, TokenConfig, asset_word, perpetual
from tidegate.spec.words import Asset

_PLAIN = perpetual("PLAIN-PERP", 1, "100", depth="10000", soft_cap="500", hard_cap="800")
RISK = _PLAIN.risk
TRADE = _PLAIN.trade
LIMITS = _PLAIN.limits
QUOTE = QuoteConfig().pack()


def asset(token: str) -> Asset:
    """The collateral's default word for a token."""
    return Asset.unpack(asset_word(TokenConfig(), token))
