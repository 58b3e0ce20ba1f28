from hypothesis import given
from hypothesis import strategies as st

from tidegate.keepers.actions import Push
from tidegate.keepers.price_pusher import Moment, Target, decide, walk
from tidegate.spec.oracle import within_step

WAD = 10**18


def target(**changes):
    base = {
        "feed": 1,
        "price": 100 * WAD,
        "slot": 1010,
        "last_price": 100 * WAD,
        "last_slot": 1000,
        "max_step": 10_000,
        "longest_move": 20_000,
    }
    return Target(**(base | changes))


def test_first_price_of_a_feed_is_one_push():
    assert walk(target(last_price=0)) == [(1010, 100 * WAD)]


def test_small_move_is_one_push():
    assert walk(target(price=101 * WAD)) == [(1010, 101 * WAD)]


def test_long_move_is_walked_in_even_steps():
    assert walk(target(price=94 * WAD)) == [
        (1003, 98 * WAD),
        (1006, 96 * WAD),
        (1010, 94 * WAD),
    ]


def test_jump_is_not_walked_where_the_guard_lets_it_pass():
    assert walk(target(price=91 * WAD, longest_move=0)) == [(1010, 91 * WAD)]


def test_what_the_guard_holds_back_follows_slot_by_slot():
    made = walk(target(price=80 * WAD, longest_move=0))
    assert made[0] == (1010, 90 * WAD)
    assert [slot for slot, _ in made] == list(range(1010, 1010 + len(made)))
    assert made[-1][1] == 80 * WAD


def test_slot_behind_the_last_one_is_not_pushed():
    assert walk(target(slot=999)) == []


@given(
    price=st.integers(40 * WAD, 200 * WAD),
    room=st.integers(1, 40),
    max_step=st.sampled_from([500, 5_000, 20_000]),
    longest=st.sampled_from([0, 10_000, 50_000]),
)
def test_no_wick_is_hidden_and_no_push_refused(price, room, max_step, longest):
    one = target(price=price, slot=1000 + room, max_step=max_step, longest_move=longest)
    made = walk(one)
    assert made[-1][1] == price
    slot, before = one.last_slot, one.last_price
    for at, level in made:
        assert at > slot
        assert within_step(before, level, at - slot, max_step)
        slot, before = at, level


def test_decide_groups_the_feeds_by_slot():
    moments = decide([target(price=96 * WAD), target(feed=2, price=100 * WAD)], slot_seconds=4)
    assert moments == [
        Moment(1005, (Push(1, 1005, 98 * WAD, 4020),)),
        Moment(1010, (Push(1, 1010, 96 * WAD, 4040), Push(2, 1010, 100 * WAD, 4040))),
    ]
