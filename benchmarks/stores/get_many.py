"""Many gets at once from a server that is 5 ms away, against one after the other.

`live`: the real server behind a proxy that adds the delay. `recorded`: a server that only plays back its answers, since
the servers that stand in for clouds are slower than clouds: it shows what the client can do.
"""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Row, timed
from benchmarks.stores.pairs import in_pairs
from benchmarks.stores.sizes import SMALL_BYTES, Sizes
from benchmarks.stores.store import BUCKET, Store
from benchmarks.stores.watcher import watching
from tests.emulators.servers import running

__all__ = ["rows"]

HERE = Path(__file__).parent
DELAY_MS = 5


def rows(store: Store, url: str, sizes: Sizes) -> list[Row]:
    """Put the objects, each of its own content, and measure both servers."""
    contents = {f"many/{number:04}": os.urandom(SMALL_BYTES) for number in range(sizes.many)}
    ours = store.ours(url)
    for key, data in contents.items():
        ours.put(key, data)
    found = []
    for label, served in (("live", delayed(url)), ("recorded", played_back(store, url, list(contents)))):
        with served as at:
            found.append(measured(label, store, at, contents, sizes))
    return found


def measured(label: str, store: Store, url: str, contents: dict[str, bytes], sizes: Sizes) -> Row:
    """Measure one server."""
    client, keys = store.ours(url), list(contents)
    storage = client.storage
    assert list(storage.get_many(BUCKET, keys)) == list(contents.values())
    pair = in_pairs(
        lambda _: timed(lambda: list(storage.get_many(BUCKET, keys))),
        lambda _: timed(lambda: [client.get(key) for key in keys]),
        rounds=sizes.many_rounds,
    )
    mine, theirs = (f"{len(keys) / seconds:,.0f}/s" for seconds in (pair.ours_s, pair.peer_s))
    scenario = f"get_many of {len(keys):,} x 10 KiB, {DELAY_MS} ms away, {label}"
    return Row(scenario, mine, f"ours, one thread {theirs}", pair.ratio, at_least=4)


@contextmanager
def delayed(url: str) -> Iterator[str]:
    """Stand farther away from the server at `url`."""
    upstream_port = url.rpartition(":")[2]
    with running([sys.executable, str(HERE / "delay_proxy.py"), "{port}", upstream_port, str(DELAY_MS)]) as proxy:
        yield proxy.url


@contextmanager
def played_back(store: Store, url: str, keys: list[str]) -> Iterator[str]:
    """Record the answers to our gets, and serve them."""
    with watching(url) as watcher:
        client = store.ours(watcher.url)
        for key in keys:
            client.get(key)
    with tempfile.TemporaryDirectory(prefix="lithops-bench-") as folder:
        recorded = Path(folder, "answers")
        recorded.write_bytes(pickle.dumps(watcher.answers))
        program = [sys.executable, str(HERE / "recorded_server.py"), "{port}", str(recorded), str(DELAY_MS)]
        with running(program) as player:
            yield player.url
