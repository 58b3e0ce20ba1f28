# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Orders
@license AGPL-3.0-only
@notice What an order is (its EIP-712 hash) and where it stands (its word). An account has 256 words, the low byte of
        the nonce says which; a word in use is never zero again, so the next order in it costs less.

        96..255  hash       bytes20  high 160 bits of the order's hash
        40..95   stake      uint56   1e-6 collateral: what the exchange holds in escrow for this place
        8..39    slot       uint32   waiting: fills here; resting: this or a later one may wake it
        0..7     state      uint8    0 unused, 1 resting, 2 waiting for its slot, 3 ended

        The stake outlives its order: the next one in this place stands on it.
@custom:security The domain goes with the chain's id at every call: a chain that splits takes no orders of the other
                 side.
"""

from ..interfaces import IExchange
from ..libraries import rounding
from ..libraries import terms

DOMAIN_TYPE_HASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME_HASH: constant(bytes32) = keccak256("Tidegate Exchange")
VERSION_HASH: constant(bytes32) = keccak256("1")
ORDER_TYPE_HASH: constant(bytes32) = keccak256(
    "Order(uint256 account,uint256 instrument,int256 size,uint256 limit,uint256 trigger,uint256 trigger_price,"
    "uint256 trail,bool resting,bool reduce_only,uint256 expiry,uint256 slot,uint256 keeper_fee,uint256 nonce,"
    "uint256 group)"
)

RESTING: constant(uint256) = 1
WAITING: constant(uint256) = 2
ENDED: constant(uint256) = 3  # the bits of both

WAD: constant(uint256) = 10**18
PPM: constant(uint256) = 10**6
MICRO: constant(uint256) = 10**12
MAX_SIZE: constant(int256) = 2**96 - 1
MAX_LIMIT: constant(uint256) = 2**96 - 1
MAX_KEEPER_FEES: constant(uint256) = 100  # of the least: a trading key pays keepers, it does not withdraw by them
MAX_STAKE: constant(uint256) = 2**56 - 1  # 1e-6 collateral

CHAIN: immutable(uint256)
DOMAIN: immutable(bytes32)  # on CHAIN

_words: HashMap[uint256, HashMap[uint256, uint256]]


@deploy
def __init__():
    CHAIN = chain.id
    DOMAIN = self._domain()


@view
@external
@reentrant
def order_hash(order: IExchange.Order) -> bytes32:
    return self._hash(order)


@view
@external
@reentrant
def order_word(account: uint256, place: uint256) -> uint256:
    return self._words[account][place]


@view
@internal
def _domain() -> bytes32:
    return keccak256(abi_encode(DOMAIN_TYPE_HASH, NAME_HASH, VERSION_HASH, chain.id, self))


@view
@internal
def _hash(order: IExchange.Order) -> bytes32:
    domain: bytes32 = DOMAIN if chain.id == CHAIN else self._domain()
    return keccak256(concat(x"1901", domain, keccak256(abi_encode(ORDER_TYPE_HASH, order))))


@view
@internal
def _word(account: uint256, nonce: uint256) -> uint256:
    return self._words[account][nonce & 255]


@internal
def _clear_stake(account: uint256, nonce: uint256, word: uint256):
    """
    @param word As it stands.
    """
    self._words[account][nonce & 255] = word & ~(MAX_STAKE << 40)


@internal
def _store(account: uint256, nonce: uint256, digest: bytes32, stake: uint256, slot: uint256, state: uint256):
    """
    @param stake 1e-6 collateral, at most MAX_STAKE.
    """
    self._words[account][nonce & 255] = ((convert(digest, uint256) >> 96 << 96) | (stake << 40) | (slot << 8) | state)


@internal
def _finish(account: uint256, nonce: uint256, word: uint256):
    """
    @param word As it stands, of an open order: it ends with all else left as it is.
    """
    self._words[account][nonce & 255] = word | ENDED


@pure
@internal
def _is_of(word: uint256, digest: bytes32) -> bool:
    return word >> 96 == convert(digest, uint256) >> 96


@pure
@internal
def _stake(word: uint256) -> uint256:
    """
    @return 1e-6 collateral.
    """
    return (word >> 40) & MAX_STAKE


@pure
@internal
def _slot(word: uint256) -> uint256:
    return (word >> 8) & (2**32 - 1)


@pure
@internal
def _state(word: uint256) -> uint256:
    return word & 255


@pure
@internal
def _is_in_range(order: IExchange.Order, min_keeper_fee: uint256) -> bool:
    """
    @return Whether size and keeper fee lie within their bounds.
    """
    return (
        order.size != 0
        and order.size <= MAX_SIZE
        and order.size >= -MAX_SIZE
        and order.keeper_fee >= min_keeper_fee
        and order.keeper_fee <= min_keeper_fee * MAX_KEEPER_FEES
    )


@pure
@internal
def _is_valid(order: IExchange.Order, min_keeper_fee: uint256) -> bool:
    """
    @return Whether every field has a meaning, by now.
    """
    return (
        order.trigger | order.trigger_price | order.trail | order.slot | order.group == 0
        and order.limit <= MAX_LIMIT
        and (order.limit != 0 or order.size < 0)
        and self._is_in_range(order, min_keeper_fee)
    )


@pure
@internal
def _breaks_limit(size: int256, limit: uint256, price: uint256) -> bool:
    if size > 0:
        return price > limit
    return price < limit


@pure
@internal
def _lapse_fee_up(size: int256, price: uint256, ratio: uint256) -> uint256:
    """
    @param ratio ppm of notional. @return 1e-6 collateral.
    """
    # widths: 96 bits of size, 90 of price, 14 of the ratio
    share: uint256 = unsafe_mul(unsafe_mul(self._magnitude(size), price), ratio)
    return unsafe_div(unsafe_add(share, WAD * PPM * MICRO - 1), WAD * PPM * MICRO)


@pure
@internal
def _taker_fee_up(size: int256, price: uint256, trade: uint256) -> uint256:
    """
    @param trade The instrument's trade word. @return 1e-18 collateral. A price beyond 90 bits gives nonsense here, and
            the clearing house refuses it.
    """
    share: uint256 = unsafe_mul(
        unsafe_mul(self._magnitude(size), price), convert(convert(terms._taker_fee(trade), bytes32), uint256)
    )
    return unsafe_div(unsafe_add(share, WAD * PPM - 1), WAD * PPM)


@pure
@internal
def _magnitude(size: int256) -> uint256:
    return convert(convert(rounding._abs(size), bytes32), uint256)
