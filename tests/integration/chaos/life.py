import argparse, json, signal, sys, time
from dataclasses import replace
from pathlib import Path
from tidegate.chain import Known
from tidegate.client.venue import Venue, COLLATERAL
from tidegate.deployment import Deployment
from tidegate.keepers.cursor import Cursor, Unsteady, Reset
from tidegate.keepers.endpoints import Endpoints, Guard, NoEndpoint
from tidegate.keepers.history import History
from tidegate.keepers.lane import Lane, Terms
from tidegate.keepers.lease import open_split
from tidegate.keepers.registry import choose
from tidegate.keepers.sender import Sender
from tidegate.keepers.service import Service
from tidegate.keepers.store import Store
from tidegate.local_accounts import local_account
from tidegate.spec import words
from tidegate.web3_chain import Web3Chain
from tidegate.keepers.view import View
import inspect

def say(event, **facts):
    print(json.dumps({"at": round(time.time(),3), "event": event, **{k: str(v) for k, v in facts.items()}}), flush=True)

def main(argv, prog_name=""):
    p = argparse.ArgumentParser()
    p.add_argument("--rpc", action="append"); p.add_argument("--manifests", type=Path)
    p.add_argument("--key"); p.add_argument("--state"); p.add_argument("--roles", default="liquidator,order_executor,vault_claims")
    p.add_argument("--patience", type=float, default=2.0); p.add_argument("--lease"); p.add_argument("--share", default="0/1")
    p.add_argument("--poll", type=float, default=0.05)
    a = p.parse_args(argv)
    stop = []
    signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
    while not stop:
        try:
            life(a, stop)
        except (NoEndpoint, Unsteady) as e:
            say("again", why=repr(e)); time.sleep(0.2)
        except Reset as e:
            say("reset", why=str(e)); return 3

def life(a, stop):
    rpc = Endpoints(a.rpc, 31337, Guard(aside=0.2, longest=2.0, timeout=1.0, watch=0.5), say=say)
    account = local_account(a.key)
    chain = Web3Chain(rpc, "keeper", {account.address: lambda t: b""}, still=False)
    d = Deployment.load(chain, a.manifests)
    venue = Venue.of(d)
    store = Store(a.state, f"{chain.genesis} {account.address}")
    known = Known()
    for c in venue.contracts: known.add(c.address, c.abi)
    cursor = Cursor(rpc, known, d.manifest["block"] and 0, chain.genesis)
    history = History(words.deficits(venue.core.address, COLLATERAL))
    lane = Lane(chain, rpc, account, store, Terms(patience=a.patience), say=say)
    k, n = map(int, a.share.split("/"))
    service = Service(venue, rpc, cursor, history, lane, Sender(lane), store, choose(a.roles.split(",")),
                      open_split(a.lease, f"{a.key}", k, n, lambda t: say(t)), say=say)
    say("begins")
    while not stop:
        try:
            tick = service.tick()
        except (NoEndpoint, Unsteady) as e:
            say("again", why=repr(e)); time.sleep(0.1); continue
        for o in tick.outcomes:
            say("outcome", fn=o.transaction.fn, error=o.error)
        time.sleep(a.poll)
    service.close()
