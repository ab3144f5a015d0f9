"""One pass over blocks of work by a Ray Data actor pool: streamed in and out, every block done or explained."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ranker.backends.ray_data.cluster import Cluster, Share
from ranker.errors import BackendError

_BLOCKS_A_REPLICA = 4
_QUEUED = 2  # blocks that a replica holds: one at work, one behind it
_DEATHS = 3  # of workers over one block: then it is given up
_ROUNDS = 3
_POOL = -1  # "block" of an error that was the whole pool's


@dataclass(frozen=True, slots=True)
class Done:
    """A block's number and what came of it, or why nothing did."""

    number: int
    result: Any = None
    error: str | None = None


class Replica:
    """What runs in every process of a pool: opens its part once, then works on blocks.

    An error of the part's own becomes the block's result, so that no Ray traceback reaches a person.
    """

    def __init__(self, open_part: Callable[[], Callable[[Any], Any]], ledger: Any) -> None:
        self._work = open_part()
        self._ledger = ledger

    def __call__(self, table: Any) -> Any:
        import pyarrow as pa

        numbers = table["number"].to_pylist()
        results = [self._one(n, blob) for n, blob in zip(numbers, table["work"].to_pylist(), strict=True)]
        return pa.table({"number": numbers, "work": pa.array(results, pa.large_binary())})

    def _one(self, number: int, blob: bytes) -> bytes:
        import ray

        given_up = ray.get(self._ledger.begin.remote(number)) >= _DEATHS
        try:
            if given_up:
                raise RuntimeError(f"{_DEATHS} workers died over it")
            result = pickle.dumps((self._work(pickle.loads(blob)), None))
        except Exception as error:  # whatever a model's library raises
            result = pickle.dumps((None, f"{type(error).__name__}: {error}"))
        self._ledger.end.remote(number)
        return result


class Ledger:
    """How many workers died over each block. Ray alone would hand a block that kills its worker on for ever."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._deaths: Counter[int] = Counter()

    def begin(self, number: int) -> int:
        """Workers that died over this block so far."""
        if number in self._open:
            self._deaths[number] += 1
        self._open.add(number)
        return self._deaths[number]

    def end(self, number: int) -> None:
        self._open.discard(number)

    def deaths(self) -> dict[int, int]:
        return dict(self._deaths)


def split(count: int, replicas: int, most: int) -> list[range]:
    """Blocks of ``count`` items: at most ``most`` each, and enough of them that no replica idles for long."""
    size = max(1, min(most, -(-count // (_BLOCKS_A_REPLICA * replicas))))
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def run(
    cluster: Cluster, share: Share, open_part: Callable[[], Callable[[Any], Any]], blocks: Sequence[Any]
) -> Iterator[Done]:
    """Every block once, in any order, as it is done.

    A worker that dies costs the blocks that it held: Ray starts another and those are worked on again. What is still
    not done when a pool has ended is given to a new one, as long as that gets anywhere.

    Args:
        open_part: called once in every replica; returns what works on a block. Must pickle, as must blocks and results.

    Raises:
        BackendError: not one block could be done.
    """
    left = dict(enumerate(blocks))
    why: dict[int, str] = {}
    ray = cluster.ray()
    ledger = ray.remote(num_cpus=0)(Ledger).remote()
    for _ in range(_ROUNDS):
        before = len(left)
        for done in _round(cluster, share, (open_part, ledger), left):
            if done.error is None:
                left.pop(done.number, None)
                yield done
            else:
                why[done.number] = done.error
        if not left or len(left) == before:
            break
    deaths = ray.get(ledger.deaths.remote())
    if deaths:
        lost = sum(deaths.values())
        cluster.say(f"{share.what}: workers died; {lost} blocks of {len(blocks)} were begun again for that")
    reasons = {number: why.get(number, why.get(_POOL, "its workers died")) for number in left}
    if left and len(left) == len(blocks):
        raise BackendError(
            f"no replica could do anything: {next(iter(reasons.values()))}",
            where=f"--engine ray, {share.what}",
            todo="try --engine local; the logs of Ray's workers are under /tmp/ray/session_latest/logs",
        )
    for number, reason in reasons.items():
        yield Done(number, error=reason)


def _round(cluster: Cluster, share: Share, given: tuple[Any, ...], left: Mapping[int, Any]) -> Iterator[Done]:
    """One pool over what is left; a pool that fails ends the round with its reason."""
    replicas = min(cluster.room(share), len(left))
    ray = cluster.ray()
    import pyarrow as pa

    blob = pa.large_binary()
    tables = (pa.table({"number": [n], "work": pa.array([pickle.dumps(b)], blob)}) for n, b in left.items())
    data = ray.data.from_arrow_refs([ray.put(t) for t in tables]).map_batches(
        Replica,
        fn_constructor_args=given,
        batch_size=None,
        batch_format="pyarrow",
        compute=ray.data.ActorPoolStrategy(size=replicas, max_tasks_in_flight_per_actor=_QUEUED),
        **share.options(),
    )
    try:
        for table in data.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=0):
            for number, done in zip(table["number"].to_pylist(), table["work"].to_pylist(), strict=True):
                result, error = pickle.loads(done)
                yield Done(number, result, error)
    except ray.exceptions.RayError as error:
        yield Done(_POOL, error=cause(error))


def cause(error: BaseException) -> str:
    """The last line of what went wrong in a worker: Ray's own message is its whole traceback."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    own = [line for line in lines if "Error: " in line and not line.startswith("ray.")]
    return (own or lines or [type(error).__name__])[-1][:300]
