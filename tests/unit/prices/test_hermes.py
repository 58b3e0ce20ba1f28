"""Hermes over HTTP, with answers built from its documented format."""

import time
from copy import deepcopy

import pytest

from tests.harness.pyth import PriceUpdate, encode_update
from tests.unit.prices.built import BTC_ID, Badly, hermes, serve
from tidegate.prices.hermes import MAX_UPDATE, Hermes
from tidegate.prices.observation import Observation, Reason, SourceError

NOW = 1_800_000_000


def ask(how: Badly, timeout: float = 2.0, key: str = ""):
    with serve(how) as url:
        return Hermes(1, url, BTC_ID, key, timeout=timeout).observe(NOW)


def reason_of(how: Badly, timeout: float = 2.0) -> SourceError:
    with pytest.raises(SourceError) as refused:
        ask(how, timeout)
    return refused.value


def test_a_price_and_its_doubt_in_1e18():
    how = Badly(hermes(NOW))
    assert ask(how) == Observation(
        1, "pyth", 60_123_456_789 * 10**12, NOW, confidence=21_000_000_010_000_000_000
    )
    [(path, headers)] = how.asked
    assert path.startswith(f"/v2/updates/price/latest?ids%5B%5D={BTC_ID}&")
    assert "Authorization" not in headers


def test_the_key_goes_into_the_header_and_nowhere_else():
    how = Badly(hermes(NOW))
    with serve(how) as url:
        source = Hermes(1, url, BTC_ID, "secret of the server")
        source.observe(NOW)
    [(path, headers)] = how.asked
    assert headers["Authorization"] == "Bearer secret of the server"
    assert "secret" not in path + repr(source)


def test_the_confidence_is_rounded_up():
    answer = hermes(NOW)
    answer["parsed"][0]["price"].update(price="60000000000000000000", conf="1", expo=-18)
    assert ask(Badly(answer)).confidence == 1
    # an exponent of -18 is the finest that the contracts take
    answer["parsed"][0]["price"].update(expo=-19)
    assert reason_of(Badly(answer)).reason == Reason.OUT_OF_RANGE


def changed(path: str, value: object) -> Badly:
    answer = deepcopy(hermes(NOW))
    record: object = answer
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    for part in parents:
        record = record[part]
    if value is None:
        del record[last]
    else:
        record[last] = value
    return Badly(answer)


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("parsed", None, Reason.MISSING),
        ("parsed", [], Reason.WRONG_SYMBOL),
        ("parsed", {}, Reason.WRONG_SYMBOL),
        ("parsed.0.id", None, Reason.MISSING),
        ("parsed.0.id", "ff" * 32, Reason.WRONG_SYMBOL),
        ("parsed.0.price", None, Reason.MISSING),
        ("parsed.0.price", "6012345678900", Reason.MISSING),
        ("parsed.0.price.price", None, Reason.MISSING),
        ("parsed.0.price.price", "-6012345678900", Reason.NOT_POSITIVE),
        ("parsed.0.price.price", "0", Reason.NOT_POSITIVE),
        ("parsed.0.price.price", "NaN", Reason.NOT_A_NUMBER),
        ("parsed.0.price.price", float("nan"), Reason.NOT_A_NUMBER),
        ("parsed.0.price.price", float("inf"), Reason.NOT_A_NUMBER),
        ("parsed.0.price.price", "1.5", Reason.NOT_A_NUMBER),
        ("parsed.0.price.price", "1_000", Reason.NOT_A_NUMBER),
        ("parsed.0.price.price", "٣", Reason.NOT_A_NUMBER),
        ("parsed.0.price.price", True, Reason.NOT_A_NUMBER),
        ("parsed.0.price.price", [1], Reason.NOT_A_NUMBER),
        ("parsed.0.price.price", "9" * 60, Reason.OUT_OF_RANGE),
        ("parsed.0.price.price", "1e999999999", Reason.OUT_OF_RANGE),
        ("parsed.0.price.conf", "-1", Reason.OUT_OF_RANGE),
        ("parsed.0.price.conf", None, Reason.MISSING),
        ("parsed.0.price.expo", 19, Reason.OUT_OF_RANGE),
        ("parsed.0.price.expo", -1_000_000_000, Reason.OUT_OF_RANGE),
        ("parsed.0.price.expo", 18, Reason.OUT_OF_RANGE),
        ("parsed.0.price.publish_time", None, Reason.MISSING),
        ("parsed.0.price.publish_time", "soon", Reason.NOT_A_NUMBER),
        ("parsed.0.metadata.prev_publish_time", "x", Reason.NOT_A_NUMBER),
        ("binary", None, Reason.MISSING),
        ("binary.encoding", "base64", Reason.MISSING),
        ("binary.data", ["zz"], Reason.NOT_A_NUMBER),
        ("binary.data", [], Reason.MISSING),
        ("binary.data", ["00" * (MAX_UPDATE + 1)], Reason.OUT_OF_RANGE),
    ],
)
def test_a_bad_answer_is_named(path, value, reason):
    assert reason_of(changed(path, value)).reason == reason


