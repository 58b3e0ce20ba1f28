"""Settings from a file and from options; what is refused says what to mend."""

from decimal import Decimal

import pytest

from tidegate.fees import GWEI
from tidegate.keepers.readings import BidderTerms
from tidegate.keepers.settings import Settings, SettingsError, load_settings
from tidegate.spec import words
from tidegate.spec.rounding import WAD

SENDER = "0x" + "11" * 20


def test_defaults_go_to_the_parts():
    settings = Settings()
    assert settings.terms.cap == 200 * GWEI
    assert settings.duties(SENDER).deviation == 1_000
    assert settings.guard.blocks == 5
    assert settings.limits.low_balance == Decimal("0.05")


def test_nobody_bids_unless_told_how_much_and_for_what():
    assert Settings().duties(SENDER).bidder is None
    sizes, shares = {"64": Decimal(50_000)}, {"64": Decimal("0.004")}
    settings = Settings(bid_limits=sizes, bid_discounts=shares)
    wanted = BidderTerms(words.account(SENDER), {64: 50_000 * WAD}, {64: 4_000})
    assert settings.duties(SENDER).bidder == wanted
    with pytest.raises(SettingsError, match="name the same"):
        Settings(bid_limits=sizes)
    with pytest.raises(SettingsError, match="is a number"):
        Settings(bid_limits={"BTC": Decimal(1)}, bid_discounts={"BTC": Decimal(1)})


def test_options_win_over_the_file(tmp_path):
    file = tmp_path / "k.toml"
    file.write_text('network = "base-sepolia"\nmax_fee = "1.5"\nroles = ["liquidator"]\n'
                    'retries = 3\n[loss]\nliquidator = "12"\n')  # fmt: skip
    settings = load_settings(file, {"network": "anvil", "roles": (), "share": None})
    assert settings.network == "anvil"
    assert settings.roles == ("liquidator",)
    assert settings.terms.cap == 15 * GWEI // 10
    assert settings.losses == {"liquidator": 12 * 10**18}
    assert settings.retries == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("colour = 1", "no setting colour"),
        ("max_fee = 1.5", "write numbers with a point as strings"),
        ('max_fee = "much"', "is not of the kind of"),
        ('retries = "3"', "is not of the kind of"),
        ('roles = ["clerk"]', "no role clerk"),
        ('share = "2/2"', "keeper 2 of 2"),
        ('webhook = "http://example.com"', "https"),
        ('rpc = ["ws://node"]', "http or https"),
        ("max_fee = 0", "above 0"),
        ('[loss]\nclerk = "1"', "loss: no role clerk"),
        ("no toml", "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused_in_words(tmp_path, text, message):
    file = tmp_path / "k.toml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=message):
        load_settings(file, {})
