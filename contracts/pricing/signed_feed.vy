# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Signed feed
@license AGPL-3.0-only
@notice Price messages signed by m of n. Any two quorums share at least 2m - n > f signers, an honest one among
        them, and that one signs one message per feed and slot.
@custom:security The domain is hashed at every call: a chain that splits takes no messages of the other side.
"""

from ..interfaces import IPriceOracle
from ..libraries import errors

DOMAIN_TYPE_HASH: constant(bytes32) = keccak256(
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)
NAME_HASH: constant(bytes32) = keccak256("Tidegate PriceOracle")
VERSION_HASH: constant(bytes32) = keccak256("1")
MESSAGE_TYPE_HASH: constant(bytes32) = keccak256(
    "PriceMessage(uint256 feed,uint256 slot,uint256 price,uint256 published)"
)
MAX_SIGNERS: constant(uint256) = 16
SIGNATURE: constant(uint256) = 65  # bytes: r, s, v
SEAT_BITS: constant(uint256) = 120
SEAT: constant(uint256) = 2**120 - 1
ADDRESS_REST: constant(uint256) = 160 - SEAT_BITS
# Half of the order of secp256k1: the other half holds a second signature for each.
MAX_S: constant(uint256) = (
    57_896_044_618_658_097_711_785_492_504_343_953_926_418_782_139_537_452_191_302_581_570_759_080_747_168
)

_signers: DynArray[address, MAX_SIGNERS]
_faulty: uint256
# Two signers and the threshold in a word: ascending seats of 120 bits each, the first 120 of the address, an empty
# one is zero; from bit 240 the threshold. To forge a seat takes 2**120 keys over the number of signers.
_seats: uint256[MAX_SIGNERS // 2]


@deploy
def __init__(signers: DynArray[address, MAX_SIGNERS], threshold: uint256, faulty: uint256):
    self._set_signers(signers, threshold, faulty)


@view
@external
@reentrant
def signers() -> (DynArray[address, MAX_SIGNERS], uint256, uint256):
    return self._signers, self._seats[0] >> 2 * SEAT_BITS, self._faulty


@view
@external
@reentrant
def message_hash(feed: uint256, slot: uint256, price: uint256, published: uint256) -> bytes32:
    return self._message_hash(feed, slot, price, published)


@internal
def _set_signers(signers: DynArray[address, MAX_SIGNERS], threshold: uint256, faulty: uint256):
    count: uint256 = len(signers)
    # faulty < count first: the sum below cannot overflow
    errors._require(threshold <= count and faulty < count and 2 * threshold > count + faulty, errors.OUT_OF_BOUNDS)
    last: uint256 = 0
    word: uint256 = 0
    for i: uint256 in range(MAX_SIGNERS):
        if i < count:
            seat: uint256 = convert(signers[i], uint256) >> ADDRESS_REST
            errors._require(seat > last, errors.OUT_OF_BOUNDS)
            last = seat
            word |= (seat << SEAT_BITS * (i & 1)) | (threshold << 2 * SEAT_BITS)
        if i & 1 == 1:
            self._seats[i // 2] = word
            word = 0
    self._signers = signers
    self._faulty = faulty
    log IPriceOracle.SignersSet(signers=signers, threshold=threshold, faulty=faulty)


@internal
@view
def _require_quorum(digest: bytes32, signatures: Bytes[MAX_SIGNERS * SIGNATURE]):
    """
    @notice The signers ascend as their seats do, so one walk over the seats meets each of them, and none twice.
    """
    word: uint256 = self._seats[0]
    threshold: uint256 = word >> 2 * SEAT_BITS
    errors._require(len(signatures) == threshold * SIGNATURE, errors.BAD_SIGNATURE)
    claimed: uint256 = 0  # the seat whose turn it is, zero before a signature is read
    at: uint256 = 0
    for i: uint256 in range(MAX_SIGNERS):
        if claimed == 0:
            s: uint256 = extract32(signatures, at + 32, output_type=uint256)
            errors._require(s <= MAX_S, errors.BAD_SIGNATURE)
            # The precompile takes no v but 27 and 28 and answers nothing, the zero address, to a bad signature.
            signer: address = ecrecover(
                digest,
                extract32(signatures, at + 33, output_type=uint256) & 255,
                extract32(signatures, at, output_type=uint256),
                s,
            )
            claimed = convert(signer, uint256) >> ADDRESS_REST
            # behind the last signer the seats are zero too
            errors._require(claimed != 0, errors.BAD_SIGNATURE)
        if i & 1 == 0 and i != 0:
            word = self._seats[i // 2]
        seat: uint256 = word & SEAT
        word >>= SEAT_BITS
        if seat == claimed:
            at += SIGNATURE
            if at == len(signatures):
                return
            claimed = 0
        elif seat > claimed:
            break
    errors._require(False, errors.BAD_SIGNATURE)


@internal
@view
def _message_hash(feed: uint256, slot: uint256, price: uint256, published: uint256) -> bytes32:
    domain: bytes32 = keccak256(abi_encode(DOMAIN_TYPE_HASH, NAME_HASH, VERSION_HASH, chain.id, self))
    message: bytes32 = keccak256(abi_encode(MESSAGE_TYPE_HASH, feed, slot, price, published))
    return keccak256(concat(x"1901", domain, message))
