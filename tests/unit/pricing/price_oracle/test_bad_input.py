"""One table of what a pusher may get wrong or try: the error by name, and that nothing changed.

The feed has PRICE of the slot before; the owner listed feed 2 as well. A row says how the message
and its three signatures differ from a good one of the open slot.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest

from tests.harness.reverts import reverts
from tidegate.artifacts import artifact
from tidegate.client.price_message import Domain, PriceMessage
from tidegate.spec.rounding import WAD

PRICE = 100 * WAD
MAX_PRICE = 2**90 - 1
WORD = 2**256 - 1
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
Signatures = list[bytes]


def flipped(signature: bytes) -> bytes:
    """The other valid signature of the same message by the same key, its s in the upper half."""
    s = int.from_bytes(signature[32:64], "big")
    return signature[:32] + (ORDER - s).to_bytes(32, "big") + bytes([55 - signature[64]])


def with_s(signature: bytes, s: int) -> bytes:
    return signature[:32] + s.to_bytes(32, "big") + signature[64:]


def with_r(signature: bytes, r: int) -> bytes:
    return r.to_bytes(32, "big") + signature[32:]


def with_v(signature: bytes, v: int) -> bytes:
    return signature[:64] + bytes([v])


def each(change: Callable[[bytes], bytes]) -> Callable[[Signatures], Signatures]:
    """The middle signature changed."""
    return lambda signatures: [signatures[0], change(signatures[1]), signatures[2]]


@dataclass(frozen=True)
class Row:
    """How a push differs from a good one. Slot and time are relative to the open slot's."""

    name: str
    error: str
    price: int = PRICE
    slot: int = 0
    published: int = 0
    feed: int = 1
    sign: dict[str, int] = field(default_factory=dict)  # what they signed instead
    by: tuple[int, ...] = (0, 1, 2)
    change: Callable[[Signatures], Signatures] = list
    chain_id: int = 0  # of the domain they signed for, if another
    elsewhere: bool = False  # they signed for another oracle


