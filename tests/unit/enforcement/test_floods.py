"""How many complaints are taken: bounded per source and per name, in memory that is bounded itself."""

import pytest

from enforcement.errors import TooManyComplaints
from enforcement.service.floods import Floods, source_of
from shared.runtime.base.limiter import Limiter


class Time:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_so_many_at_once_and_again_as_time_passes() -> None:
    time = Time()
    limiter = Limiter(6, clock=time)
    assert [limiter.take("a") for _ in range(7)] == [0] * 6 + [600]
    time.now += 598
    assert 1 <= limiter.take("a") <= 3, "asking takes nothing from whoever waits"
    time.now += 3
    assert limiter.take("a") == 0
    assert limiter.take("b") == 0, "another one has its own"


def test_what_it_keeps_is_bounded_and_a_flood_of_new_sources_resets_nobodys_allowance() -> None:
    time = Time()
    limiter = Limiter(2, most=10, clock=time)
    assert [limiter.take("mine") for _ in range(3)][-1] > 0
    refused = sum(bool(limiter.take(f"flood {n}")) for n in range(10_000))
    assert len(limiter) <= 11
    assert refused > 9_900, "whoever cannot be told apart shares one allowance"
    assert limiter.take("mine") > 0
    time.now += 3_600
    assert limiter.take("new") == 0, "who has a whole allowance again is forgotten"
    assert len(limiter) <= 11


def test_nothing_that_it_keeps_says_from_where_somebody_wrote() -> None:
    limiter = Limiter(2)
    limiter.take("198.18.0.1")
    assert all(b"198" not in each for each in limiter._kept)
    other = Limiter(2)
    other.take("198.18.0.1")
    assert set(limiter._kept) != set(other._kept), "nor can it be worked out elsewhere"


def test_one_name_is_bounded_whoever_writes() -> None:
    floods = Floods(per_source=1_000, per_name=3)
    for n in range(3):
        floods.from_source(f"198.18.0.{n}")
        floods.about("shop.example")
    with pytest.raises(TooManyComplaints) as refused:
        floods.about("shop.example")
    assert (refused.value.status, int(refused.value.headers["Retry-After"]) > 0) == (429, True)
    floods.about("other.example")


@pytest.mark.parametrize(
    ("address", "source"),
    [
        ("198.18.0.1", "198.18.0.1"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::9", "2001:db8:1:2::/64"),
        ("::ffff:198.18.0.1", "198.18.0.1"),
        ("testclient", "unknown"),
        (None, "unknown"),
    ],
    ids=["v4", "v6", "v6-same-network", "mapped", "no-address", "none"],
)
def test_who_counts_as_one_source(address: str | None, source: str) -> None:
    assert source_of(address) == source
