from tidegate.spec.rounding import WAD

PRICE = 100 * WAD


def test_has_no_price_at_first(feed):
    assert feed.latest() == (0, False)
    feed.feed = 9
    assert feed.latest() == (0, False)


def test_is_fresh_for_max_age_after_its_slot_opened(feed):
    opened = feed.now
    feed.chain.advance(3)
    feed.push(PRICE, feed.slot, feed.now)
    feed.chain.set_time(opened + 60)
    assert feed.latest() == (PRICE, True)
    feed.chain.advance(1)
    assert feed.latest() == (PRICE, False)


def test_every_second_has_one_price(priced):
    """Read before and after every push, the price of a second is the same."""
    price = PRICE
    for push in range(12):
        before = priced.latest()
        price += WAD // 10 if push % 3 else -WAD // 5
        priced.push(price, priced.slot)
        assert priced.latest() == before
        priced.chain.advance((1, 4, 7)[push % 3])
