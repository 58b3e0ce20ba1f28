"""Reads every parameter back from the chain and holds it against the configuration."""

from typing import Any

from tidegate.deployment.config import COLLATERAL, DeploymentConfig, DeploymentError
from tidegate.deployment.deployed import Deployment
from tidegate.deployment.plan import (
    PPM,
    ROLES,
    VENUES,
    asset_word,
    feed_arguments,
    members_of,
    role_id,
)
from tidegate.spec import words
from tidegate.spec.rounding import WAD


def check(deployment: Deployment, config: DeploymentConfig, deployer: str) -> None:
    """DeploymentError names every difference."""
    found = differences(deployment, config, deployer)
    if found:
        raise DeploymentError("; ".join(found))


def differences(deployment: Deployment, config: DeploymentConfig, deployer: str) -> list[str]:
    """What the chain says otherwise than the configuration, one sentence each."""
    found: list[str] = []

    def equal(what: str, there: Any, wanted: Any) -> None:
        if there != wanted:
            found.append(f"{what}: the chain says {there}, the configuration {wanted}")

    def same_word(what: str, there: int, wanted: words.Word) -> None:
        """By fields, so that a person sees which one moved."""
        has = type(wanted).unpack(there).decimals()
        for key, value in wanted.decimals().items():
            equal(f"{key} of {what}", f"{has[key]:f}", f"{value:f}")
        if there != wanted.pack() and type(wanted).unpack(there) == wanted:
            found.append(f"unused bits of {what} are set")

    core, oracle, vault = deployment.core, deployment.oracle, deployment.vault
    timelock = deployment.timelock
    for name in ("PriceOracle", "Configurator", "LiquidityVault", "GuarantyFund", "Liquidator"):
        equal(f"owner of {name}", deployment[name].call("OWNER"), timelock.address)

    for name in ("Exchange", "LensMarkets"):
        wired = {"CORE": deployment.core, "ORACLE": oracle, "VAULT": vault}
        for getter, contract in wired.items():
            equal(f"{getter} of {name}", deployment[name].call(getter), contract.address)
    wired = {
        "CORE": core,
        "ORACLE": oracle,
        "LIQUIDATOR": deployment.liquidator,
        "FUND": deployment.fund,
        "CONFIGURATOR": deployment.configurator,
        "OWNER": timelock,
    }
    breaker = deployment.breaker
    for getter, contract in wired.items():
        equal(f"{getter} of CircuitBreaker", breaker.call(getter), contract.address)
    wired = {"CORE": core, "ORACLE": oracle, "LIQUIDATOR": deployment.liquidator}
    for getter, contract in wired.items():
        there = deployment.lens_accounts.call(getter)
        equal(f"{getter} of LensAccounts", there, contract.address)
    equal("fund of Liquidator", deployment.liquidator.call("fund"), deployment.fund.address)
    equal("guardian", deployment.configurator.call("guardian"), config.guardian)
    equal("delay", timelock.call("get_minimum_delay"), config.delay)
    admin = timelock.call("DEFAULT_ADMIN_ROLE")
    equal("timelock's own admin", timelock.call("hasRole", admin, timelock.address), True)
    equal("deployer as admin", timelock.call("hasRole", admin, deployer), False)
    for name in ROLES:
        role = role_id(name)
        members = members_of(config, name)
        for member in members:
            equal(f"{name} of {member}", timelock.call("hasRole", role, member), True)
        equal(
            f"{name} of the deployer", timelock.call("hasRole", role, deployer), deployer in members
        )

    signers, threshold, faulty = oracle.call("signers")
    equal("signers", set(signers), set(config.signers))
    equal("threshold", (threshold, faulty), (config.threshold, config.faulty))
    equal("slot", oracle.call("SLOT_SECONDS"), config.slot_seconds)

    exchange = deployment.exchange
    fee, ratio = words.to_units(config.min_keeper_fee, WAD), words.to_units(config.lapse_ratio, PPM)
    equal("order window", exchange.call("WINDOW"), config.window)
    equal("least keeper fee", exchange.call("MIN_KEEPER_FEE"), fee)
    equal("lapse ratio", exchange.call("LAPSE_RATIO"), ratio)
    share = words.to_units(config.stress_share, PPM)
    equal("vault's epoch", vault.call("EPOCH_SECONDS"), config.epoch_seconds)
    equal("vault's stress share", vault.call("STRESS_SHARE"), share)

    token = deployment.token
    equal("token's decimals", token.call("decimals"), config.token.decimals)
    equal("asset", core.call("asset_word", COLLATERAL), asset_word(config.token, token.address))
    equal("vault of the asset", core.call("vault_of", COLLATERAL), vault.address)
    fund = deployment["GuarantyFund"]
    same_word("the fund", fund.call("parameters_word"), config.fund.parameters)
    purse = words.Cash.unpack(core.call("cash_word", words.account(fund.address), COLLATERAL))
    equal("fund out of reach of venues", bool(purse.flags & words.RESERVED), True)
    for market in config.markets:
        name, instrument = market.name, market.instrument
        _, max_age, max_step = feed_arguments(market)
        equal(f"feed of {name}", oracle.call("feed_word", market.feed), max_age | max_step << 32)
        risk = core.call("risk_word", instrument) & words.RISK_TERMS
        same_word(name, risk, market.risk)
        same_word(name, core.call("trade_word", instrument), market.trade)
        same_word(name, core.call("limits_word", instrument), market.limits)
        equal(f"quote of {name}", vault.call("quote_word", instrument), market.quote.pack())
        settings = breaker.call("settings_word", instrument)
        same_word(f"the breaker of {name}", settings, market.breaker.settings)
    for venue, role in VENUES.items():
        word = core.call("venue_word", deployment[venue].address)
        equal(f"role of {venue}", word & 255, role)
    return found
