"""Signers and aggregator behind HTTP, in this process: wires, bounds, what a pusher gets."""

import http.client
import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tests.unit.prices.crew import DOMAIN, ONE, SLOT, Crew
from tidegate.keepers.actions import Publish
from tidegate.prices import web
from tidegate.prices.aggregator import (
    AT_ONCE,
    Aggregator,
    AggregatorService,
    HttpTransport,
    Progress,
    Turn,
    due,
)
from tidegate.prices.carrier import PROPOSE, SIGN, VOTE_PATH, Carrier
from tidegate.prices.clock import Clock
from tidegate.prices.median import Rules
from tidegate.prices.observation import Observation, Reason, SourceError
from tidegate.prices.offers import AggregatorOffers
from tidegate.prices.panel import Malformed, Panel, SignedPrice
from tidegate.prices.pushing import decide, fetch
from tidegate.prices.sampler import FeedSources, Sampler
from tidegate.prices.server import LIMIT, Server, listen_at
from tidegate.prices.signer import Signer
from tidegate.prices.signing_service import SigningService
from tidegate.prices.store import Store

PRICE = 60_000 * ONE


class Said:
    """A source whose price, time and pace are the test's."""

    def __init__(self, name: str, feed: int = 1, price: int = PRICE) -> None:
        self.name, self.feed, self.price = name, feed, price
        self.gate: threading.Event | None = None
        self.error: SourceError | None = None
        self.asked = 0

    def observe(self, now: int) -> Observation:
        self.asked += 1
        if self.gate is not None:
            self.gate.wait(10)
        if self.error is not None:
            raise self.error
        return Observation(self.feed, self.name, self.price, now)


# Sampling


class Watch:
    """A clock of the test."""

    def __init__(self) -> None:
        self.wall = 1_800_000_000.0
        self.monotonic = 0.0
        self.clock = Clock(lambda: self.wall, lambda: self.monotonic)

    def go(self, seconds: float) -> None:
        self.wall += seconds
        self.monotonic += seconds


@pytest.fixture
def sampling():
    watch = Watch()
    sources = [Said("a"), Said("b", price=PRICE + ONE), Said("c", price=PRICE + 2 * ONE)]
    feed = FeedSources(1, tuple(sources), Rules(minimum=2), 2_000)
    sampler = Sampler([feed], watch.clock, seconds=0.2)
    yield watch, sources, sampler
    for source in sources:
        if source.gate:
            source.gate.set()
    sampler.close()


def test_the_own_price_of_a_slot_is_the_first_median_begun_in_it(sampling):
    watch, sources, sampler = sampling
    opened = int(watch.wall) + 1
    sampler.look()
    assert sampler.own(1, opened) is None
    watch.go(2)
    sampler.look()
    sources[1].price = PRICE + 50 * ONE
    watch.go(1)
    sampler.look()
    own = sampler.own(1, opened)
    assert (own.price, own.began) == (PRICE + ONE, opened + 1)
    assert sampler.own(1, opened - 1).price == PRICE + ONE
    # a first publication later than any feed's max age prices no slot
    assert sampler.own(1, opened - 1024 - 5) is None


def test_a_slow_source_is_left_out_and_not_asked_again_meanwhile(sampling):
    watch, sources, sampler = sampling
    sources[2].gate = threading.Event()
    began = time.monotonic()
    sampler.look()
    assert time.monotonic() - began < 1
    look = sampler.looks[1]
    assert look.sample.sources == ("a", "b")
    assert look.faults == {"c": "timeout: 0.2 s"}
    watch.go(1)
    sampler.look()
    assert sampler.looks[1].faults == {"c": "timeout: still busy"}
    assert sources[2].asked == 1
    sources[2].gate.set()


def test_a_failing_source_is_named_and_the_others_go_on(sampling):
    _, sources, sampler = sampling
    sources[0].error = SourceError(Reason.RATE_LIMITED, "HTTP 429")
    sampler.look()
    assert sampler.looks[1].faults == {"a": "rate limited: HTTP 429"}
    assert sampler.looks[1].sample.price == PRICE + 3 * ONE // 2
    sources[1].error = SourceError(Reason.NOT_JSON)
    sampler.look()
    assert sampler.looks[1].sample is None
    assert sampler.looks[1].problem == "1 of 1 sources agree"


def test_a_clock_that_was_set_forgets_what_was_seen_by_the_other_time(sampling):
    watch, _, sampler = sampling
    sampler.look()
    assert sampler.own(1, int(watch.wall)) is not None
    watch.wall -= 100
    sampler.look()
    assert "the clock was set" in sampler.looks[1].problem
    assert sampler.own(1, int(watch.wall)) is None
    watch.go(11)
    sampler.look()
    assert sampler.own(1, int(watch.wall)) is not None


# Turns


@pytest.fixture
def panel(tmp_path) -> Panel:
    crew = Crew(tmp_path)
    crew.close()
    return crew.panel


