"""Rounds with up to f faulty signers, in memory: never two quorums, never a price too far."""

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.prices.crew import DOMAIN, MEMORY, ONE, SLOT, TOLERANCE, Crew
from tidegate.prices.carrier import PROPOSE, SIGN, VOTE_PATH, Answer
from tidegate.prices.panel import Certificate, SignedPrice
from tidegate.prices.signer import No

PRICE = 60_000 * ONE
KINDS = ["silent", "garbage", "elsewhere", "replays", "equivocates", "agrees", "withholds", "lies"]


@pytest.fixture
def crew():
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        made = Crew(Path(folder))
        yield made
        made.close()


def fault(crew: Crew, kind: str, address: str):
    if kind == "withholds":
        return crew.agrees(address, withholds=True)
    if kind == "lies":
        return crew.says(address, 90_000 * ONE)
    return getattr(crew, kind)(address)


def is_quorum(crew: Crew, price: SignedPrice) -> bool:
    """As PriceOracle.push: exactly the threshold, ascending, each a signer's."""
    pieces = [price.signatures[at : at + 65] for at in range(0, len(price.signatures), 65)]
    signable = DOMAIN.signable(price.message)
    by = [
        number
        for piece in pieces
        for number, signer in enumerate(crew.panel.signers)
        if crew.panel.is_by(signer, signable, piece)
    ]
    return len(by) == len(pieces) == crew.panel.threshold and by == sorted(set(by))


def test_four_honest_ones_sign_the_leader_s_price_at_once(crew):
    crew.prices[crew.leader()] = PRICE + ONE
    [attempt] = crew.run()
    assert attempt.price.message.price == PRICE + ONE
    assert is_quorum(crew, attempt.price)
    assert attempt.faults == []
    assert SignedPrice.from_json(attempt.price.to_json()) == attempt.price


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("leads", [True, False])
def test_one_faulty_signer_stops_nothing(crew, kind, leads):
    address = crew.leader() if leads else crew.leader(2)
    crew.faulty[address] = fault(crew, kind, address)
    attempts = crew.run()
    assert len(attempts) <= 2
    assert is_quorum(crew, attempts[-1].price)
    assert abs(attempts[-1].price.message.price - PRICE) * 10**6 <= PRICE * TOLERANCE


def test_a_leader_at_the_edge_burns_no_slot(crew):
    # Near enough for one honest signer, too far for two: nobody signs on the strength of one vote.
    leader = crew.leader()
    others = [crew.leader(view) for view in (1, 2, 3)]
    crew.prices[others[0]] = PRICE + 30 * ONE
    crew.faulty[leader] = crew.says(leader, PRICE + 140 * ONE)
    first, second = crew.run()
    assert first.price is None
    assert [what for _, what in first.faults].count(str(No.TOO_FAR)) == 2
    assert second.price.message.price == PRICE + 30 * ONE
    signed = [crew.signers[other].store.signed(1, SLOT) for other in others]
    assert {held.bid.message for held in signed if held} == {second.price.message}


def test_a_vote_that_is_not_followed_by_a_signature_burns_no_slot(crew):
    # The quorum of votes needs the faulty one; the honest one that refused signs on its strength.
    leader = crew.leader()
    faulty, holdout = crew.leader(1), crew.leader(2)
    crew.faulty[faulty] = crew.agrees(faulty, withholds=True)
    crew.prices[holdout] = PRICE + 200 * ONE
    [attempt] = crew.run()
    assert attempt.price.message.price == PRICE
    assert is_quorum(crew, attempt.price)
    assert crew.signers[holdout].store.signed(1, SLOT).bid.message == attempt.price.message
    assert leader != holdout


def test_two_faulty_ones_are_more_than_the_panel_bears(crew):
    for view in (0, 1):
        crew.faulty[crew.leader(view)] = crew.silent(crew.leader(view))
    assert [attempt.price for attempt in crew.run(views=5)] == [None] * 5


def test_a_leader_that_signed_two_proposals_is_proved_faulty(crew):
    leader = crew.leader()
    crew.faulty[leader] = crew.equivocates(leader)
    for signer in crew.panel.signers:
        if signer != leader:
            crew.faulty[signer] = crew.silent(signer)
    crew.carrier.attempt(1, SLOT, 0)
    crew.carrier.attempt(1, SLOT, 0)
    [(signer, (first, one), (second, other))] = crew.doubles
    assert signer == leader
    assert first.view == second.view == 0
    assert first.message != second.message
    for bid, proof in ((first, one), (second, other)):
        assert crew.panel.is_by(leader, crew.panel.typed("PriceProposal", bid), proof)


def test_two_carriers_shown_different_proposals_make_one_price(crew):
    leader = crew.leader()
    crew.faulty[leader] = crew.equivocates(leader)
    other = crew.another_carrier()
    first = crew.carrier.attempt(1, SLOT, 0)
    second = other.attempt(1, SLOT, 0)
    assert first.price.message == second.price.message


def test_a_carrier_that_starts_anew_finds_what_was_signed(crew):
    stopped = crew.leader(3)
    honest = crew.honest

    def loses_signatures(address, path, body):
        return Answer(address, fault="timeout") if path == SIGN and address != stopped else None

    crew.answer = lambda a, p, b: loses_signatures(a, p, b) or honest(a, p, b)
    [first] = crew.run(views=1)
    assert first.price is None
    crew.answer = honest
    crew.carrier = crew.another_carrier()
    for address in crew.panel.signers:
        crew.prices[address] = PRICE + 10 * ONE  # the next view would propose another price
    crew.now += 3
    attempt = crew.carrier.attempt(1, SLOT, 3)
    assert attempt.price.message.price == PRICE
    assert attempt.certificate == first.certificate


