"""A signer behind HTTP: its sources are sampled in one thread, questions answered in others."""

import threading
from collections.abc import Mapping
from typing import Any

import structlog

from tidegate.prices.carrier import PROPOSE, SIGN, VOTE_PATH
from tidegate.prices.panel import (
    MAX_FEED,
    MAX_SLOT,
    MAX_VIEW,
    Bid,
    Certificate,
    Malformed,
    natural,
    signature_of,
)
from tidegate.prices.sampler import Sampler
from tidegate.prices.server import Answer, Server
from tidegate.prices.signer import Refusal, Signer

log = structlog.get_logger("tidegate.prices.signer")
OK, BAD, REFUSED, NOT_WELL = 200, 400, 409, 503


class SigningService:
    """Answers what a carrier asks. `every`: seconds between two passes over the sources."""

    def __init__(
        self, signer: Signer, sampler: Sampler, where: tuple[str, int], every: float = 1.0
    ) -> None:
        self.signer = signer
        self.sampler = sampler
        self.every = every
        self.refused: dict[str, int] = {}
        self.signed = 0
        self._lock = threading.Lock()
        gets = {"/v1/status": self._status, "/healthz": self._health, "/metrics": self._metrics}
        posts = {
            PROPOSE: lambda body: self._guarded("propose", self._propose, body),
            VOTE_PATH: lambda body: self._guarded("vote", self._vote, body),
            SIGN: lambda body: self._guarded("sign", self._sign, body),
        }
        self.server = Server(where, gets, posts)

    def run(self, stop: threading.Event) -> None:
        """Sample until told to stop."""
        known: dict[int, str] = {}
        while not stop.is_set():
            self.sampler.look()
            for feed, look in self.sampler.looks.items():
                state = look.problem or ", ".join(
                    f"{source}: {why}" for source, why in sorted(look.faults.items())
                )
                if known.get(feed, "") != state:
                    known[feed] = state
                    tell = log.warning if look.problem else log.info
                    tell("sources", feed=feed, price=look.sample is not None, faults=state)
            now = self.sampler.clock.look()
            stop.wait(self.every - now % self.every)

    def close(self) -> None:
        self.server.close()
        self.sampler.close()

    # Questions

    def _guarded(self, what: str, answer: Any, body: Any) -> Answer:
        try:
            return OK, answer(body)
        except Malformed as error:
            return BAD, {"error": str(error)}
        except Refusal as refusal:
            with self._lock:
                reason = str(refusal.reason)
                self.refused[reason] = self.refused.get(reason, 0) + 1
            log.info("refused", question=what, reason=reason, detail=refusal.detail)
            return REFUSED, refusal.to_json()

    def _propose(self, body: Any) -> dict[str, Any]:
        fields = _fields(body, "feed", "slot", "view")
        bid, signature = self.signer.propose(
            natural(fields["feed"], "feed", MAX_FEED),
            natural(fields["slot"], "slot", MAX_SLOT),
            natural(fields["view"], "view", MAX_VIEW),
        )
        return {"bid": bid.to_json(), "signature": "0x" + signature.hex()}

    def _vote(self, body: Any) -> dict[str, Any]:
        fields = _fields(body, "bid", "signature")
        bid = Bid.from_json(fields["bid"])
        vote = self.signer.vote(bid, signature_of(fields["signature"]))
        return {"signature": "0x" + vote.hex()}

    def _sign(self, body: Any) -> dict[str, Any]:
        certificate = Certificate.from_json(body)
        signature = self.signer.sign(certificate)
        with self._lock:
            self.signed += 1
        message = certificate.bid.message
        log.info("signed", feed=message.feed, slot=message.slot, price=str(message.price))
        return {"signature": "0x" + signature.hex()}

    # For people and machines that watch

    def _status(self, _: Mapping[str, str]) -> Answer:
        panel = self.signer.panel
        now = self.signer.clock.look()
        feeds = {}
        for feed, look in self.sampler.looks.items():
            sample = look.sample
            feeds[str(feed)] = {
                "price": str(sample.price) if sample else None,
                "published": sample.published if sample else None,
                "sources": list(sample.sources) if sample else [],
                "problem": look.problem,
                "faults": dict(look.faults),
                "newest_signed": self.signer.store.newest(feed),
            }
        return OK, {
            "address": self.signer.account.address,
            "chain_id": panel.domain.chain_id,
            "oracle": panel.domain.oracle,
            "time": f"{now:.3f}",
            "feeds": feeds,
            "refused": dict(self.refused),
        }

    def _unwell(self) -> list[str]:
        looks = self.sampler.looks
        return [
            f"feed {feed}: {looks[feed].problem if feed in looks else 'not looked yet'}"
            for feed in self.sampler.feeds
            if feed not in looks or looks[feed].problem
        ]

    def _health(self, _: Mapping[str, str]) -> Answer:
        problems = self._unwell()
        return (NOT_WELL if problems else OK), {"ok": not problems, "problems": problems}

    def _metrics(self, _: Mapping[str, str]) -> Answer:
        lines = [f"tidegate_signer_signed_total {self.signed}"]
        lines += [
            f'tidegate_signer_refused_total{{reason="{reason}"}} {count}'
            for reason, count in sorted(self.refused.items())
        ]
        for feed, look in sorted(self.sampler.looks.items()):
            lines.append(f'tidegate_signer_has_price{{feed="{feed}"}} {int(not look.problem)}')
            newest = self.signer.store.newest(feed)
            lines.append(f'tidegate_signer_newest_slot{{feed="{feed}"}} {newest}')
            agree = len(look.sample.sources) if look.sample else 0
            lines.append(f'tidegate_signer_sources{{feed="{feed}"}} {agree}')
        lines.append(f"tidegate_signer_clock_steps_total {self.signer.clock.steps}")
        return OK, "\n".join(lines) + "\n"


def _fields(body: Any, *names: str) -> Mapping[str, Any]:
    if not isinstance(body, Mapping) or body.keys() != set(names):
        raise Malformed(f"a question has {', '.join(names)}")
    return body