TABLE = [
    # prices
    Row("price zero", "BadPrice", price=0),
    Row("price one", "BadPrice", price=1),
    Row("price at its bound", "BadPrice", price=MAX_PRICE),
    Row("price above its bound", "BadPrice", price=MAX_PRICE + 1),
    Row("price of all bits", "BadPrice", price=WORD),
    Row("price a wei beyond the step up", "BadPrice", price=101 * WAD + 1),
    Row("price a wei beyond the step down", "BadPrice", price=99 * WAD - 1),
    # times
    Row("published before the slot", "BadTime", published=-1),
    Row("published at time zero", "BadTime", published=-(10**12)),
    Row("published in the future", "BadTime", published=1),
    Row("published in 2106", "BadTime", published=2**32),
    Row("published at the end of time", "BadTime", published=WORD),
    Row("slot of the future", "BadTime", slot=1, published=4),
    Row("slot of the future, published now", "BadTime", slot=1),
    Row("published too long after the slot", "BadTime", slot=-16),
    Row("slot zero", "BadTime", slot=-(10**12)),
    Row("slot of all bits", "BadTime", slot=WORD),
    Row("slot whose start wraps around to now", "BadTime", slot=2**254),
    Row("slot gone", "SlotGone", slot=-128, published=-128 * 4),
    Row("slot long gone", "SlotGone", slot=-(10**6), published=-(10**6) * 4),
    # feeds
    Row("feed not listed", "NotListed", feed=3),
    Row("feed zero", "NotListed", feed=0),
    Row("feed of all bits", "NotListed", feed=WORD),
    # what was signed
    Row("signed for another feed", "BadSignature", feed=2, sign={"feed": 1}),
    Row("signed for another slot", "BadSignature", sign={"slot": -1}),
    Row("signed for another price", "BadSignature", sign={"price": PRICE + 1}),
    Row("signed for another time", "BadSignature", sign={"published": -1}),
    Row("signed for another chain", "BadSignature", chain_id=1),
    Row("signed for another oracle", "BadSignature", elsewhere=True),
    # who signed
    Row("nobody signed", "BadSignature", by=()),
    Row("one too few", "BadSignature", by=(0, 1)),
    Row("one too many", "BadSignature", by=(0, 1, 2, 3)),
    Row("a stranger instead", "BadSignature", by=(0, 1, 4)),
    Row("only strangers", "BadSignature", by=(4, 5)),
    Row("the same one three times", "BadSignature", by=(1, 1, 1)),
    Row("the first one twice", "BadSignature", by=(0, 0, 1)),
    Row("the last one twice", "BadSignature", by=(1, 2, 2)),
    Row("out of order", "BadSignature", by=(0, 2, 1)),
    Row("in falling order", "BadSignature", by=(2, 1, 0)),
    # how they signed
    Row("a byte too short", "BadSignature", change=lambda s: [*s[:2], s[2][:64]]),
    Row("a byte too long", "BadSignature", change=lambda s: [*s, b"\0"]),
    Row("a byte shifted", "BadSignature", change=lambda s: [b"\0", *s[:2], s[2][:64]]),
    Row("zeros only", "BadSignature", change=lambda s: [bytes(195)]),
    Row("ones only", "BadSignature", change=lambda s: [b"\xff" * 195]),
    Row("of the largest length", "BadSignature", change=lambda s: [bytes(16 * 65)]),
    Row("s in the upper half", "BadSignature", change=each(flipped)),
    Row("s zero", "BadSignature", change=each(lambda s: with_s(s, 0))),
    Row("s at the half", "BadSignature", change=each(lambda s: with_s(s, ORDER // 2))),
    Row("s above the half", "BadSignature", change=each(lambda s: with_s(s, ORDER // 2 + 1))),
    Row("s at the order", "BadSignature", change=each(lambda s: with_s(s, ORDER))),
    Row("r zero", "BadSignature", change=each(lambda s: with_r(s, 0))),
    Row("r at the order", "BadSignature", change=each(lambda s: with_r(s, ORDER))),
    *(
        Row(f"v {v}", "BadSignature", change=each(lambda s, v=v: with_v(s, v)))
        for v in (0, 1, 26, 29, 255)
    ),
    Row("the other v", "BadSignature", change=each(lambda s: with_v(s, 55 - s[64]))),
]


def arguments(feed, row: Row) -> tuple[PriceMessage, Signatures]:
    slot = row.slot if row.slot > 2**128 or row.slot == 2**254 else feed.slot + row.slot
    published = row.published if row.published == WORD else feed.slot * 4 + row.published
    message = PriceMessage(row.feed, max(0, slot), row.price, max(0, published))
    relative = {"slot": message.slot, "published": message.published, "price": 0, "feed": 0}
    other = {name: relative[name] + value for name, value in row.sign.items()}
    domain = feed.domain
    if row.chain_id:
        domain = Domain(row.chain_id, feed.oracle.address)
    if row.elsewhere:
        domain = Domain(feed.chain.chain_id, feed.owner)
    by = [feed.signers[seat] for seat in row.by]
    signatures = feed.signatures(replace(message, **other), by, domain)
    return message, row.change(signatures)


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_refuses_by_name_and_changes_nothing(priced, refuses, row):
    priced.oracle.transact("set_feed", 2, 60, 10_000, sender=priced.owner)
    message, signatures = arguments(priced, row)
    refuses(row.error, priced.send, message, signatures)


def test_the_good_message_of_the_table_passes(priced):
    """Or the table would prove nothing."""
    message, signatures = arguments(priced, Row("good", ""))
    assert priced.send(message, signatures).one("Posted").args.moved


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_signers_of_zero_have_no_seat(chain, owner, keys, count):
    """A failed recovery is the zero address; empty seats behind the last signer are zero too."""
    threshold = count // 2 + 1
    addresses = [signer.account.address for signer in keys[:count]]
    oracle = chain.deploy(artifact("PriceOracle"), owner, 4, addresses, threshold, 0)
    oracle.transact("set_feed", 1, 60, 10_000, sender=owner)
    slot = chain.time() // 4
    message = PriceMessage(1, slot, PRICE, slot * 4)
    domain = Domain(chain.chain_id, oracle.address)
    # the last signers, so that an empty seat is next
    true = [replace(signer, domain=domain, signed={}).sign(message) for signer in keys[:count]]
    for junk in (bytes(65), bytes(64) + b"\x1b", b"\xff" * 32 + bytes(32) + b"\x1c"):
        for place in range(threshold):
            few = true[count - threshold + 1 :]
            joined = b"".join([*few[:place], junk, *few[place:]])
            with reverts("BadSignature"):
                oracle.transact("push", 1, slot, PRICE, slot * 4, joined)
    joined = b"".join(true[count - threshold :])
    assert oracle.transact("push", 1, slot, PRICE, slot * 4, joined).named("Posted")


# Replays and reorderings


def test_a_replay_changes_nothing(priced):
    message = priced.message(101 * WAD)
    signatures = priced.signatures(message)
    priced.send(message, signatures)
    for later in (0, 1, 4, 60, 400):
        priced.chain.advance(later)
        before = priced.words()
        assert priced.send(message, signatures).events == []
        assert priced.words() == before


def test_a_replay_after_the_ring_has_turned_is_refused(priced, refuses):
    message = priced.message(101 * WAD)
    signatures = priced.signatures(message)
    priced.send(message, signatures)
    priced.next_slot(128)
    priced.push(PRICE)
    refuses("SlotGone", priced.send, message, signatures)


@pytest.mark.parametrize(
    "order", [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
)
def test_in_whatever_order_slots_end_the_same(priced, order):
    """Three slots within the guard of one another, sent in any order."""
    first = priced.slot
    messages = [
        priced.message(PRICE + change * WAD // 10, first + number, (first + number) * 4)
        for number, change in enumerate((5, -4, 3))
    ]
    priced.next_slot(2)
    for number in order:
        priced.send(messages[number])
    assert [priced.slot_price(first + number)[0] for number in range(3)] == [
        message.price for message in messages
    ]
    priced.chain.advance(1)
    assert priced.latest() == (messages[2].price, True)