def test_a_certificate_of_another_slot_is_not_carried(crew):
    [done] = crew.run(slot=SLOT)
    crew.now += 4
    shown = {"refused": "slot is signed", "certificate": done.certificate.to_json()}
    leader = crew.leader(slot=SLOT + 1)
    crew.faulty[leader] = lambda path, body: shown
    attempts = crew.run(slot=SLOT + 1)
    assert attempts[-1].price.message.slot == SLOT + 1
    assert (leader, "certificate: not of this slot, or no quorum") in attempts[0].faults


def test_what_a_faulty_signer_writes_ends_in_no_name_of_a_fault(crew):
    leader = crew.leader()
    crew.faulty[leader] = lambda path, body: {"refused": "x" * 5000}
    assert crew.run(views=1)[0].faults == [(leader, "refused")]


@pytest.mark.parametrize("skew", [-0.9, 0.9])
@pytest.mark.parametrize("place", range(4))
def test_a_clock_within_the_allowance_is_no_fault(crew, skew, place):
    crew.skews[crew.leader(place)] = skew
    crew.restart(crew.leader(place))
    [attempt] = crew.run(views=1)
    assert is_quorum(crew, attempt.price)


@pytest.mark.parametrize("skew", [-7.0, 7.0])
@pytest.mark.parametrize("place", range(4))
def test_a_clock_that_is_off_is_one_fault(crew, skew, place):
    crew.skews[crew.leader(place)] = skew
    crew.restart(crew.leader(place))
    attempts = crew.run(views=2)
    assert is_quorum(crew, attempts[-1].price)


def test_two_clocks_that_are_off_delay_a_slot_and_do_not_lose_it(crew):
    behind = [crew.leader(place) for place in (1, 2)]
    for address in behind:
        crew.skews[address] = -3.5
        crew.restart(address)
    assert [attempt.price for attempt in crew.run(views=5)] == [None] * 5
    crew.skews.clear()
    for address in behind:
        crew.restart(address)
    assert is_quorum(crew, crew.run(views=2, first=5)[-1].price)


# Any schedule


@st.composite
def panels(draw):
    count, threshold, faulty = draw(st.sampled_from([(4, 3, 1), (5, 4, 1), (7, 5, 2)]))
    kinds = draw(st.lists(st.sampled_from(KINDS), min_size=faulty, max_size=faulty))
    places = draw(st.permutations(range(count)))[:faulty]
    prices = draw(st.lists(st.integers(0, 59), min_size=count, max_size=count))
    return count, threshold, faulty, dict(zip(places, kinds, strict=True)), prices


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(panels())
def test_up_to_f_faulty_signers_cannot_stop_or_move_it(panel):
    count, threshold, faulty, kinds, prices = panel
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        crew = Crew(Path(folder), count, threshold, faulty)
        for number, address in enumerate(crew.panel.signers):
            crew.prices[address] = PRICE + prices[number] * ONE
            if number in kinds:
                crew.faulty[address] = fault(crew, kinds[number], address)
        honest = [
            crew.prices[address] for address in crew.panel.signers if address not in crew.faulty
        ]
        attempts = crew.run(views=faulty + 1)
        made = attempts[-1].price
        assert made is not None
        assert is_quorum(crew, made)
        room = TOLERANCE / 10**6
        assert min(honest) * (1 - room) <= made.message.price <= max(honest) * (1 + room)
        crew.close()


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 3))
def test_no_schedule_of_carriers_makes_two_prices(seed, carriers):
    """Messages lost at random, several carriers, one signer that votes for and signs anything."""
    chance = random.Random(seed)
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        crew = Crew(Path(folder))
        liar = chance.choice(crew.panel.signers)
        crew.faulty[liar] = crew.equivocates(liar)
        for address in crew.panel.signers:
            crew.prices[address] = PRICE + chance.randrange(60) * ONE
        reliable = crew.answer

        def lossy(address, path, body):
            if chance.random() < 0.25:
                return Answer(address, fault="timeout")
            answer = reliable(address, path, body)
            return Answer(address, fault="timeout") if chance.random() < 0.15 else answer

        crew.answer = lossy
        all_carriers = [crew.another_carrier() for _ in range(carriers)]
        found = set()
        signed: dict[str, set] = {address: set() for address in crew.panel.signers}
        for view in range(6):
            crew.now = max(crew.now, crew.panel.begins(SLOT, view))
            for carrier in chance.sample(all_carriers, carriers):
                made = carrier.attempt(1, SLOT, view)
                if made.price:
                    found.add(made.price.message)
            if chance.random() < 0.3:
                crew.restart(chance.choice(crew.panel.signers))
            for address, signer in crew.signers.items():
                held = signer.store.signed(1, SLOT)
                if held:
                    signed[address].add(held.bid.message)
        assert len(found) <= 1
        assert all(len(messages) <= 1 for messages in signed.values())
        crew.close()


def test_each_question_is_asked_once_a_view(crew):
    crew.run(views=1)
    by_path = [path for _, path in crew.asked]
    assert by_path.count(PROPOSE) == 1
    assert by_path.count(VOTE_PATH) == 3  # a quorum is enough: who is slow is not waited for
    assert by_path.count(SIGN) == 3
    assert isinstance(crew.run(slot=SLOT, views=1)[0].certificate, Certificate)
