# pragma version ==0.4.3
# pragma evm-version cancun
# pragma optimize gas
# pragma nonreentrancy on
"""
@title Aggregator double
@license AGPL-3.0-only
@notice Behaves as a Chainlink feed behind its proxy: rounds that begin and are answered later or never, answers of any
        sign, ids that carry a phase in their upper bits. As an uptime feed its answer is 0 or 1, and a status
        reported again renews the time of the update alone.
@custom:kill Holds nothing and is never deployed.
"""


struct Round:
    answer: int256
    started: uint256
    updated: uint256
    answered_in: uint256


DECIMALS: immutable(uint8)
phase: uint256
newest: uint256  # round of the phase
rounds: HashMap[uint256, Round]  # by id


@deploy
def __init__(decimals: uint8):
    DECIMALS = decimals
    self.phase = 1


@external
def answer_round(answer: int256):
    """
    @notice A round begun and answered now.
    """
    self._set(answer, block.timestamp, block.timestamp, 0)


@external
def set_round(answer: int256, started: uint256, updated: uint256, behind: uint256):
    """
    @param behind So many rounds ago the answer was found.
    """
    self._set(answer, started, updated, behind)


@external
def report_status(down: bool):
    """
    @notice As the sequencer's watchers do.
    """
    status: int256 = 1 if down else 0
    id: uint256 = self._id(self.newest)
    if self.newest != 0 and self.rounds[id].answer == status:
        self.rounds[id].updated = block.timestamp
        return
    self._set(status, block.timestamp, block.timestamp, 0)


@external
def begin_phase():
    """
    @notice Another aggregator behind the proxy, without rounds yet.
    """
    self.phase += 1
    self.newest = 0


@view
@external
def decimals() -> uint8:
    return DECIMALS


@view
@external
def getRoundData(id: uint80) -> (uint80, int256, uint256, uint256, uint80):
    return self._round(convert(id, uint256))


@view
@external
def latestRoundData() -> (uint80, int256, uint256, uint256, uint80):
    return self._round(self._id(self.newest))


@internal
def _set(answer: int256, started: uint256, updated: uint256, behind: uint256):
    self.newest += 1
    id: uint256 = self._id(self.newest)
    self.rounds[id] = Round(answer=answer, started=started, updated=updated, answered_in=id - behind)


@internal
@view
def _id(round: uint256) -> uint256:
    return (self.phase << 64) | round


@internal
@view
def _round(id: uint256) -> (uint80, int256, uint256, uint256, uint80):
    round: Round = self.rounds[id]
    assert round.answered_in != 0, "No data present"
    return (
        convert(id, uint80),
        round.answer,
        round.started,
        round.updated,
        convert(round.answered_in, uint80),
    )
