"""An exchange with a night's work before it: what keepers must do is due, or soon will be.

`World` is the exchange and its people, `Tide` makes the blocks: prices fall, orders come, an epoch
closes. Both speak to the node directly; only keepers go through the proxy.
"""

import random
import threading
import time
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from tests.harness.system import BTC, ETH, FOREVER, MOVE_RIGHT, System, wad
from tests.integration.chaos.node import Node, number
from tidegate.abi import Event
from tidegate.audit import history
from tidegate.chain import Call
from tidegate.client.venue import Venue
from tidegate.deployment import DeploymentConfig, apply
from tidegate.fees import GWEI, Fees
from tidegate.web3_chain import RpcError, Web3Chain

LIQUIDITY = 6_000_000
STAKE = 5_000  # of each trader
WEAK, SOUND = 3, 2  # traders that the fall takes below maintenance, and those that it does not
PLACERS = 5  # traders whose orders come in the night
OPENING, FALLEN = 60_000, 57_100  # the oracle takes no fall of a twentieth in one push
CLOSES_AFTER = 14  # seconds from the start of the night to the end of the vault's epoch
FALLS_AT = 5  # seconds
PLACED_AT = (1, 3, 6, 9, 12)  # seconds at which orders come
LATE = 13  # seconds after which nearly everything is due
NIGHT = 24  # seconds after which nothing new falls due
SLOTS_REMEMBERED = 24
PLENTY = Fees(100_000 * GWEI, 0)  # no jump of the base fee here reaches it


