"""A mergeable quantile sketch: log buckets of 1 % relative error, coded as bytes.

The buckets are those of DDSketch (Masson, Rim, Lee: "DDSketch: a fast and fully-mergeable quantile
sketch with relative-error guarantees", VLDB 2019) with a fixed range and no collapsing. A sketch
is little-endian u32 words, `bucket << 20 | count`; a bucket may stand in several words, so that the
concatenation of two sketches is their merge, in SQL too.
"""

from __future__ import annotations

import math
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate

RELATIVE_ERROR = 0.01
BUCKETS = 2048
"""More than any value needs: 30 days in microseconds fall into bucket 1432."""

_GAMMA = (1 + RELATIVE_ERROR) / (1 - RELATIVE_ERROR)
_PER_NEPER = 1 / math.log(_GAMMA)
_COUNT_BITS = 20
_COUNT_MAX = (1 << _COUNT_BITS) - 1
_BIG_ENDIAN = sys.byteorder == "big"
_log = math.log


def bucket(value_us: int) -> int:
    """The bucket of a whole number of microseconds; 0 and 1 share the first."""
    return int(_log(value_us) * _PER_NEPER) + 1 if value_us > 1 else 0


def bucket_value(index: int) -> float:
    """The value that stands for a bucket: within 1 % of every member."""
    if index == 0:
        return 1.0
    return 2 * _GAMMA**index / (_GAMMA + 1)


def encode(counts: Iterable[tuple[int, int]]) -> bytes:
    """A sketch of (bucket, count) pairs."""
    words: list[int] = []
    for index, count in counts:
        head = index << _COUNT_BITS
        while count > _COUNT_MAX:
            words.append(head | _COUNT_MAX)
            count -= _COUNT_MAX
        words.append(head | count)
    return _pack(words)


def of_counts(counts: Mapping[int, int]) -> bytes:
    """A sketch of counts by bucket, one word a bucket, in order."""
    if sum(counts.values()) > _COUNT_MAX:
        return encode(sorted(counts.items()))
    return _pack([index << _COUNT_BITS | counts[index] for index in sorted(counts)])


def of_values(values_us: Iterable[int]) -> bytes:
    """A sketch of the values themselves, one word a bucket."""
    counts: dict[int, int] = {}
    for value in values_us:
        index = int(_log(value) * _PER_NEPER) + 1 if value > 1 else 0
        counts[index] = counts.get(index, 0) + 1
    return of_counts(counts)


def _pack(numbers: Iterable[int]) -> bytes:
    words = array("I", numbers)
    if _BIG_ENDIAN:
        words.byteswap()
    return words.tobytes()


def _unpack(blob: bytes) -> array[int]:
    words = array("I")
    words.frombytes(blob)
    if _BIG_ENDIAN:
        words.byteswap()
    return words


def decode(blob: bytes, into: list[int] | None = None) -> list[int]:
    """Counts by bucket, a list of `BUCKETS` numbers; adds to `into` where given."""
    counts = [0] * BUCKETS if into is None else into
    for word in _unpack(blob):
        counts[word >> _COUNT_BITS] += word & _COUNT_MAX
    return counts


def merge(blobs: Iterable[bytes]) -> bytes:
    """The merge of several sketches, one word a bucket."""
    return compact(b"".join(blobs))


def compact(blob: bytes) -> bytes:
    """The same sketch with one word a bucket, in order."""
    counts: dict[int, int] = {}
    for word in _unpack(blob):
        index = word >> _COUNT_BITS
        counts[index] = counts.get(index, 0) + (word & _COUNT_MAX)
    return of_counts(counts)


def quantiles(counts: Sequence[int], shares: Sequence[float]) -> list[float | None]:
    """The nearest-rank quantiles of `shares` (0 to 1), in microseconds; None where empty."""
    below = list(accumulate(counts))
    total = below[-1]
    if not total:
        return [None] * len(shares)
    ranks = [max(1, math.ceil(share * total)) for share in shares]
    return [bucket_value(bisect_left(below, rank)) for rank in ranks]


def count_above(counts: Sequence[int], limit_us: int) -> int:
    """How many values lie above the limit, to the bucket (1 %)."""
    return sum(counts[bucket(limit_us) + 1 :])


def quantile(blob: bytes, share: float) -> float | None:
    """One nearest-rank quantile of a short sketch, without its 2048 counts; None where empty."""
    words = _unpack(blob)
    total = sum([word & _COUNT_MAX for word in words])
    rank = max(1, math.ceil(share * total))
    for word in sorted(words):
        rank -= word & _COUNT_MAX
        if rank <= 0:
            return bucket_value(word >> _COUNT_BITS)
    return None
