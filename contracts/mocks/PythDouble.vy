# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Pyth double
@license AGPL-3.0-only
@notice Behaves as Pyth's contract does towards one who asks for the unique update of a time range, errors included. An
        update is `magic | seal | count | messages`, where the true one has a header, a guardians' message and Merkle
        proofs: the seal is a hash with a secret of the test's publishers, so that nobody else can make one.
@custom:kill Holds nothing of worth and is never deployed.
"""


struct Price:
    price: int64
    conf: uint64
    expo: int32
    publishTime: uint256


struct PriceFeed:
    id: bytes32
    price: Price
    emaPrice: Price


struct Message:
    id: bytes32
    price: int64
    conf: uint64
    expo: int32
    published: uint64
    previous: uint64
    ema_price: int64
    ema_conf: uint64


MAGIC: constant(Bytes[4]) = x"504e4155"
HEADER: constant(uint256) = 36  # magic and seal
MESSAGES: constant(uint256) = 8

INVALID_ARGUMENT: constant(bytes4) = 0xa9cb9e0d
INVALID_UPDATE_DATA: constant(bytes4) = 0xe69ffece
INSUFFICIENT_FEE: constant(bytes4) = 0x025dbdd4
INVALID_WORMHOLE_VAA: constant(bytes4) = 0x2acbe915
NOT_FOUND_WITHIN_RANGE: constant(bytes4) = 0x45805f5d

SECRET: immutable(bytes32)
fee: public(uint256)  # wei for each message of an update


@deploy
def __init__(secret: bytes32, fee: uint256):
    SECRET = secret
    self.fee = fee


@external
def set_fee(fee: uint256):
    self.fee = fee


@view
@external
def getUpdateFee(updateData: DynArray[Bytes[4096], 2]) -> uint256:
    total: uint256 = 0
    for update: Bytes[4096] in updateData:
        total += len(self._messages(update)) * self.fee
    return total


@payable
@external
def parsePriceFeedUpdatesUnique(
    updateData: DynArray[Bytes[4096], 2],
    priceIds: DynArray[bytes32, 2],
    minPublishTime: uint64,
    maxPublishTime: uint64,
) -> DynArray[PriceFeed, 2]:
    required: uint256 = 0
    for update: Bytes[4096] in updateData:
        required += len(self._messages(update)) * self.fee
    self._require(msg.value >= required, INSUFFICIENT_FEE)
    found: DynArray[PriceFeed, 2] = []
    for id: bytes32 in priceIds:
        found.append(empty(PriceFeed))
    for update: Bytes[4096] in updateData:
        body: Bytes[4096] = slice(update, HEADER, len(update) - HEADER)
        self._require(extract32(update, 4) == keccak256(concat(SECRET, body)), INVALID_WORMHOLE_VAA)
        messages: DynArray[Message, MESSAGES] = self._messages(update)
        for message: Message in messages:
            for k: uint256 in range(len(priceIds), bound=2):
                if priceIds[k] != message.id or found[k].id != empty(bytes32):
                    continue
                if (
                    message.published >= minPublishTime
                    and message.published <= maxPublishTime
                    and message.previous < minPublishTime
                ):
                    at: uint256 = convert(message.published, uint256)
                    found[k] = PriceFeed(
                        id=message.id,
                        price=Price(price=message.price, conf=message.conf, expo=message.expo, publishTime=at),
                        emaPrice=Price(
                            price=message.ema_price, conf=message.ema_conf, expo=message.expo, publishTime=at
                        ),
                    )
    for feed: PriceFeed in found:
        self._require(feed.id != empty(bytes32), NOT_FOUND_WITHIN_RANGE)
    return found


@internal
@view
def _messages(update: Bytes[4096]) -> DynArray[Message, MESSAGES]:
    self._require(len(update) > HEADER + 64 and slice(update, 0, 4) == MAGIC, INVALID_UPDATE_DATA)
    body: Bytes[4096] = slice(update, HEADER, len(update) - HEADER)
    size: uint256 = len(body)
    count: uint256 = extract32(body, 32, output_type=uint256)
    self._require(count <= MESSAGES and size == 64 + count * 256, INVALID_UPDATE_DATA)
    return abi_decode(body, DynArray[Message, MESSAGES])


@internal
@pure
def _require(ok: bool, error: bytes4):
    if not ok:
        raw_revert(slice(convert(error, bytes32), 0, 4))
