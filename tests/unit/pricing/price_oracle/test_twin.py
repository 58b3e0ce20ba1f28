"""The contract and tidegate/spec/oracle.py accept, refuse and store the same."""

from dataclasses import replace

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tidegate.client.errors import ProtocolError
from tidegate.client.price_message import PriceMessage
from tidegate.spec import oracle as spec
from tidegate.spec.rounding import WAD

NOBODY = "0x" + "00" * 20
STEP = st.tuples(
    st.sampled_from((0, 1, 1, 2, 3, 4, 4, 5, 8, 30, 61, 200, 520)),  # seconds passed
    st.sampled_from((0, 0, 0, 1, 1, 2, 3, 9, 127, 128, 129, -1)),  # slots ago
    st.sampled_from((0, 0, 1, 3, 4, 59, 60, 61, -1)),  # published so long after the slot's start
    st.integers(-25_000, 25_000) | st.sampled_from((0, 9_999, 10_000, -10_000, 400_000)),  # ppm
    st.sampled_from((3, 3, 3, 3, 3, 2, 4)),  # signatures
    st.sampled_from(("push",) * 8 + ("store", "store", "observe", "observe", "set_source")),
    st.sampled_from((("", False), ("adapter", False), ("adapter", True))),  # the next source
)


def outcome(action, *args):
    try:
        return action(*args)
    except ProtocolError as error:
        return error.name


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=st.lists(STEP, min_size=1, max_size=25))
def test_contract_and_twin_agree(feed, relay, steps):
    chain = feed.chain
    start = chain.snapshot()
    addresses = [signer.account.address for signer in feed.signers[:4]]
    adapter = relay.address
    twin = spec.PriceOracle(4, frozenset(addresses), 3, 1)
    twin.set_feed(1, 60, 10_000)
    try:
        for passed, ago, delay, ppm, count, kind, (source, reads) in steps:
            chain.advance(passed)
            now = chain.time()
            slot = now // 4 - ago
            base = twin.feeds[1].price or 100 * WAD
            price = base + base * ppm // 10**6
            published = slot * 4 + delay
            if kind == "set_source":
                source = adapter if source else ""
                twin.set_source(1, source, reads)
                feed.oracle.transact("set_source", 1, source or NOBODY, reads, sender=feed.owner)
                continue
            if kind == "push":
                message = PriceMessage(1, slot, price, published)
                signers = [replace(signer, signed={}) for signer in feed.signers[:count]]
                expected = outcome(
                    twin.push,
                    *(1, slot, price, published, addresses[:count], now),
                )
                got = outcome(feed.send, message, feed.signatures(message, signers))
            elif kind == "store":
                expected = outcome(twin.store, 1, slot, price, published, adapter, now)
                arguments = ("store", 1, slot, price, published)
                got = outcome(relay.transact, feed.oracle, *arguments)
            else:
                expected = outcome(twin.observe, 1, price, published, adapter, now)
                arguments = ("observe", 1, price, published)
                got = outcome(relay.transact, feed.oracle, *arguments)
            if not isinstance(got, str):
                observed = bool(got.named("Observed"))
                got = observed or any(event.args.moved for event in got.named("Posted"))
            assert got == expected
            assert feed.latest() == twin.latest(1, now)
            assert feed.slot_price(slot) == twin.slot_price(1, slot)
            price, fresh = twin.latest(1, now)
            assert feed.marks() == (price, fresh, price)
            if slot > 0:
                assert feed.marks(slot) == (twin.slot_price(1, slot)[0], fresh, price)
            assert feed.oracle.call("latest_word", 1) == twin.feeds[1].word()
            held = twin.feeds[1].ring.get(slot % 128)
            assert feed.oracle.call("slot_word", 1, slot) == (held.word() if held else 0)
            assert feed.oracle.call("feed_word", 1) == 60 | 10_000 << 32
    finally:
        chain.restore(start)
