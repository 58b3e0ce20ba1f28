"""The end of a life: everything the attacker has is closed, claimed and redeemed, under the law."""

from tests.harness.system import FOREVER
from tests.stateful.wealth.attacker import Attacker
from tests.stateful.wealth.truth import START

ROUNDS = 12  # of a slot and a price each


def settle(attacker: Attacker) -> None:
    """Orders end, positions close, requests are processed and claimed, as far as they can be."""
    life = attacker.life
    for _ in range(ROUNDS):
        life.until((life.slot + 1) * life.slot_seconds)
        for feed in START:
            life.quietly(lambda feed=feed: life.post(feed, life.slot))
        life.wait(1)
        end_orders(attacker)
        for account in attacker.weak():
            life.liquidate("last liquidation", account, ours=True)
        closing = {live.order.account for live in life.orders.ours if live.order.reduce_only}
        for account, instrument in attacker.positions():
            if account not in closing:
                size = -life.size(account, instrument)
                order = life.order(account, instrument, size, reduce_only=True)
                attacker.place("close", order)
        redeem(attacker)
    life.law.before(life.now, life.force(), life.posted())


def end_orders(attacker: Attacker) -> None:
    life = attacker.life
    for live in [*attacker.due(), *attacker.overdue()]:
        if live.digest in life.orders.live:
            attacker.execute("execute" if life.orders.is_due(live, life.now) else "lapse", live)
    for live in life.orders.ours:
        if live.resting:
            attacker.cancel("cancel", live)


def redeem(attacker: Attacker) -> None:
    life, cast, vault = attacker.life, attacker.cast, attacker.system.vault
    epochs = life.law.requests.waiting()
    if epochs:
        close = (epochs[0] + 1) * life.config.epoch_seconds
        if life.now > close:
            life.process("process")
        elif close - life.now > life.slot_seconds:
            life.until(close - 1)
    for account in cast.providing:
        if life.law.requests.claimable(account):
            life.attempt("claim", lambda account=account: vault.transact("claim", account))
        owner = cast.owner(account)
        shares = vault.call("balanceOf", owner)
        if shares and account not in life.law.requests.open:
            args = (account, shares, 0, FOREVER)
            life.attempt(
                "request redeem",
                lambda owner=owner, args=args: cast.act(owner, vault, "request_redeem", *args),
            )