@dataclass
class World:
    """One deployment, its manifest in `folder`, and the moment before the night as a snapshot."""

    node: Node
    folder: Path
    keepers: tuple[str, ...] = ("keeper 1", "keeper 2")

    def build(self) -> None:
        """Deploy, fund, open positions, ask the vault; then keep that moment."""
        config = DeploymentConfig()
        self.chain = Web3Chain(self.node.rpc, "anvil")
        self.system = System(apply(self.chain, config, self.folder), config)
        self.venue = Venue.of(self.system.deployment)
        self.pusher = self.chain.account("pusher")
        self.keeper_addresses = [self.chain.account(name) for name in self.keepers]
        self._people()
        self.began = self.chain.time()
        self.first_block = self.chain.block() + 1
        self._evening = self.chain.snapshot()
        self._late = None

    def events(self) -> list[Event]:
        """All that ever happened."""
        found = history(self.chain, self.venue.contracts)
        assert found is not None, "anvil keeps logs"
        return found

    def rewind(self, late: bool = False) -> None:
        """The moment before the night again; or `LATE` seconds later, when nobody did anything."""
        self.node.drop_pool()
        self.node.set_base_fee(GWEI)
        self.node.rpc("evm_setAutomine", True)
        if late and self._late is None:
            self.rewind()
            with Tide(self, every=0.0) as tide:
                tide.wait(LATE)
            self._late = self.chain.snapshot()
            return
        self.chain.restore(self._late if late else self._evening)
        # Another time line: the signers have signed nothing in it.
        for signer in self.system.signers.quorum:
            signer.signed.clear()
        if late:
            self._late = self.chain.snapshot()
        else:
            self._evening, self._late = self.chain.snapshot(), None

    def _people(self) -> None:
        system = self.system
        provider = system.actor("liquidity provider")
        system.provide(provider, LIQUIDITY)
        for one in range(WEAK + SOUND):
            account = system.fund(system.actor(f"trader {one}"), STAKE)
            size = Decimal(14 if one < WEAK else 4) * STAKE / OPENING
            system.trade(account, BTC, round(size, 4))
        self.placers = [system.fund(system.actor(f"placer {one}"), STAKE) for one in range(PLACERS)]
        newcomer = system.actor("newcomer")
        self.newcomer = system.fund(newcomer, STAKE)
        system.core.transact(
            "set_delegate", system.vault.address, MOVE_RIGHT, FOREVER, sender=newcomer
        )
        # An order that nobody will have executed in its window.
        late = system.order(self.placers[0], ETH, "0.5", expiry=system.now + 120)
        system.place(late)
        epoch = system.config.epoch_seconds
        end = (system.now // epoch + 1) * epoch
        system.chain.set_time(end - CLOSES_AFTER - 1)
        system.refresh()
        rests = system.order(
            self.placers[1], BTC, "0.05", limit=wad(58_000), resting=True, expiry=system.now + 900
        )
        system.place(rests)
        stays = system.order(
            self.placers[1], ETH, "-0.5", limit=wad(3_300), resting=True, expiry=system.now + 9000
        )
        system.place(stays)
        shares = system.vault.call("balanceOf", provider) // 100
        vault, owner = system.vault, system.account(provider)
        vault.transact("request_redeem", owner, shares, 0, FOREVER, sender=provider)
        vault.transact("request_deposit", self.newcomer, wad(1_000), 0, FOREVER, sender=newcomer)


@dataclass
class Tide:
    """Makes a block every `every` seconds of ours, `seconds` later on the chain than the last."""

    world: World
    seed: int = 0
    every: float = 0.1
    seconds: int = 1
    full: bool = True  # False: blocks stay empty
    pushing: bool = True
    blocks: int = 0
    pushed: list[tuple[str, tuple]] = field(default_factory=list)  # hash, arguments; newest last
    trouble: BaseException | None = None

    def __post_init__(self) -> None:
        self._rng = random.Random(self.seed)
        self._nonces: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._slot = self.world.system.slot  # has its price
        self._began = self.world.began
        self._to_place = [at for at in PLACED_AT if at > self.age]

    @property
    def age(self) -> int:
        """Seconds of the night that have passed."""
        return self.world.chain.time() - self._began

    def __enter__(self) -> "Tide":
        self.world.node.rpc("evm_setAutomine", False)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        assert self._thread is not None
        self._thread.join()
        with self.world.node.lock:
            self.world.node.rpc("evm_setAutomine", True)
        if self.trouble is not None:
            raise self.trouble

    def _run(self) -> None:
        due = time.monotonic()
        while not self._stop.is_set():
            due = max(due + self.every, time.monotonic())
            try:
                with self.world.node.lock:
                    self.turn()
            except BaseException as error:
                self.trouble = error
                return
            self._stop.wait(max(0.0, due - time.monotonic()))

    def turn(self) -> None:
        """What happens in one block."""
        node, system = self.world.node, self.world.system
        now = node.now + self.seconds
        slot = now // system.config.slot_seconds
        if self.pushing and slot != self._slot:
            self._slot = slot
            for feed, price in self._prices(now - self._began).items():
                self.push(feed, price, slot * system.config.slot_seconds)
        while self._to_place and self._to_place[0] <= now - self._began:
            self._place(len(PLACED_AT) - len(self._to_place))
            self._to_place.pop(0)
        node.mine(self.seconds, self.full)
        self.blocks += 1

    def _prices(self, age: int) -> dict[int, int]:
        """By feed, 1e-18: BTC falls by nearly a twentieth, and both tremble."""
        btc = OPENING if age < FALLS_AT else FALLEN
        return {
            1: wad(btc) * (10_000 + self._rng.randint(-3, 3)) // 10_000,
            2: wad(3_000) * (10_000 + self._rng.randint(-3, 3)) // 10_000,
        }

    def push(self, feed: int, price: int, published: int) -> None:
        """The signers' price of the slot that `published` is in."""
        arguments = self.world.system.signers.arguments(feed, price, published)
        self.world.system.prices[feed] = price
        self._send_push(arguments)
        del self.pushed[: -2 * SLOTS_REMEMBERED]

    def _send_push(self, arguments: tuple) -> None:
        oracle = self.world.system.oracle
        call = oracle.prepare("push", *arguments, sender=self.world.pusher, gas=300_000)
        self.pushed.append((self.send(call), arguments))

    def send(self, call: Call) -> str:
        """Into the pool, with fees that no jump here reaches; the hash."""
        rpc, sender = self.world.chain.rpc, call.sender or ""
        if sender not in self._nonces:
            self._nonces[sender] = number(rpc("eth_getTransactionCount", sender, "pending"))
        sealed = self.world.chain.seal(call, self._nonces[sender], PLENTY)
        self._nonces[sender] += 1
        return rpc("eth_sendRawTransaction", "0x" + sealed.raw.hex())

    def _place(self, turn: int) -> None:
        system = self.world.system
        account = self.world.placers[turn % PLACERS]
        size = ("0.02", "-0.02", "0.3", "0.01", "-0.2")[turn % 5]
        order = system.order(account, BTC if turn % 2 else ETH, size, expiry=system.now + 600)
        owner = f"0x{account >> 96:040x}"
        self.send(system.exchange.prepare("place", order, sender=owner, gas=500_000))

    def fork(self, depth: int, kept: float) -> int:
        """Another branch; the signers' prices come again. How many transactions are lost."""
        with self.world.node.lock:
            pusher = self.world.pusher.lower()
            lost = self.world.node.reorganise(depth, kept, self._rng, but=pusher)
            self._nonces.clear()
            rpc = self.world.chain.rpc
            missing = []
            for tx_hash, arguments in self.pushed:
                try:
                    found = rpc("eth_getTransactionByHash", tx_hash)
                except RpcError:
                    found = None
                if found is None:
                    missing.append((tx_hash, arguments))
            for gone in missing:
                self.pushed.remove(gone)
                self._send_push(gone[1])
            return lost

    def wait(self, age: int, patience: float = 60.0) -> None:
        """Until so many seconds of the night have passed."""
        deadline = time.monotonic() + patience
        while self.age < age:
            if self.trouble is not None:
                raise self.trouble
            if time.monotonic() > deadline:
                raise TimeoutError(f"the night is {self.age} s old, not {age}")
            time.sleep(max(self.every / 2, 0.005))
