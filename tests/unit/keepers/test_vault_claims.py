from tidegate.keepers.actions import Absorb, Claim, PokeCaps, ProcessEpoch
from tidegate.keepers.vault_claims import Request, VaultState, decide

EPOCH = 3600


def state(**changes):
    base = {
        "now": 2 * EPOCH + 10,
        "epoch_seconds": EPOCH,
        "requests": [Request(5, 1)],
        "processed": frozenset(),
        "newest_slots": [2 * EPOCH, 2 * EPOCH + 4],
        "all_fresh": True,
    }
    return VaultState(**(base | changes))


def test_closed_epoch_with_requests_is_processed():
    assert decide(state()) == [ProcessEpoch(1)]


def test_open_epoch_is_not():
    assert decide(state(now=2 * EPOCH - 1)) == []


def test_price_of_before_the_close_is_not_enough():
    assert decide(state(newest_slots=[2 * EPOCH - 4, 2 * EPOCH])) == []


def test_stale_price_is_not_enough():
    assert decide(state(all_fresh=False)) == []


def test_epochs_are_processed_in_order():
    requests = [Request(5, 1), Request(6, 0), Request(7, 2)]
    assert decide(state(requests=requests)) == [ProcessEpoch(0), ProcessEpoch(1)]


def test_processed_request_is_claimed():
    assert decide(state(processed=frozenset({1}))) == [Claim(5)]


def test_booked_deficit_is_absorbed():
    assert decide(state(requests=[], booked_deficit=1)) == [Absorb()]


def test_caps_are_scaled_now_and_then():
    assert decide(state(requests=[], caps_age=59, caps_every=60)) == []
    assert decide(state(requests=[], caps_age=60, caps_every=60)) == [PokeCaps()]
