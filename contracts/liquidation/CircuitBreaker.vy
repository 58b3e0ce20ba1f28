# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Circuit breaker
@license AGPL-3.0-only
@notice See ICircuitBreaker.
@custom:kill The owner takes its role of the clearing house away, or sets thresholds of zero: every level then falls by
             its hold, one a poke. Pokes, and with them falling, are anyone's and cannot be stopped.
@custom:security Meters are called bounded in gas and in what they may return, with the gas they need or not at all, so
                 nobody silences one by starving it. The core is trusted: it keeps the level.
"""

from ..interfaces import ICircuitBreaker
from ..interfaces import IPriceOracle
from ..libraries import brakes
from ..libraries import errors
from ..libraries import market_words
from ..libraries import terms

implements: ICircuitBreaker


interface Core:
    def interest_word(instrument: uint256) -> uint256: view
    def risk_word(instrument: uint256) -> uint256: view
    def set_brake(instrument: uint256, level: uint256): nonpayable


interface Guarded:
    def guardian() -> address: view


LATEST: constant(Bytes[4]) = method_id("latest_word(uint256)")
LIQUIDATED: constant(Bytes[4]) = method_id("liquidated(uint256)")
DRAWN: constant(Bytes[4]) = method_id("drawn()")
METER_GAS: constant(uint256) = 60_000  # the dearest meter takes about 10,000
ANSWER: constant(uint256) = 64
MEANT: constant(uint256) = 2**128  # no amount or word of the protocol's amounts reaches it

MILLE: constant(uint256) = 1000
MINUTE: constant(uint256) = 60
MICRO: constant(uint256) = 10**12
WAD: constant(uint256) = 10**18
FIELD: constant(uint256) = 2**10 - 1
PRICE: constant(uint256) = 2**90 - 1
TIME: constant(uint256) = 2**32 - 1
AMOUNT: constant(uint256) = 2**64 - 1
COUNTED: constant(uint256) = 1 << 250
OUTAGE: constant(uint256) = 1 << 131

SETTINGS_BITS: constant(uint256) = 2**214 - 1
LEAST_PRICE: constant(uint256) = 5
LEAST_PRICE_HALT: constant(uint256) = 30
LEAST_SKEW: constant(uint256) = 5
LEAST_LIQUIDATED: constant(uint256) = 1
LEAST_DRAWN: constant(uint256) = 10
LEAST_DRAWN_HALT: constant(uint256) = 100
LEAST_WINDOW: constant(uint256) = 60
LONGEST_WINDOW: constant(uint256) = 3600
LONGEST_HOLD: constant(uint256) = 720
LONGEST_HALT: constant(uint256) = 60
LONGEST_GUARD: constant(uint256) = 7 * 86400

CORE: public(immutable(address))
ORACLE: public(immutable(address))
LIQUIDATOR: public(immutable(address))
FUND: public(immutable(address))
CONFIGURATOR: public(immutable(address))
OWNER: public(immutable(address))
SLOT_SECONDS: immutable(uint256)

settings_word: public(HashMap[uint256, uint256])
state_word: public(HashMap[uint256, uint256])
halts_word: public(uint256)
_samples: HashMap[uint256, uint256[2]]


struct Reading:
    price: uint256  # per mille
    skew: uint256
    liquidated: uint256
    drawn: uint256
    silent: uint256
    outage: bool
    sample: uint256  # of now


struct Verdict:
    level: uint256
    before: uint256
    state: uint256
    halts: uint256


@deploy
def __init__(owner: address, configurator: address, core: address, oracle: address, liquidator: address, fund: address):
    """
    @param configurator Names the guardian.
    """
    errors._require(
        owner != empty(address)
        and configurator.is_contract
        and core.is_contract
        and oracle.is_contract
        and liquidator.is_contract
        and fund.is_contract,
        errors.OUT_OF_BOUNDS,
    )
    OWNER = owner
    CONFIGURATOR = configurator
    CORE = core
    ORACLE = oracle
    LIQUIDATOR = liquidator
    FUND = fund
    SLOT_SECONDS = staticcall IPriceOracle(oracle).SLOT_SECONDS()


@external
def poke(instrument: uint256) -> uint256:
    return self._poke(instrument, self.state_word[instrument])


@external
def escalate(instrument: uint256, level: uint256, duration: uint256) -> uint256:
    errors._require(msg.sender == staticcall Guarded(CONFIGURATOR).guardian(), errors.NOT_OWNER)
    settings: uint256 = self.settings_word[instrument]
    errors._require(settings != 0, errors.NOT_LISTED)
    longest: uint256 = LONGEST_GUARD
    if level == brakes.HALTED:
        longest = self._longest_halt(settings)
    errors._require(
        level != brakes.NORMAL and level <= brakes.HALTED and duration != 0 and duration <= longest,
        errors.OUT_OF_BOUNDS,
    )
    state: uint256 = self.state_word[instrument]
    before: uint256 = terms._brake(staticcall Core(CORE).risk_word(instrument))
    errors._require(
        block.timestamp >= self._next_guard(state)
        and (level != brakes.HALTED or self._may_halt(self.halts_word, state, before)),
        errors.TOO_SOON,
    )
    until: uint256 = block.timestamp + duration
    # as long without one as with one, or it could be renewed for ever
    next: uint256 = until + duration
    log ICircuitBreaker.Escalated(instrument=instrument, level=level, until=until, next=next)
    return self._poke(
        instrument,
        self._pack_state(self._since(state), until, next, self._grace_until(state), level, state & OUTAGE),
    )


@external
def set_settings(instrument: uint256, word: uint256):
    errors._require(msg.sender == OWNER, errors.NOT_OWNER)
    errors._require(staticcall Core(CORE).risk_word(instrument) != 0, errors.NOT_LISTED)
    self._check_settings(word)
    outage: uint256 = self._outage(word)
    max_age: uint256 = staticcall IPriceOracle(ORACLE).feed_word(instrument >> 6) & TIME
    # or a price would be fresh and an outage at once
    errors._require(outage == 0 or outage > max_age, errors.OUT_OF_BOUNDS)
    self.settings_word[instrument] = word
    log ICircuitBreaker.SettingsSet(instrument=instrument, word=word)


@view
@external
def check_settings(word: uint256):
    self._check_settings(word)


@view
@external
def preview(instrument: uint256) -> uint256:
    settings: uint256 = self.settings_word[instrument]
    state: uint256 = self.state_word[instrument]
    risk: uint256 = staticcall Core(CORE).risk_word(instrument)
    reading: Reading = self._read(instrument, settings, risk, state)
    return self._judge(settings, terms._brake(risk), state, reading).level


@view
@external
def readings(instrument: uint256) -> (uint256, uint256, uint256, uint256, uint256):
    risk: uint256 = staticcall Core(CORE).risk_word(instrument)
    reading: Reading = self._read(instrument, self.settings_word[instrument], risk, self.state_word[instrument])
    return reading.price, reading.skew, reading.liquidated, reading.drawn, reading.silent


@view
@external
def may_halt(instrument: uint256) -> bool:
    before: uint256 = terms._brake(staticcall Core(CORE).risk_word(instrument))
    return self._may_halt(self.halts_word, self.state_word[instrument], before)


@pure
@external
@reentrant  # reads nothing
def allowed(level: uint256) -> uint256:
    return brakes._allowed(level)


@view
@external
def sample_word(instrument: uint256, place: uint256) -> uint256:
    return self._samples[instrument][place]


# Judging


@internal
def _poke(instrument: uint256, state: uint256) -> uint256:
    settings: uint256 = self.settings_word[instrument]
    risk: uint256 = staticcall Core(CORE).risk_word(instrument)
    reading: Reading = self._read(instrument, settings, risk, state)
    verdict: Verdict = self._judge(settings, terms._brake(risk), state, reading)
    if verdict.state != self.state_word[instrument]:
        self.state_word[instrument] = verdict.state
    if verdict.halts != 0:
        self.halts_word = verdict.halts
    window: uint256 = self._window(settings)
    epoch: uint256 = block.timestamp // window
    place: uint256 = epoch & 1
    if ((self._samples[instrument][place] >> 90) & TIME) // window != epoch:
        self._samples[instrument][place] = reading.sample
    if verdict.level != verdict.before:
        log ICircuitBreaker.LevelSet(
            instrument=instrument,
            level=verdict.level,
            before=verdict.before,
            price=reading.price,
            skew=reading.skew,
            liquidated=reading.liquidated,
            drawn=reading.drawn,
            silent=reading.silent,
        )
        extcall Core(CORE).set_brake(instrument, verdict.level)
    return verdict.level


@view
@internal
def _judge(settings: uint256, before: uint256, state: uint256, reading: Reading) -> Verdict:
    """
    @return What a poke makes of the level and of the state word; the word of the halts if that changes, else zero.
    """
    now: uint256 = block.timestamp
    since: uint256 = self._since(state)
    grace_until: uint256 = self._grace_until(state)
    outage_before: bool = state & OUTAGE != 0
    if outage_before and not reading.outage:
        grace_until = now + self._grace(settings)
    measured: uint256 = self._measured(settings, reading)
    held: uint256 = self._guard(state) if now < self._guard_until(state) else brakes.NORMAL
    if reading.outage or now < grace_until:
        held = brakes.HALTED
    # an outage is no time in which a valid price exists: it counts against no bound
    may_halt: bool = True
    halts: uint256 = 0
    if not reading.outage and max(before, max(measured, held)) == brakes.HALTED:
        halts = self.halts_word
        may_halt = self._may_halt(halts, state, before)
        if not may_halt:
            measured = min(measured, brakes.AUCTION_ONLY)
            held = min(held, brakes.AUCTION_ONLY)
    wanted: uint256 = max(measured, held)

    level: uint256 = before
    new_halts: uint256 = 0
    if wanted > before:
        level = wanted
        # what only holds a level (guardian, outage, grace) has a time of its own and starts no hold
        since = now if measured == wanted else 0
    elif before == brakes.HALTED and not may_halt:
        level = brakes.AUCTION_ONLY
        since = now
        # at rest from now on, however late the poke
        if not outage_before:
            new_halts = (halts & TIME) | (max(halts >> 32, now + self._longest_halt(settings)) << 32)
    elif measured == before:
        since = now if before != brakes.NORMAL else since
    elif wanted < before and now >= since + self._hold(settings, before):
        level = before - 1
        since = now
    if level == brakes.HALTED and not reading.outage and now >= halts & TIME:
        end: uint256 = now + self._longest_halt(settings)
        new_halts = end | ((end + self._longest_halt(settings)) << 32)
    return Verdict(
        level=level,
        before=before,
        state=self._pack_state(
            since,
            self._guard_until(state),
            self._next_guard(state),
            grace_until,
            self._guard(state),
            OUTAGE if reading.outage else 0,
        ),
        halts=new_halts,
    )


@view
@internal
def _may_halt(halts: uint256, state: uint256, before: uint256) -> bool:
    """
    @return Whether HALTED may begin or go on while the feed gives prices: until the end of the halts, and again after
            their rest. A halt that nobody has ended yet is no rest.
    """
    rested: bool = before != brakes.HALTED or state & OUTAGE != 0
    return block.timestamp < halts & TIME or (rested and block.timestamp >= halts >> 32)


@pure
@internal
def _measured(settings: uint256, reading: Reading) -> uint256:
    """
    @return The highest level a meter has reached.
    """
    level: uint256 = self._reached(settings, 4, reading.price)
    level = max(level, self._reached(settings >> 40, 2, reading.skew))
    level = max(level, self._reached(settings >> 60, 3, reading.liquidated))
    return max(level, self._reached(settings >> 90, 4, reading.drawn))


@pure
@internal
def _reached(thresholds: uint256, levels: uint256, reading: uint256) -> uint256:
    reached: uint256 = brakes.NORMAL
    if reading != 0:
        for i: uint256 in range(levels, bound=4):
            threshold: uint256 = (thresholds >> (10 * i)) & FIELD
            if threshold != 0 and reading >= threshold:
                reached = i + 1
    return reached


# Reading


@view
@internal
def _read(instrument: uint256, settings: uint256, risk: uint256, state: uint256) -> Reading:
    errors._require(settings != 0 and risk != 0, errors.NOT_LISTED)
    now: uint256 = block.timestamp
    reading: Reading = empty(Reading)

    price: uint256 = 0
    ok: bool = False
    first: uint256 = 0
    second: uint256 = 0
    ok, first, second = self._asked(ORACLE, concat(LATEST, convert(instrument >> 6, bytes32)), 32)
    if ok and first & PRICE != 0:
        price = first & PRICE
        outage: uint256 = self._outage(settings)
        if now <= (first >> 212) & TIME:
            # until the second of the change is past the earlier price is in force, as old as it was
            price = (first >> 90) & PRICE
            reading.outage = outage != 0 and state & OUTAGE != 0
        else:
            reading.outage = outage != 0 and now > ((first >> 180) & TIME) * SLOT_SECONDS + outage
    if price == 0:
        reading.silent = 1

    skew: uint256 = convert(abs(market_words._skew(staticcall Core(CORE).interest_word(instrument))), uint256) // MICRO
    skew = min(skew, AMOUNT)

    liquidated: uint256 = 0
    counted: uint256 = 0
    ok, first, second = self._asked(LIQUIDATOR, concat(LIQUIDATED, convert(instrument, bytes32)), 32)
    if ok and first < MEANT:
        liquidated = min(first // MICRO, AMOUNT)
        counted = COUNTED
    else:
        reading.silent |= 2

    ok, first, second = self._asked(FUND, DRAWN, 64)
    if ok and first < MEANT and second < MEANT and second != 0:
        reading.drawn = min(first * MILLE // second, MILLE)
    else:
        reading.silent |= 4

    window: uint256 = self._window(settings)
    scale: uint256 = convert(terms._skew_scale(risk), uint256) // MICRO
    for place: uint256 in range(2):
        sample: uint256 = self._samples[instrument][place]
        if sample == 0:
            continue
        # unchecked from here on: no field is wider than 90 bits and a sample is of the past, so no product reaches
        # 2**230; nothing divides by zero, as a listed market has a scale and settings have a window
        age: uint256 = unsafe_sub(now, (sample >> 90) & TIME)
        # in at least one of so many windows the n-th part of the change happened
        windows: uint256 = max(1, unsafe_div(unsafe_add(age, unsafe_sub(window, 1)), window))
        then: uint256 = sample & PRICE
        if price != then and price != 0 and then != 0:
            change: uint256 = unsafe_sub(max(price, then), min(price, then))
            reading.price = max(reading.price, unsafe_div(unsafe_mul(change, MILLE), unsafe_mul(then, windows)))
        then = (sample >> 122) & AMOUNT
        if skew > then:
            grown: uint256 = unsafe_mul(unsafe_sub(skew, then), MILLE)
            reading.skew = max(reading.skew, unsafe_div(grown, unsafe_mul(scale, windows)))
        then = (sample >> 186) & AMOUNT
        if liquidated > then and price != 0 and sample & COUNTED != 0:
            depth: uint256 = unsafe_mul(scale, price)
            volume: uint256 = unsafe_mul(unsafe_sub(liquidated, then), MILLE * WAD)
            reading.liquidated = max(reading.liquidated, unsafe_div(volume, unsafe_mul(depth, windows)))
    reading.sample = price | (now << 90) | (skew << 122) | (liquidated << 186) | counted
    return reading


@view
@internal
def _asked(meter: address, question: Bytes[36], length: uint256) -> (bool, uint256, uint256):
    """
    @return Whether it answered so many bytes; the first and the second word of them.
    """
    # the machine keeps a 64th back: with less than this the meter would get less than it may need
    errors._require(msg.gas >= METER_GAS + METER_GAS // 32 + 5_000, errors.OUT_OF_GAS)
    ok: bool = False
    answer: Bytes[ANSWER + 1] = b""
    # one byte more than a true answer has, so that a longer one shows
    ok, answer = raw_call(
        meter, question, max_outsize=ANSWER + 1, gas=METER_GAS, is_static_call=True, revert_on_failure=False
    )
    if not ok or len(answer) != length:
        return False, 0, 0
    second: uint256 = 0
    if length == ANSWER:
        second = extract32(answer, 32, output_type=uint256)
    return True, extract32(answer, 0, output_type=uint256), second


# Settings, in seconds


@pure
@internal
def _window(settings: uint256) -> uint256:
    return (settings >> 130) & (2**14 - 1)


@pure
@internal
def _hold(settings: uint256, level: uint256) -> uint256:
    """
    @return Zero for NORMAL, which nothing ends.
    """
    if level == brakes.NORMAL:
        return 0
    return ((settings >> (134 + 10 * level)) & FIELD) * MINUTE


@pure
@internal
def _longest_halt(settings: uint256) -> uint256:
    return ((settings >> 184) & FIELD) * MINUTE


@pure
@internal
def _outage(settings: uint256) -> uint256:
    return ((settings >> 194) & FIELD) * MINUTE


@pure
@internal
def _grace(settings: uint256) -> uint256:
    return ((settings >> 204) & FIELD) * MINUTE


@pure
@internal
def _check_settings(word: uint256):
    halt: uint256 = self._longest_halt(word)
    errors._require(
        word & ~SETTINGS_BITS == 0
        and self._window(word) >= LEAST_WINDOW
        and self._window(word) <= LONGEST_WINDOW
        and halt >= MINUTE
        and halt <= LONGEST_HALT * MINUTE
        and self._hold(word, brakes.HALTED) <= halt
        and self._grace(word) <= halt,
        errors.OUT_OF_BOUNDS,
    )
    for level: uint256 in range(1, 5):
        hold: uint256 = self._hold(word, level)
        errors._require(hold >= MINUTE and hold <= LONGEST_HOLD * MINUTE, errors.OUT_OF_BOUNDS)
    self._check_thresholds(word, 4, LEAST_PRICE, LEAST_PRICE_HALT, FIELD)
    self._check_thresholds(word >> 40, 2, LEAST_SKEW, 0, FIELD)
    self._check_thresholds(word >> 60, 3, LEAST_LIQUIDATED, 0, FIELD)
    self._check_thresholds(word >> 90, 4, LEAST_DRAWN, LEAST_DRAWN_HALT, MILLE)


@pure
@internal
def _check_thresholds(thresholds: uint256, levels: uint256, least: uint256, least_halt: uint256, most: uint256):
    """
    @dev A higher level never begins below a lower one; zero is never.
    """
    bound: uint256 = least
    for i: uint256 in range(levels, bound=4):
        threshold: uint256 = (thresholds >> (10 * i)) & FIELD
        if i == 3:
            bound = max(bound, least_halt)
        if threshold != 0:
            errors._require(threshold >= bound and threshold <= most, errors.OUT_OF_BOUNDS)
            bound = threshold


# The state word


@pure
@internal
def _since(state: uint256) -> uint256:
    return state & TIME


@pure
@internal
def _guard_until(state: uint256) -> uint256:
    return (state >> 32) & TIME


@pure
@internal
def _next_guard(state: uint256) -> uint256:
    return (state >> 64) & TIME


@pure
@internal
def _grace_until(state: uint256) -> uint256:
    return (state >> 96) & TIME


@pure
@internal
def _guard(state: uint256) -> uint256:
    return (state >> 128) & 7


@pure
@internal
def _pack_state(
    since: uint256,
    guard_until: uint256,
    next_guard: uint256,
    grace_until: uint256,
    guard: uint256,
    outage: uint256,
) -> uint256:
    """
    @param outage The bit in its place.
    """
    return (since | (guard_until << 32) | (next_guard << 64) | (grace_until << 96) | (guard << 128) | outage)
