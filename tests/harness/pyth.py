"""Updates for PythDouble: what Pyth's publishers would hand out."""

from collections.abc import Sequence
from dataclasses import dataclass

from eth_abi import encode
from eth_utils import keccak

MAGIC = b"PNAU"
SECRET = keccak(b"the publishers' secret")
BTC_ID = keccak(b"Crypto.BTC/USD")
ETH_ID = keccak(b"Crypto.ETH/USD")


@dataclass(frozen=True)
class PriceUpdate:
    """One message: a price of one feed, and when the one before was published."""

    price: int  # times 10**expo
    published: int  # timestamp, seconds
    previous: int  # timestamp, seconds
    conf: int = 0  # times 10**expo
    expo: int = -8
    price_id: bytes = BTC_ID

    def fields(self) -> tuple:
        average = (self.price, self.conf)
        times = (self.published, self.previous)
        return self.price_id, self.price, self.conf, self.expo, *times, *average


def encode_update(messages: Sequence[PriceUpdate], secret: bytes = SECRET) -> bytes:
    """As the double takes it; with another secret it is a forgery."""
    kind = "(bytes32,int64,uint64,int32,uint64,uint64,int64,uint64)[]"
    body = encode([kind], [[message.fields() for message in messages]])
    return MAGIC + keccak(secret + body) + body
