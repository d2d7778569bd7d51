"""The preview of what a decision would do to others, and the one hash for its evidence."""

import hashlib
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcement.measures import Measure
from enforcement.service.decisions import evidence_hash
from enforcement.service.impact import Impact, impact_of
from enforcement.store.sites import Neighbour, Neighbours, Site

SITE = Site(
    site_id=UUID(int=1),
    registration_id=UUID(int=2),
    number="京ICP备10046444号-1",
    name="Stage",
    region="110000",
    operator_uscc="91110000MA01CNCRD6",
    operator_name="Example",
    domains=("stage.example", "play.example"),
    ips=("198.18.0.10",),
    providers=(UUID(int=9), UUID(int=8)),
)
NOBODY = Neighbours(0, hashlib.sha256(b"").hexdigest(), ())
NEIGHBOUR = Neighbour(UUID(int=3), "京ICP备10046445号-1", "Next door", ("next.example",), True, False)
ONE = Neighbours(1, "1" * 64, (NEIGHBOUR,))


def impact(
    domain: str = "stage.example", measure: Measure = Measure.REVOKE_AND_CUT, near: Neighbours = NOBODY
) -> Impact:
    return impact_of(domain, measure, SITE, near)


def test_collateral_counts_other_sites_and_domains() -> None:
    seen = impact(near=ONE)
    assert seen.collateral == 2
    assert seen.other_domains == ["play.example"]
    assert [site.number for site in seen.same_ip_sites] == ["京ICP备10046445号-1"]
    assert seen.same_registration_sites == []
    assert seen.providers == [UUID(int=8), UUID(int=9)]


def test_a_site_that_is_a_neighbour_twice_counts_once() -> None:
    both = Neighbour(UUID(int=3), "n", "n", ("n.example",), True, True)
    seen = impact(near=Neighbours(1, "1" * 64, (both,)))
    assert (len(seen.same_ip_sites), len(seen.same_registration_sites), seen.collateral) == (1, 1, 2)


def test_the_registered_domain_above_the_named_one_is_not_another() -> None:
    assert impact("www.stage.example").other_domains == ["play.example"]
    assert impact("backstage.example").other_domains == ["play.example", "stage.example"]


@pytest.mark.parametrize("measure", [measure for measure in Measure if measure is not Measure.REVOKE_AND_CUT])
def test_a_measure_that_cuts_nothing_off_hits_nobody_else(measure: Measure) -> None:
    assert impact(measure=measure, near=ONE).collateral == 0


def test_the_hash_changes_with_everything_that_is_shown() -> None:
    site = SITE
    moved = Site(**{name: getattr(site, name) for name in site.__slots__} | {"providers": (UUID(int=8),)})
    hashes = [
        impact().hash,
        impact(near=ONE).hash,
        impact(near=Neighbours(1, "2" * 64, (NEIGHBOUR,))).hash,
        impact("play.example").hash,
        impact(measure=Measure.CANCEL_SERVICE).hash,
        impact_of("stage.example", Measure.REVOKE_AND_CUT, moved, NOBODY).hash,
    ]
    assert len(set(hashes)) == len(hashes)
    assert impact().hash == impact().hash


def test_the_evidence_hash_is_what_the_documentation_says() -> None:
    first, second = "a" * 64, "b" * 64
    assert evidence_hash([second, first]) == hashlib.sha256(f"{first}\n{second}".encode()).hexdigest()
    assert evidence_hash([first]) == hashlib.sha256(first.encode()).hexdigest() != first


@given(st.lists(st.text("0123456789abcdef", min_size=64, max_size=64), min_size=1, unique=True), st.randoms())
def test_the_evidence_hash_does_not_depend_on_order_or_repetition(hashes: list[str], random: object) -> None:
    shuffled = hashes * 2
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert evidence_hash(shuffled) == evidence_hash(hashes)
