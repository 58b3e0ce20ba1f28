"""Files of feeds/: which sources price a feed, and by what rules. Reviewed in git."""

import os
import tomllib
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tidegate.artifacts import ROOT
from tidegate.prices.hermes import Hermes
from tidegate.prices.median import Rules
from tidegate.prices.observation import Source
from tidegate.prices.replay import Recorded
from tidegate.prices.sampler import FeedSources
from tidegate.simulation.paths import PathError
from tidegate.spec.rounding import PPM

FEEDS = ROOT / "feeds"


class FeedError(Exception):
    """A file of a feed that cannot be used; the text begins with its path."""


def load_feed(name: str, folder: Path = FEEDS) -> FeedSources:
    """A feed by the name of its file, e.g. "btc-usd"; or by a path to a file."""
    path = Path(name) if name.endswith(".toml") else folder / f"{name}.toml"
    try:
        fields = tomllib.loads(path.read_text(), parse_float=str)
    except (OSError, ValueError) as error:
        raise FeedError(f"{path}: {error}") from None
    try:
        return _feed(fields, path.parent)
    except (PathError, TypeError, ValueError, KeyError, InvalidOperation) as error:
        text = f"{error} is missing" if isinstance(error, KeyError) else str(error)
        raise FeedError(f"{path}: {text}") from None


def _feed(fields: dict[str, Any], folder: Path) -> FeedSources:
    feed = _whole(fields.pop("feed"), "feed", 1)
    tolerance = _ppm(fields.pop("tolerance"), "tolerance")
    listed = fields.pop("sources")
    made = {}
    for name in ("max_age", "max_ahead", "minimum"):
        if name in fields:
            made[name] = _whole(fields.pop(name), name, 0)
    for name in ("max_confidence", "max_distance"):
        if name in fields:
            made[name] = _ppm(fields.pop(name), name)
    if fields:
        raise ValueError(f"{', '.join(sorted(fields))} is no setting of a feed")
    rules = Rules(**made)
    sources = tuple(_source(feed, dict(each), folder) for each in listed)
    names = [source.name for source in sources]
    if len(set(names)) < len(names):
        raise ValueError("two sources have one name: one of them would have two voices")
    if len(sources) < rules.minimum:
        raise ValueError(f"{len(sources)} sources, {rules.minimum} must agree")
    return FeedSources(feed, sources, rules, tolerance)


def _whole(value: Any, name: str, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} = {value!r} is no whole number from {least} on")
    return value


def _ppm(value: Any, name: str) -> int:
    share = Decimal(str(value)) * PPM
    if share != share.to_integral_value() or not 0 < share < PPM:
        raise ValueError(f"{name} = {value!r} is no share between 0 and 1 of at most six decimals")
    return int(share)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.pop(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} = {value!r} is no text")
    return value


def _venue(feed: int, fields: dict[str, Any], folder: Path) -> Source:
    from tidegate.prices.venues import Venue  # half a second: only for who asks venues

    return Venue(feed, _text(fields, "venue"), _text(fields, "symbol"))


def _hermes(feed: int, fields: dict[str, Any], folder: Path) -> Source:
    url, price_id = _text(fields, "url"), _text(fields, "price_id").lower().removeprefix("0x")
    host = urlsplit(url)
    if not host.hostname or host.scheme not in ("http", "https"):
        raise ValueError(f"url = {url!r} is no URL")
    if len(bytes.fromhex(price_id)) != 32:
        raise ValueError(f"price_id = {price_id!r} is not 32 bytes as hex")
    key = os.environ.get(fields.pop("key_from", "TIDEGATE_HERMES_KEY"), "")
    if key and host.scheme != "https":
        raise ValueError("a key is not sent without TLS: url must begin with https")
    return Hermes(feed, url, price_id, key, name=fields.pop("name", "pyth"))


def _recorded(feed: int, fields: dict[str, Any], folder: Path) -> Source:
    path = folder / _text(fields, "path")
    begins = fields.pop("begins", None)
    if begins is not None:
        begins = _whole(begins, "begins", 0)
    recorded = Recorded.read(feed, path, begins)
    recorded.name = fields.pop("name", recorded.name)
    return recorded


_KINDS: Mapping[str, Callable[[int, dict[str, Any], Path], Source]] = {
    "venue": _venue,
    "hermes": _hermes,
    "csv": _recorded,
}


def _source(feed: int, fields: dict[str, Any], folder: Path) -> Source:
    kind = _text(fields, "kind")
    if kind not in _KINDS:
        raise ValueError(f"kind = {kind!r} is none of {', '.join(_KINDS)}")
    source = _KINDS[kind](feed, fields, folder)
    if fields:
        raise ValueError(f"{', '.join(sorted(fields))} is no setting of a {kind}")
    return source