def test_the_newest_slots_come_first_and_each_view_once(panel):
    progress = Progress()
    now = SLOT * 4 + 1.0
    turns = due(panel, [1], now, 5, progress)
    assert turns == [Turn(1, SLOT, 0), Turn(1, SLOT - 1, 4), Turn(1, SLOT - 2, 8)]
    assert len(turns) == AT_ONCE
    for turn in turns:
        progress.tried[1, turn.slot] = turn.view
    assert due(panel, [1], now, 5, progress) == [Turn(1, SLOT - 3, 12), Turn(1, SLOT - 4, 16)]
    assert due(panel, [1], now + 1, 1, progress) == [Turn(1, SLOT, 1)]


def test_a_slot_is_not_tried_before_its_first_view_nor_after_its_price(panel, tmp_path):
    assert due(panel, [1], SLOT * 4 + 0.9, 1, Progress()) == []
    message = Crew.__new__(Crew)  # any price will do
    progress = Progress(done={(1, SLOT): message})
    assert due(panel, [1, 2], SLOT * 4 + 1, 1, progress) == [Turn(2, SLOT, 0)]


def test_once_all_have_led_the_next_tries_are_far_between_and_of_other_leaders(panel):
    progress = Progress()
    views = []
    for tenth in range(900):
        for turn in due(panel, [1], SLOT * 4 + tenth / 10, 40, progress):
            progress.tried[1, turn.slot] = turn.view
            if turn.slot == SLOT:
                views.append(turn.view)
    assert views[:7] == [0, 1, 2, 3, 4, 9, 14]
    assert len({panel.leader(SLOT, view) for view in views[4:8]}) == 4


# Pushing


def signed(slot: int, feed: int = 1, late: int = 0) -> SignedPrice:
    record = {"feed": feed, "slot": slot, "price": str(PRICE), "published": slot * 4 + late}
    return SignedPrice.from_json({**record, "signatures": "0x" + "11" * 195})


def test_what_is_pushed_now_is_in_order_of_slots():
    ready = [
        signed(SLOT),
        signed(SLOT - 2, 2),
        signed(SLOT - 1),
        signed(SLOT - 128),
        signed(SLOT, 2),
    ]
    ready.append(signed(SLOT - 3, late=20))
    now = SLOT * 4 + 2.0
    chosen = decide(ready, {(1, SLOT - 1)}, {(2, SLOT): now + 1}, now, 4)
    assert chosen == [ready[1], ready[0]]
    assert decide(ready, {(1, SLOT - 1)}, {(2, SLOT): now}, now, 4) == [
        ready[1],
        ready[0],
        ready[4],
    ]


@pytest.mark.parametrize(
    "record",
    [None, 5, {}, {"feed": 1}, {"signatures": 5}, {**signed(1).to_json(), "signatures": "0xzz"}],
)
def test_a_record_that_is_no_signed_price(record):
    with pytest.raises(Malformed):
        SignedPrice.from_json(record)


# Servers


def test_a_server_bounds_what_it_is_asked():
    seen = []
    answer = lambda body: (200, {"seen": seen.append(body)})  # noqa: E731
    server = Server(("127.0.0.1", 0), {"/x": lambda query: (200, query)}, {"/y": answer})
    try:
        assert web.ask(server.url + "/x?a=1&a=2", 2) == (200, {"a": "2"})
        assert web.ask(server.url + "/nothing", 2)[0] == 404
        assert web.ask(server.url + "/nothing", 2, {})[0] == 404
        assert web.ask(server.url + "/y", 2, {"n": "1"})[0] == 200
        assert web.ask(server.url + "/y", 2, "x" * LIMIT)[0] == 413
        host = server.url.removeprefix("http://")
        for body in (b"{", b"[" * 60_000, b"\xff"):
            connection = http.client.HTTPConnection(host, timeout=2)
            connection.request("POST", "/y", body)
            assert connection.getresponse().status == 400
            connection.close()
        assert seen == [{"n": "1"}]
        # who says nothing holds no more than a connection
        idle = [socket.create_connection(tuple(host.split(":"))) for _ in range(20)]
        assert web.ask(server.url + "/x", 2) == (200, {})
        for each in idle:
            each.close()
    finally:
        server.close()


@pytest.mark.parametrize("text", ["9301", ":9301", "host:", "host:x", "host:70000"])
def test_where_to_listen(text):
    with pytest.raises(ValueError, match="is not HOST:PORT"):
        listen_at(text)
    assert listen_at("[::1]:80") == ("::1", 80)


@contextmanager
def services(crew: Crew):
    """A signing service for each signer of a crew, on the machine's clock."""
    made, samplers = {}, []
    for address in crew.panel.signers:
        clock = Clock()
        store = Store(crew.folder / f"http-{address}.db", address, DOMAIN, time.time() - 60)
        sources = (Said("a"), Said("b"))
        sampler = Sampler([FeedSources(1, sources, Rules(), 2_000)], clock, 0.5)
        signer = Signer(
            crew.accounts[address],
            crew.panel,
            store,
            lambda feed, slot, sampler=sampler: sampler.own(feed, crew.panel.opens(slot)),
            {1: 2_000},
            clock,
        )
        made[address] = SigningService(signer, sampler, ("127.0.0.1", 0))
        samplers.append(sampler)
    try:
        yield made
    finally:
        for service in made.values():
            service.close()
            service.signer.store.close()


