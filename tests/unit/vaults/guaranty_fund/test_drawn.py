"""GuarantyFund.drawn: what went out today, for circuit breakers."""

from tidegate.spec.fund import DAY
from tidegate.spec.rounding import WAD


def drawn(hall):
    return hall.guaranty.call("drawn")


def test_nothing_yet(hall):
    assert drawn(hall) == (0, 100_000 * WAD)


def test_deficits_and_bidders_of_the_day(hall):
    day = hall.chain.time() // DAY
    hall.booked(55_000 * WAD)
    hall.cover()
    assert drawn(hall) == (55_000 * WAD, 100_000 * WAD)
    hall.contribute("other", 2_000 * WAD)
    assert hall.pay(500 * WAD) == 500 * WAD
    assert hall.chain.time() // DAY == day
    # of what it was before the first of them
    assert drawn(hall) == (55_500 * WAD, 100_000 * WAD)
    word = hall.guaranty.call("day_word")
    assert word == 500 * WAD << 144 | 55_500 * WAD << 32 | day


def test_the_next_day_begins_anew(hall):
    hall.booked(10_000 * WAD)
    hall.cover()
    midnight = (hall.chain.time() // DAY + 1) * DAY
    hall.chain.set_time(midnight - 1)
    assert drawn(hall) == (10_000 * WAD, 100_000 * WAD)
    hall.chain.set_time(midnight)
    assert drawn(hall) == (0, 90_000 * WAD)


def test_who_leaves_draws_nothing(hall):
    hall.notice("member", WAD)
    hall.wait(14 * DAY)
    hall.leave("member")
    assert drawn(hall)[0] == 0
