"""A panel of signers in one process, honest and faulty, and a transport between them."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from tidegate.client.price_message import Domain, PriceMessage
from tidegate.local_accounts import local_account
from tidegate.prices.carrier import PROPOSE, SIGN, VOTE_PATH, Answer, Carrier
from tidegate.prices.clock import Clock
from tidegate.prices.panel import PROPOSAL, VOTE, Bid, Certificate, Malformed, Panel, signature_of
from tidegate.prices.signer import Refusal, Sample, Signer
from tidegate.prices.store import Store

NOW = 1_800_000_000
SLOT = NOW // 4
ONE = 10**18
TOLERANCE = 2_000  # ppm
DOMAIN = Domain(31337, "0x5FbDB2315678afecb367f032d93F642f64180aa3")
OTHER_DOMAIN = Domain(1, DOMAIN.oracle)
# thousands of commits to the disk take minutes, and no power cut is survived in these tests
MEMORY = "/dev/shm" if Path("/dev/shm").is_dir() else None


class Crew:
    """n signers with threshold and faulty as the oracle has them; time is the test's."""

    def __init__(
        self, folder: Path, count: int = 4, threshold: int = 3, faulty: int = 1, settle: float = 1.0
    ) -> None:
        self.folder = folder
        self.now = float(NOW - 100)
        self.skews: dict[str, float] = {}
        accounts = [local_account(f"signer {number}") for number in range(count)]
        self.panel = Panel.of(
            tuple(account.address for account in accounts),
            domain=DOMAIN,
            threshold=threshold,
            faulty=faulty,
            slot_seconds=4,
            settle=settle,
        )
        self.accounts = {account.address: account for account in accounts}
        self.prices: dict[str, int | None] = dict.fromkeys(self.panel.signers, 60_000 * ONE)
        self.signers = {address: self.start(address) for address in self.panel.signers}
        self.now = float(NOW) + settle
        self.faulty: dict[str, Callable[[str, Any], Any]] = {}
        self.doubles: list[tuple[str, tuple[Bid, bytes], tuple[Bid, bytes]]] = []
        self.asked: list[tuple[str, str]] = []
        self.carrier = self.another_carrier()

    def another_carrier(self) -> Carrier:
        return Carrier(self.panel, self.carry, lambda *proof: self.doubles.append(proof))

    def start(self, address: str) -> Signer:
        """A signer's process on its store, as it is on disk."""
        time = lambda: self.now + self.skews.get(address, 0.0)  # noqa: E731
        store = Store(self.folder / f"{address}.db", address, DOMAIN, time())
        clock = Clock(time, time)
        return Signer(
            self.accounts[address],
            self.panel,
            store,
            lambda feed, slot: self.own(address, feed, slot),
            {1: TOLERANCE, 2: TOLERANCE},
            clock,
        )

    def own(self, address: str, feed: int, slot: int) -> Sample | None:
        price = self.prices[address]
        opened = self.panel.opens(slot)
        return None if price is None else Sample(feed, price, opened, opened)

    def restart(self, address: str) -> Signer:
        self.signers[address].store.close()
        self.signers[address] = self.start(address)
        return self.signers[address]

    def close(self) -> None:
        for signer in self.signers.values():
            signer.store.close()

    # Transport

    def carry(self, path: str, bodies: Mapping[str, Any]) -> Iterator[Answer]:
        for address, body in bodies.items():
            self.asked.append((address, path))
            answer = self.answer(address, path, body)
            yield answer if isinstance(answer, Answer) else Answer(address, answer)

    def answer(self, address: str, path: str, body: Any) -> Any:
        if address in self.faulty:
            return self.faulty[address](path, body)
        return self.honest(address, path, body)

    def honest(self, address: str, path: str, body: Any) -> Any:
        signer = self.signers[address]
        try:
            if path == PROPOSE:
                bid, signature = signer.propose(body["feed"], body["slot"], body["view"])
                return {"bid": bid.to_json(), "signature": signature.hex()}
            if path == VOTE_PATH:
                proof = signature_of(body["signature"])
                return {"signature": signer.vote(Bid.from_json(body["bid"]), proof).hex()}
            return {"signature": signer.sign(Certificate.from_json(body)).hex()}
        except Refusal as refusal:
            return refusal.to_json()
        except Malformed as error:
            return Answer(address, fault=f"HTTP 400 {error}")

    # Faults: what a signer does instead

    def sign_as(self, address: str, kind: str, bid: Bid, panel: Panel | None = None) -> str:
        panel = panel or self.panel
        signable = (
            panel.domain.signable(bid.message) if kind == "message" else panel.typed(kind, bid)
        )
        return bytes(self.accounts[address].sign_message(signable).signature).hex()

    def says(self, address: str, price: int, published: int | None = None) -> Callable:
        """Proposes any price, votes for everything, and signs everything it is asked to."""

        def answer(path: str, body: Any) -> Any:
            if path == PROPOSE:
                at = self.panel.opens(body["slot"]) if published is None else published
                bid = Bid(body["view"], PriceMessage(body["feed"], body["slot"], price, at))
                return self._proposal(address, bid)
            return self.agrees(address)(path, body)

        return answer

    def agrees(self, address: str, withholds: bool = False) -> Callable:
        """Votes for everything; `withholds`: signs nothing."""

        def answer(path: str, body: Any) -> Any:
            if path == PROPOSE or (path == SIGN and withholds):
                return Answer(address, fault="timeout")
            if path == VOTE_PATH:
                return {"signature": self.sign_as(address, VOTE, Bid.from_json(body["bid"]))}
            bid = Certificate.from_json(body).bid
            return {"signature": self.sign_as(address, "message", bid)}

        return answer

    def silent(self, address: str) -> Callable:
        return lambda path, body: Answer(address, fault="timeout")

    def garbage(self, address: str) -> Callable:
        noise = [None, 5, "x", {}, {"signature": "00"}, {"bid": {}, "signature": "ff" * 65}]
        noise += [{"signature": "ff" * 65}, {"refused": {"a": 1}}, {"refused": "x" * 10_000}]
        noise += [{"refused": "slot is signed", "certificate": {"bid": 1, "votes": 2}}]
        turns = iter(noise * 1000)
        return lambda path, body: next(turns)

    def elsewhere(self, address: str) -> Callable:
        """Signs everything in another chain's domain."""
        panel = replace(self.panel, domain=OTHER_DOMAIN)

        def answer(path: str, body: Any) -> Any:
            if path == PROPOSE:
                at = self.panel.opens(body["slot"])
                bid = Bid(body["view"], PriceMessage(body["feed"], body["slot"], ONE, at))
                return self._proposal(address, bid, panel)
            if path == VOTE_PATH:
                return {"signature": self.sign_as(address, VOTE, Bid.from_json(body["bid"]), panel)}
            bid = Certificate.from_json(body).bid
            return {"signature": self.sign_as(address, "message", bid, panel)}

        return answer

    def replays(self, address: str) -> Callable:
        """Answers with what it signed for a slot before."""
        old = Bid(0, PriceMessage(1, SLOT - 5, 60_000 * ONE, self.panel.opens(SLOT - 5)))

        def answer(path: str, body: Any) -> Any:
            if path == PROPOSE:
                return self._proposal(address, old)
            return {
                "signature": self.sign_as(address, VOTE if path == VOTE_PATH else "message", old)
            }

        return answer

    def equivocates(self, address: str) -> Callable:
        """Proposes another price each time it is asked."""
        prices = iter(range(60_000 * ONE, 61_000 * ONE))

        def answer(path: str, body: Any) -> Any:
            return self.says(address, next(prices))(path, body)

        return answer

    def _proposal(self, address: str, bid: Bid, panel: Panel | None = None) -> dict[str, Any]:
        return {"bid": bid.to_json(), "signature": self.sign_as(address, PROPOSAL, bid, panel)}

    # Asking

    def leader(self, view: int = 0, slot: int = SLOT) -> str:
        return self.panel.leader(slot, view)

    def run(self, feed: int = 1, slot: int = SLOT, views: int = 3, first: int = 0):
        """View after view until there is a price; the attempts."""
        attempts = []
        for view in range(first, first + views):
            self.now = max(self.now, self.panel.begins(slot, view))
            attempts.append(self.carrier.attempt(feed, slot, view))
            if attempts[-1].price:
                break
        return attempts
