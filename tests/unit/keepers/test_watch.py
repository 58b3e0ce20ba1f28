"""Alarms, health, metrics on loopback, the webhook."""

import http.server
import json
import threading
import urllib.error
import urllib.request
from decimal import Decimal

import pytest

from tidegate.keepers.watch import BadAddress, Facts, Limits, Watch, Webhook, alarms, serve

FINE = Facts(balance=Decimal(1), nodes=2, nodes_asked=2)
LIMITS = Limits()


def test_all_is_well():
    assert alarms(FINE, LIMITS) == {}


@pytest.mark.parametrize(
    ("changes", "name", "text"),
    [
        ({"balance": Decimal("0.049")}, "low-balance", "0.049 coins left, below 0.05"),
        ({"dead": 3}, "dead-letter", "3 items were given up"),
        ({"nodes_asked": 1}, "head-drift", "1 of 2 nodes can be asked"),
        ({"head_age": 61.0}, "head-drift", "the newest block is 61 s old"),
        ({"since_reset": 10.0}, "chain-reset", "the chain was reset 10 s ago"),
        ({"stuck": 1}, "stuck-transaction", "1 transactions wait at the fee cap"),
        ({"stale_feeds": (1, 2)}, "price-feed-stale", "no fresh price of feed 1, 2"),
        ({"oldest_due": 301.0}, "nothing-executed", "something has been due for 301 s"),
        ({"lease_lost": True}, "lease-lost", "the work is split by hash"),
    ],
)
def test_each_alarm_has_its_fact_and_its_runbook(changes, name, text):
    from dataclasses import replace

    from tidegate.artifacts import ROOT

    found = alarms(replace(FINE, **changes), LIMITS)
    assert list(found) == [name]
    assert text in found[name]
    assert (ROOT / "docs" / "runbooks" / f"{name}.md").exists()


def test_one_bad_node_of_two_is_an_alarm_and_no_failure():
    watch = Watch()
    watch.judge(Facts(nodes=2, nodes_asked=1), {})
    assert watch.health()[0]
    watch.judge(Facts(nodes=2, nodes_asked=0), {})
    assert not watch.health()[0]


def test_an_alarm_is_told_when_it_begins_and_when_it_ends():
    said = []
    watch = Watch(say=lambda event, **facts: said.append((event, facts["alarm"])))
    for dead in (0, 1, 2, 0):
        watch.judge(Facts(nodes=1, nodes_asked=1, dead=dead), {})
    assert said == [("alarm begins", "dead-letter"), ("alarm ends", "dead-letter")]


@pytest.fixture
def served():
    watch = Watch(identity={"chain": 31337})
    server = serve(watch, 0)
    yield watch, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_health_is_503_while_it_cannot_work(served):
    watch, url = served
    watch.judge(FINE, {"head": 7})
    with urllib.request.urlopen(f"{url}/healthz") as answer:
        content = json.load(answer)
    assert content["ok"]
    assert content["chain"] == 31337
    assert content["head"] == 7
    watch.judge(Facts(nodes=1, nodes_asked=1, oldest_due=1_000.0), {})
    with pytest.raises(urllib.error.HTTPError, match="503") as refused:
        urllib.request.urlopen(f"{url}/healthz")
    refused.value.close()


def test_metrics_are_served(served):
    watch, url = served
    watch.judge(Facts(nodes=1, nodes_asked=1, dead=1), {})
    with urllib.request.urlopen(f"{url}/metrics") as answer:
        text = answer.read().decode()
    assert 'tidegate_keeper_alarm{alarm="dead-letter"} 1.0' in text


def test_nothing_is_served_beyond_this_machine():
    with pytest.raises(BadAddress, match="loopback only"):
        serve(Watch(), 0, "0.0.0.0")


@pytest.mark.parametrize("url", ["http://example.com/x", "ftp://localhost/", "https://", "x"])
def test_a_webhook_is_https_or_of_this_machine(url):
    with pytest.raises(BadAddress):
        Webhook(url)


def test_the_webhook_is_told():
    heard = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    webhook = Webhook(f"http://127.0.0.1:{server.server_port}/hook")
    watch = Watch(webhook=webhook, identity={"address": "0xme"})
    watch.judge(Facts(nodes=1, nodes_asked=1, balance=Decimal("0.01")), {})
    webhook.flush(5.0)
    server.shutdown()
    server.server_close()
    assert heard == [
        {
            "alarm": "low-balance",
            "turn": "begins",
            "text": "0.01 coins left, below 0.05",
            "address": "0xme",
        }
    ]


def test_a_dead_webhook_holds_nobody_up_and_its_url_is_not_told():
    said = []
    webhook = Webhook(
        "http://127.0.0.1:1/secret", lambda event, **facts: said.append((event, facts))
    )
    for _ in range(300):
        webhook.tell({"alarm": "dead-letter"})
    webhook.flush(5.0)
    assert said
    assert all(event == "webhook failed" for event, _ in said)
    assert "secret" not in str(said)