@pytest.mark.parametrize("body", [[], "text", 5, None, {"parsed": 5}])
def test_json_of_another_shape(body):
    assert reason_of(Badly(body)).reason in (Reason.MISSING, Reason.WRONG_SYMBOL)


@pytest.mark.parametrize(
    ("status", "reason"), [(429, Reason.RATE_LIMITED), (500, Reason.REFUSED), (401, Reason.REFUSED)]
)
def test_a_status_that_is_no_success(status, reason):
    refused = reason_of(Badly(hermes(NOW), status))
    assert (refused.reason, refused.detail) == (reason, f"HTTP {status}")


def test_truncated_json():
    body = Badly(hermes(NOW)).bytes
    assert reason_of(Badly(body[:-20])).reason == Reason.NOT_JSON
    cut = Badly(body[:-20])
    cut.length = len(body)
    assert reason_of(cut).reason == Reason.UNREACHABLE
    assert reason_of(Badly(b"[" * 100_000)).reason == Reason.NOT_JSON


def test_an_answer_without_end():
    assert reason_of(Badly(b" " * 300_000)).reason == Reason.TOO_LONG


@pytest.mark.parametrize("how", ["pause", "drip"])
def test_a_slow_answer_ends_in_time(how):
    slow = Badly(hermes(NOW))
    setattr(slow, how, 5.0 if how == "pause" else 0.05)
    began = time.monotonic()
    assert reason_of(slow, timeout=0.3).reason == Reason.TIMEOUT
    assert time.monotonic() - began < 2


def test_nobody_there():
    with pytest.raises(SourceError) as refused:
        Hermes(1, "http://127.0.0.1:1", BTC_ID).observe(NOW)
    assert refused.value.reason == Reason.UNREACHABLE


# For PythFeed


def test_the_update_that_prices_a_slot():
    message = PriceUpdate(price=6012345678900, published=NOW, previous=NOW - 1)
    data = encode_update([message])
    how = Badly(hermes(NOW, data=data))
    with serve(how) as url:
        found = Hermes(1, url, BTC_ID).update(NOW // 4, 4)
    assert (found.data, found.published, found.previous) == (data, NOW, NOW - 1)
    assert how.asked[0][0].startswith(f"/v2/updates/price/{NOW}?")


@pytest.mark.parametrize(
    ("published", "previous"), [(NOW + 2, NOW + 1), (NOW - 1, NOW - 2), (NOW + 1024, NOW - 1)]
)
def test_an_update_that_is_not_the_first_of_its_slot(published, previous):
    with serve(Badly(hermes(published, previous))) as url, pytest.raises(SourceError) as refused:
        Hermes(1, url, BTC_ID).update(NOW // 4, 4)
    assert refused.value.reason == Reason.NOT_FIRST
