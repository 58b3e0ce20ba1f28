"""Who is there: the deployed exchange of a life, the attacker's owners and accounts, honest others.

The attacker is one person behind three owners: a contract, which trades on three accounts and can
do several things in one transaction, with borrowed money; an accomplice's key with two accounts;
and a liquidity provider's key.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

from tests.harness.system import FOREVER, MOVE_RIGHT, System
from tidegate.artifacts import Artifact, from_source
from tidegate.chain import Call, Contract, Receipt
from tidegate.deployment import COLLATERAL, DeploymentConfig, TokenConfig, deploy
from tidegate.revm_chain import RevmChain
from tidegate.spec import words

ALL_RIGHTS = 7
TOKENS = 10**6  # the token's own decimals
LOAN = 200_000_000 * TOKENS
PURSE = 3_000_000 * TOKENS  # of each of the attacker's owners, in hand
DEPOSITS = {0: 400_000, 1: 60_000, 2: 60_000}  # by sub-account, tokens: one cross, two isolated
HONEST_TRADERS = 4
HONEST_CAPITAL = 5_000_000  # tokens, of the honest liquidity provider
OWN_CAPITAL = 1_500_000  # of the attacker's

CONTRACT = """
# pragma version ==0.4.3
# pragma evm-version cancun
from ethereum.ercs import IERC20

struct Call:
    target: address
    data: Bytes[8192]

@internal
def _run(calls: DynArray[Call, 8]):
    for call: Call in calls:
        raw_call(call.target, call.data)

@external
def run(calls: DynArray[Call, 8]):
    self._run(calls)

@external
def flash(token: address, lender: address, amount: uint256, calls: DynArray[Call, 8]):
    extcall IERC20(token).transferFrom(lender, self, amount)
    self._run(calls)
    extcall IERC20(token).transfer(lender, amount)
"""

CONFIG = replace(
    DeploymentConfig(),
    signers=DeploymentConfig().signers[:3],
    threshold=2,
    faulty=0,
    epoch_seconds=120,
    token=TokenConfig(outflow_share="0.01", outflow_window=3600),
)


@cache
def attack_contract() -> Artifact:
    return from_source(CONTRACT, "Attack")


@dataclass(frozen=True)
class Cast:
    """A deployment in which everybody has their money, the vault its capital."""

    system: System
    contract: Contract  # the attacker's
    accomplice: str
    provider: str  # the attacker's
    honest_provider: str
    honest_traders: tuple[str, ...]
    lender: str

    @property
    def owners(self) -> tuple[str, ...]:
        return self.contract.address, self.accomplice, self.provider

    @property
    def trading(self) -> tuple[int, ...]:
        """The attacker's trading accounts."""
        contract = [words.account(self.contract.address, sub) for sub in DEPOSITS]
        return *contract, words.account(self.accomplice), words.account(self.accomplice, 1)

    @property
    def providing(self) -> tuple[int, ...]:
        """The attacker's accounts with requests to the vault."""
        return words.account(self.provider), words.account(self.contract.address, 3)

    @property
    def keeping(self) -> int:
        """Where the attacker's keeper is paid."""
        return words.account(self.accomplice, 2)

    @property
    def accounts(self) -> tuple[int, ...]:
        return *self.trading, *self.providing, self.keeping

    @property
    def honest_accounts(self) -> tuple[int, ...]:
        return tuple(words.account(trader) for trader in self.honest_traders)

    def owner(self, account: int) -> str:
        [owner] = [o for o in self.owners if words.owner_of(account) == int(o, 16)]
        return owner

    def act(self, owner: str, contract: Contract, fn: str, *args: object) -> Receipt:
        """A call by one of the attacker's owners."""
        if owner == self.contract.address:
            return self.run([contract.prepare(fn, *args)])
        return contract.transact(fn, *args, sender=owner)

    def run(self, calls: Sequence[Call]) -> Receipt:
        """By the attacker's contract, in one transaction."""
        return self.contract.transact(
            "run", [(c.to, c.data) for c in calls], sender=self.accomplice
        )

    def flash(self, amount: int, calls: Sequence[Call]) -> Receipt:
        """The same with borrowed tokens, given back at the end of it."""
        return self.contract.transact(
            "flash",
            self.system.token.address,
            self.lender,
            amount,
            [(call.to, call.data) for call in calls],
            sender=self.accomplice,
        )


def set_up(config: DeploymentConfig = CONFIG) -> Cast:
    """Everybody in place, before the first slot of a life."""
    chain = RevmChain(timestamp=1_700_000_400)
    system = System(deploy(chain, config), config)
    contract = chain.deploy(attack_contract())
    people = ("accomplice", "attacking provider", "honest provider", "lender")
    accomplice, provider, honest_provider, lender = map(system.actor, people)
    traders = tuple(system.actor(f"honest trader {i}") for i in range(HONEST_TRADERS))
    cast = Cast(system, contract, accomplice, provider, honest_provider, traders, lender)
    token, core = system.token, system.core
    for holder in (accomplice, provider, honest_provider, lender, *traders):
        token.transact("approve", core.address, 2**256 - 1, sender=holder)
    token.transact("approve", contract.address, 2**256 - 1, sender=lender)
    cast.run([token.prepare("approve", core.address, 2**256 - 1)])
    for owner in cast.owners:
        token.transact("mint", owner, PURSE, sender=system.actor("deployer"))
    token.transact("mint", lender, LOAN, sender=lender)
    for key in (accomplice, provider):
        core.transact("set_delegate", contract.address, ALL_RIGHTS, FOREVER, sender=key)
    core.transact("set_delegate", system.vault.address, MOVE_RIGHT, FOREVER, sender=provider)
    cast.run([core.prepare("set_delegate", system.vault.address, MOVE_RIGHT, FOREVER)])

    for account in cast.trading:
        tokens = DEPOSITS[account & (2**96 - 1)] * TOKENS
        cast.act(cast.owner(account), core, "deposit", account, COLLATERAL, tokens)
    system.provide(honest_provider, HONEST_CAPITAL)
    system.provide(provider, OWN_CAPITAL)
    for number, trader in enumerate(traders):
        system.fund(trader, 30_000 * (1 + 3 * number))
    return cast
