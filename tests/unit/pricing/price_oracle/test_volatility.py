from tidegate.spec.rounding import WAD

PRICE = 100 * WAD


def volatility(feed):
    return feed.oracle.call("volatility", 1)


def test_is_zero_until_the_second_price(feed):
    assert volatility(feed) == 0
    feed.push(PRICE)
    assert volatility(feed) == 0


def test_is_a_mean_of_returns_with_weight_one_eighth(priced):
    priced.push(101 * WAD)  # 1 %, 1000 units of 10 ppm
    assert volatility(priced) == 1250
    priced.next_slot()
    priced.push(100 * WAD)  # 990 units
    assert volatility(priced) == 2330  # (7 * 125 + 990) / 8 = 233.1
    priced.next_slot()
    priced.push(100 * WAD)
    assert volatility(priced) == 2040  # 203.9 to the nearest


def test_moves_only_with_the_price_in_force(priced):
    slot = priced.slot
    priced.next_slot()
    priced.push(101 * WAD)
    assert volatility(priced) == 1250
    priced.push(PRICE + 1, slot)
    assert volatility(priced) == 1250


def test_saturates(priced):
    priced.next_slot(99)
    price = PRICE
    for _ in range(60):
        price = price * 10 if price == PRICE else PRICE
        priced.push(price)
        priced.next_slot(100)
    assert volatility(priced) == (4095 - 3) * 10  # 4 below the return is where rounding stops


def test_forgets(priced):
    priced.push(101 * WAD)
    for _ in range(60):
        priced.next_slot()
        priced.push(101 * WAD)
    assert volatility(priced) == 4 * 10