def test_signers_and_aggregator_over_http(tmp_path):
    crew = Crew(tmp_path)
    crew.close()
    crew.panel = replace(crew.panel, settle=0.0, slot_seconds=1)
    with services(crew) as made:
        down = crew.panel.signers[0]
        urls = {address: service.server.url for address, service in made.items()}
        urls[down] = "http://127.0.0.1:1"
        for service in made.values():
            assert web.ask(service.server.url + "/healthz", 2)[0] == 503
            service.sampler.look()
            assert web.ask(service.server.url + "/healthz", 2)[0] == 200
        transport = HttpTransport(urls, 1.0)
        clock = Clock()
        aggregator = Aggregator(
            crew.panel, Carrier(crew.panel, transport, lambda *_: None), (1,), clock, 2
        )
        served = AggregatorService(aggregator, ("127.0.0.1", 0))
        try:
            url = served.server.url
            assert web.ask(url + "/healthz", 2)[0] == 503
            deadline = time.monotonic() + 20
            while len(aggregator.prices()) < 3:
                for service in made.values():
                    service.sampler.look()
                aggregator.step()
                assert time.monotonic() < deadline, list(aggregator.recent)
            prices = fetch(url, 0)
            assert [p.message.price for p in prices] == [PRICE] * len(prices)
            assert fetch(url, prices[-1].message.slot) == prices[-1:]
            assert web.ask(url + "/prices?since=x", 2)[0] == 404
            assert web.ask(url + "/v1/prices?since=x", 2)[0] == 400
            assert web.ask(url + "/healthz", 2)[0] == 200
            served.watch_clocks(transport)
            assert served.skews.keys() == set(crew.panel.signers[1:])
            assert all(abs(skew) < 1 for skew in served.skews.values())
            text = _text(url + "/metrics")
            assert f'tidegate_signer_faults_total{{signer="{down}",what="unreachable"}}' in text
            assert 'tidegate_price_age_seconds{feed="1"}' in text

            said: list[str] = []
            offers = AggregatorOffers(["http://127.0.0.1:1", url], 1, said.append)
            offers.ask(time.time())
            newest = Publish(*prices[-1].arguments)
            assert offers.offers({}) == [newest]
            first = prices[0].message.slot
            assert [o.slot for o in offers.offers({1: {first}})] == [first, newest.slot]
            assert said == ["aggregator 0 gives no prices: unreachable: ConnectionRefusedError"]
        finally:
            served.close()
            transport.close()

        # What a signer says of itself, and to nonsense.
        url = made[crew.panel.signers[1]].server.url
        status = web.ask(url + "/v1/status", 2)[1]
        assert status["address"] == crew.panel.signers[1]
        assert status["feeds"]["1"]["sources"] == ["a", "b"]
        secret = crew.accounts[crew.panel.signers[1]].key.hex().removeprefix("0x")
        assert secret not in json.dumps(status) + _text(url + "/metrics")
        assert "tidegate_signer_has_price" in _text(url + "/metrics")
        for path, body in (
            (PROPOSE, {}),
            (PROPOSE, {"feed": -1, "slot": 1, "view": 0}),
            (VOTE_PATH, {"bid": {}, "signature": "0x"}),
            (VOTE_PATH, 5),
            (SIGN, {"bid": None, "votes": {}}),
            (SIGN, {"bid": prices[0].to_json(), "votes": {"0x": "0x"}}),
        ):
            assert web.ask(url + path, 2, body)[0] == 400
        question = {"feed": 9, "slot": 1, "view": 0}
        assert web.ask(url + PROPOSE, 2, question) == (
            409,
            {"refused": "unknown feed", "detail": "9"},
        )


def _text(url: str) -> str:
    host, _, path = url.removeprefix("http://").partition("/")
    connection = http.client.HTTPConnection(host, timeout=2)
    connection.request("GET", "/" + path)
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def test_who_is_slow_is_not_waited_for():
    gate = threading.Event()
    quick = Server(("127.0.0.1", 0), {}, {VOTE_PATH: lambda body: (200, {"n": body})})
    slow = Server(("127.0.0.1", 0), {}, {VOTE_PATH: lambda body: (200, {"n": gate.wait(10)})})
    transport = HttpTransport({"quick": quick.url, "slow": slow.url}, 0.4)
    try:
        began = time.monotonic()
        answers = transport(VOTE_PATH, {"slow": 1, "quick": 2, "nobody": 3})
        assert [(a.signer, a.body, a.fault) for a in (next(answers), next(answers))] == [
            ("nobody", None, "no URL"),
            ("quick", {"n": 2}, ""),
        ]
        assert time.monotonic() - began < 0.4
        assert [(a.signer, a.fault) for a in answers] == [("slow", "timeout: 0.4 s")]
        assert time.monotonic() - began < 2
    finally:
        gate.set()
        transport.close()
        quick.close()
        slow.close()
