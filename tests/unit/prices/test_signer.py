"""What one signer proposes, votes for and signs, and what its store keeps."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import pytest
from eth_account import Account

from tests.unit.prices.crew import DOMAIN, MEMORY, NOW, ONE, OTHER_DOMAIN, SLOT, Crew
from tidegate.artifacts import ROOT
from tidegate.client.price_message import PriceMessage
from tidegate.prices.panel import PROPOSAL, VOTE, Bid, Certificate, Panel
from tidegate.prices.signer import No, Refusal
from tidegate.prices.store import Store, StoreError

PRICE = 60_000 * ONE


@pytest.fixture
def crew():
    with tempfile.TemporaryDirectory(dir=MEMORY) as folder:
        made = Crew(Path(folder))
        yield made
        made.close()


def bid_of(
    price: int = PRICE, view: int = 0, slot: int = SLOT, published: int | None = None
) -> Bid:
    return Bid(view, PriceMessage(1, slot, price, slot * 4 if published is None else published))


def proposal(crew: Crew, bid: Bid) -> tuple[Bid, bytes]:
    return bid, bytes.fromhex(crew.sign_as(crew.panel.leader(bid.slot, bid.view), PROPOSAL, bid))


def certificate(crew: Crew, bid: Bid, voters: int = 3) -> Certificate:
    votes = [
        (address, bytes.fromhex(crew.sign_as(address, VOTE, bid)))
        for address in crew.panel.signers[:voters]
    ]
    return Certificate(bid, tuple(votes))


def refused(ask, *arguments) -> No:
    with pytest.raises(Refusal) as refusal:
        ask(*arguments)
    return refusal.value.reason


def follower(crew: Crew, view: int = 0):
    return next(s for a, s in crew.signers.items() if a != crew.panel.leader(SLOT, view))


# Proposing


def test_the_leader_proposes_its_own_price_and_nobody_else_does(crew):
    leader = crew.signers[crew.leader()]
    bid, signature = leader.propose(1, SLOT, 0)
    assert bid == bid_of()
    assert crew.panel.is_by(crew.leader(), crew.panel.typed(PROPOSAL, bid), signature)
    assert refused(follower(crew).propose, 1, SLOT, 0) == No.NOT_LEADER


def test_the_second_proposal_of_a_view_is_the_first_one(crew):
    leader = crew.signers[crew.leader()]
    first = leader.propose(1, SLOT, 0)
    crew.prices[crew.leader()] = 61_000 * ONE
    assert leader.propose(1, SLOT, 0) == first
    assert crew.restart(crew.leader()).propose(1, SLOT, 0) == first


def test_leaders_take_turns(crew):
    leaders = [crew.panel.leader(SLOT, view) for view in range(4)]
    assert sorted(leaders) == sorted(crew.panel.signers)
    assert crew.panel.leader(SLOT + 1, 0) == leaders[1]


def test_it_is_too_early_before_slot_and_view(crew):
    later = crew.panel.leader(SLOT + 2, 0)
    assert refused(crew.signers[later].propose, 1, SLOT + 2, 0) == No.TOO_EARLY
    later = crew.panel.leader(SLOT, 3)
    assert refused(crew.signers[later].propose, 1, SLOT, 3) == No.TOO_EARLY


def test_without_sources_nothing_is_proposed_or_voted(crew):
    crew.prices = dict.fromkeys(crew.panel.signers)
    assert refused(crew.signers[crew.leader()].propose, 1, SLOT, 0) == No.NO_PRICE
    assert refused(follower(crew).vote, *proposal(crew, bid_of())) == No.NO_PRICE


def test_a_feed_that_it_does_not_price(crew):
    assert refused(crew.signers[crew.leader()].propose, 3, SLOT, 0) == No.UNKNOWN_FEED


# Voting


@pytest.mark.parametrize(
    ("price", "ok"),
    [
        (60_120 * ONE, True),
        (59_880 * ONE, True),
        (60_120 * ONE + 1, False),
        (59_880 * ONE - 1, False),
    ],
)
def test_a_vote_is_for_what_is_near_the_own_price(crew, price, ok):
    bid, signature = proposal(crew, bid_of(price))
    voter = follower(crew)
    if ok:
        vote = voter.vote(bid, signature)
        assert crew.panel.is_by(voter.account.address, crew.panel.typed(VOTE, bid), vote)
    else:
        assert refused(voter.vote, bid, signature) == No.TOO_FAR


def test_one_vote_a_view_and_the_same_again(crew):
    voter = follower(crew)
    first = voter.vote(*proposal(crew, bid_of()))
    assert refused(voter.vote, *proposal(crew, bid_of(PRICE + 1))) == No.ANOTHER_VOTE
    assert voter.vote(*proposal(crew, bid_of())) == first
    voter = crew.restart(voter.account.address)
    assert refused(voter.vote, *proposal(crew, bid_of(PRICE + 1))) == No.ANOTHER_VOTE
    assert voter.vote(*proposal(crew, bid_of())) == first


def test_the_next_view_may_be_another_price_but_never_an_earlier_view(crew):
    crew.now += 2
    voter = follower(crew)
    voter.vote(*proposal(crew, bid_of(PRICE + 1, view=1)))
    assert refused(voter.vote, *proposal(crew, bid_of())) == No.LATER_VIEW


def test_only_the_leader_of_the_view_is_heard(crew):
    bid = bid_of()
    other = follower(crew).account.address
    forged = bytes.fromhex(crew.sign_as(other, PROPOSAL, bid))
    assert refused(follower(crew).vote, bid, forged) == No.BAD_SIGNATURE
    panel = replace(crew.panel, domain=OTHER_DOMAIN)
    elsewhere = bytes.fromhex(crew.sign_as(crew.leader(), PROPOSAL, bid, panel))
    assert refused(follower(crew).vote, bid, elsewhere) == No.BAD_SIGNATURE
    as_vote = bytes.fromhex(crew.sign_as(crew.leader(), VOTE, bid))
    assert refused(follower(crew).vote, bid, as_vote) == No.BAD_SIGNATURE


@pytest.mark.parametrize(("published", "ok"), [(NOW - 1, False), (NOW + 2, True), (NOW + 3, False)])
def test_published_lies_between_the_start_and_now(crew, published, ok):
    # one second after the start by the signer's clock, one second of skew allowed
    bid, signature = proposal(crew, bid_of(published=published))
    if ok:
        follower(crew).vote(bid, signature)
    else:
        assert refused(follower(crew).vote, bid, signature) == No.BAD_TIME
        assert refused(follower(crew).sign, certificate(crew, bid)) == No.BAD_TIME


# Signing


def test_what_a_quorum_voted_for_is_signed_even_by_who_would_not_have(crew):
    holdout = crew.signers[crew.panel.signers[3]]
    crew.prices[crew.panel.signers[3]] = 70_000 * ONE
    proof = certificate(crew, bid_of())
    signature = holdout.sign(proof)
    signable = DOMAIN.signable(proof.bid.message)
    assert Account.recover_message(signable, signature=signature) == holdout.account.address
    crew.prices[crew.panel.signers[3]] = None
    assert holdout.sign(proof) == signature


def test_no_second_message_for_a_slot(crew):
    signer = follower(crew)
    proof = certificate(crew, bid_of())
    first = signer.sign(proof)
    crew.now += 5
    for other in (bid_of(PRICE + 1, 1), bid_of(published=NOW + 1), bid_of(PRICE - 1, 3)):
        with pytest.raises(Refusal) as refusal:
            signer.sign(certificate(crew, other))
        assert (refusal.value.reason, refusal.value.certificate) == (No.SIGNED, proof)
    # the same message by the votes of another view is the same message
    assert signer.sign(certificate(crew, bid_of(view=2))) == first
    assert crew.restart(signer.account.address).sign(proof) == first


def test_who_has_signed_shows_why_instead_of_voting(crew):
    proof = certificate(crew, bid_of())
    for signer in crew.signers.values():
        signer.sign(proof)
    crew.now += 1
    leader = crew.signers[crew.leader(1)]
    for ask, arguments in (
        (leader.propose, (1, SLOT, 1)),
        (follower(crew, 1).vote, proposal(crew, bid_of(view=1))),
    ):
        with pytest.raises(Refusal) as refusal:
            ask(*arguments)
        assert refusal.value.certificate == proof


def test_votes_that_are_no_quorum(crew):
    signer = follower(crew)
    bid = bid_of()
    full = certificate(crew, bid)
    two = Certificate(bid, full.votes[:2])
    twice = Certificate(bid, (*full.votes[:2], full.votes[1]))
    crossed = Certificate(bid, (*full.votes[:2], (full.votes[2][0], full.votes[1][1])))
    of_another = Certificate(bid_of(PRICE + 1), full.votes)
    of_another_view = Certificate(bid_of(view=1), full.votes)
    panel = replace(crew.panel, domain=OTHER_DOMAIN)
    elsewhere = Certificate(
        bid, tuple((a, bytes.fromhex(crew.sign_as(a, VOTE, bid, panel))) for a, _ in full.votes)
    )
    crew.now += 1
    for wrong in (two, twice, crossed, of_another, of_another_view, elsewhere):
        assert refused(signer.sign, wrong) == No.NO_QUORUM
    # a refusal is not remembered as a word
    assert signer.store.signed(1, SLOT) is None


def test_a_signature_in_its_other_form_is_none(crew):
    order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
    bid = bid_of()
    good = bytes.fromhex(crew.sign_as(crew.leader(), PROPOSAL, bid))
    flipped = (order - int.from_bytes(good[32:64], "big")).to_bytes(32, "big")
    other = good[:32] + flipped + bytes([55 - good[64]])
    signable = crew.panel.typed(PROPOSAL, bid)
    assert Account.recover_message(signable, signature=other) == crew.leader()
    assert not crew.panel.is_by(crew.leader(), signable, other)
    assert not crew.panel.is_by(crew.leader(), signable, good[:64] + bytes([good[64] - 27]))
    assert not crew.panel.is_by(crew.leader(), signable, b"\0" * 65)
    assert crew.panel.is_by(crew.leader(), signable, good)


# Old slots, new stores


def test_a_slot_behind_the_ring_is_too_old(crew):
    signer = follower(crew)
    signer.sign(certificate(crew, bid_of()))
    crew.now += 128 * 4
    assert refused(signer.sign, certificate(crew, bid_of(slot=SLOT))) == No.TOO_OLD
    slot = SLOT + 1
    signer.sign(certificate(crew, bid_of(slot=slot)))


def test_a_new_store_signs_only_what_opens_after_it_was_made(crew):
    address = crew.panel.signers[0]
    crew.signers[address].store.close()
    (crew.folder / f"{address}.db").unlink()
    crew.now = NOW + 2.0
    crew.signers[address] = crew.start(address)
    # it may have signed this one before its file was lost
    assert refused(crew.signers[address].sign, certificate(crew, bid_of())) == No.TOO_OLD
    crew.now += 4
    crew.signers[address].sign(certificate(crew, bid_of(slot=SLOT + 1)))


def test_what_is_long_past_is_forgotten_and_still_refused(crew):
    signer = follower(crew)
    for slot in range(SLOT, SLOT + 521, 130):
        assert signer.store.newest(1) < slot
        crew.now = float(slot * 4 + 1)
        signer.sign(certificate(crew, bid_of(slot=slot)))
    assert signer.store.signed(1, SLOT) is None
    assert refused(signer.sign, certificate(crew, bid_of(PRICE + 1))) == No.TOO_OLD


def test_a_store_has_one_process_and_one_identity(crew):
    folder = crew.folder
    one, other = crew.panel.signers[:2]
    with pytest.raises(StoreError, match="in use: a signer of this key runs already"):
        Store(folder / f"{one}.db", one, DOMAIN, NOW)
    crew.signers[one].store.close()
    with pytest.raises(StoreError, match=f"is of {one} for"):
        Store(folder / f"{one}.db", other, DOMAIN, NOW)
    with pytest.raises(StoreError, match="on chain 31337"):
        Store(folder / f"{one}.db", one, OTHER_DOMAIN, NOW)
    (folder / "noise.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StoreError, match="is damaged"):
        Store(folder / "noise.db", one, DOMAIN, NOW)


KILLED = """
import sys, time
from pathlib import Path
from tests.unit.prices.crew import Crew
from tests.unit.prices.test_signer import bid_of, certificate

