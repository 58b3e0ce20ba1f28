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
# Half of the order of secp256k1: the other half holds a second signature for each.
MAX_S: constant(uint256) = (
    57_896_044_618_658_097_711_785_492_504_343_953_926_418_782_139_537_452_191_302_581_570_759_080_747_168
)

_signers: DynArray[address, MAX_SIGNERS]
_faulty: uint256
_threshold: HashMap[address, uint256]  # by signer, so that membership and threshold are one read


@deploy
def __init__(signers: DynArray[address, MAX_SIGNERS], threshold: uint256, faulty: uint256):
    self._set_signers(signers, threshold, faulty)


@view
@external
@reentrant
def signers() -> (DynArray[address, MAX_SIGNERS], uint256, uint256):
    return self._signers, self._threshold[self._signers[0]], self._faulty


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
    for signer: address in self._signers:
        self._threshold[signer] = 0
    for signer: address in signers:
        errors._require(signer != empty(address) and self._threshold[signer] == 0, errors.OUT_OF_BOUNDS)
        self._threshold[signer] = threshold
    self._signers = signers
    self._faulty = faulty
    log IPriceOracle.SignersSet(signers=signers, threshold=threshold, faulty=faulty)


@internal
@view
def _check(
    feed: uint256,
    slot: uint256,
    price: uint256,
    published: uint256,
    signatures: DynArray[Bytes[65], MAX_SIGNERS],
):
    digest: bytes32 = self._message_hash(feed, slot, price, published)
    last: uint256 = 0
    threshold: uint256 = 0
    for signature: Bytes[65] in signatures:
        errors._require(len(signature) == 65, errors.BAD_SIGNATURE)
        s: uint256 = extract32(signature, 32, output_type=uint256)
        # The precompile takes no v but 27 and 28 and answers nothing, the zero address, to a bad signature.
        signer: address = ecrecover(
            digest,
            convert(slice(signature, 64, 1), uint256),
            extract32(signature, 0, output_type=uint256),
            s,
        )
        number: uint256 = convert(signer, uint256)
        threshold = self._threshold[signer]
        errors._require(s <= MAX_S and number > last and threshold != 0, errors.BAD_SIGNATURE)
        last = number
    # Zero without any signature: no signer's word was read.
    errors._require(threshold != 0 and len(signatures) == threshold, errors.BAD_SIGNATURE)


@internal
@view
def _message_hash(feed: uint256, slot: uint256, price: uint256, published: uint256) -> bytes32:
    domain: bytes32 = keccak256(abi_encode(DOMAIN_TYPE_HASH, NAME_HASH, VERSION_HASH, chain.id, self))
    message: bytes32 = keccak256(abi_encode(MESSAGE_TYPE_HASH, feed, slot, price, published))
    return keccak256(concat(x"1901", domain, message))