folder, marker = map(Path, sys.argv[1:])
crew = Crew(folder)
signer = crew.signers[crew.panel.signers[0]]

class Stuck:
    '''Between the write and the answer: the key is asked, and never answers.'''
    address = signer.account.address
    def sign_message(self, signable):
        marker.write_text("written")
        time.sleep(600)

proof = certificate(crew, bid_of())
signer.account = Stuck()
signer.sign(proof)
"""


def test_killed_between_the_write_and_the_answer_it_signs_no_other(tmp_path):
    marker = tmp_path / "marker"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path), str(marker)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    try:
        deadline = time.monotonic() + 60
        while not marker.exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        os.kill(process.pid, signal.SIGKILL)
    finally:
        process.kill()
        process.wait()
    crew = Crew(tmp_path)
    signer = crew.signers[crew.panel.signers[0]]
    proof = certificate(crew, bid_of())
    with pytest.raises(Refusal) as refusal:
        signer.sign(certificate(crew, bid_of(PRICE + 1)))
    assert (refusal.value.reason, refusal.value.certificate) == (No.SIGNED, proof)
    signable = DOMAIN.signable(proof.bid.message)
    found = Account.recover_message(signable, signature=signer.sign(proof))
    assert found == signer.account.address
    crew.close()


# Clocks


def test_a_clock_that_was_set_signs_nothing_for_a_while(crew):
    signer = follower(crew)
    wall = [crew.now]
    signer.clock._wall = lambda: wall[0]
    signer.clock._monotonic = lambda: crew.now
    signer.clock.look()
    wall[0] += 30
    for ask, arguments in (
        (signer.vote, proposal(crew, bid_of())),
        (signer.sign, (certificate(crew, bid_of()),)),
        (signer.propose, (1, SLOT, 0)),
    ):
        assert refused(ask, *arguments) == No.CLOCK
    wall[0] -= 30
    signer.clock.look()
    crew.now += 11
    wall[0] += 11
    signer.vote(*proposal(crew, bid_of()))


def test_a_panel_whose_faulty_ones_decide_is_none():
    signers = tuple(f"0x{number:040x}" for number in range(10**15, 4 * 10**15, 10**15))
    fields = {"domain": DOMAIN, "slot_seconds": 4}
    with pytest.raises(ValueError, match="share nobody honest"):
        Panel.of(signers, threshold=2, faulty=1, **fields)
    with pytest.raises(ValueError, match="could keep a quorum from forming"):
        Panel.of(signers, threshold=3, faulty=1, **fields)
    with pytest.raises(ValueError, match="all different"):
        Panel.of((*signers, signers[0]), threshold=3, faulty=1, **fields)
    Panel.of(signers, threshold=2, faulty=0, **fields)
