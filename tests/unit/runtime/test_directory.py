"""The directory of organisations as a process holds it: who is competent, who regulates, who may review, who calls."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.contracts.directory import Competence, Organisation
from shared.contracts.grounds import AuthorityRef
from shared.rules import Level, Role, load
from shared.runtime.acts.directory import AuthorityMissing, Directory, OrganisationUnknown
from shared.runtime.base.clock import FixedClock
from shared.runtime.base.context import Caller
from tests.support import people
from tests.support.people import at

RULES = load("cn-2006")
SEEDED = people.directory()
ORGANISATIONS = list(SEEDED)
REFS = [known.ref for known in ORGANISATIONS]


def claimed(organisation: str, *roles: Role, **more: Any) -> Caller:
    return Caller("account", "Somebody", organisation, frozenset(roles), **more)


def held(*changed: Organisation, clock: FixedClock | None = None) -> Directory:
    """The seeded directory with some organisations in another state."""
    directory = people.directory(clock)
    directory.load({known.organisation_id: known for known in (*ORGANISATIONS, *changed)}.values())
    return directory


def changed(organisation_id: str, **fields: Any) -> Organisation:
    known = SEEDED.get(organisation_id)
    assert known is not None
    return Organisation.model_validate(known.model_dump() | fields)


def test_a_token_gives_what_the_directory_says_of_its_organisation() -> None:
    caller = SEEDED.caller(claimed("drugs-110000", Role.SECTOR_REGULATOR))
    assert (caller.level, caller.region) == (Level.PROVINCE, "110000")
    assert caller.categories == {"drugs_and_devices"}
    assert caller.authority is not None
    assert (caller.authority.id, caller.authority.names.zh) == ("drugs-110000", "北京市药品监督管理局")
    national = SEEDED.caller(claimed("drugs", Role.SECTOR_REGULATOR))
    assert (national.level, national.region) == (Level.NATIONAL, None)


@pytest.mark.parametrize("organisation", ["", "mii-bj", "industry-990000", "DRUGS-110000"])
@pytest.mark.parametrize("roles", [(), (Role.INDUSTRY_REGULATOR,), (Role.ADMIN, Role.AUDITOR)])
def test_an_organisation_that_is_not_in_the_directory_is_refused_with_the_way_out(
    organisation: str, roles: tuple[Role, ...]
) -> None:
    with pytest.raises(OrganisationUnknown, match="coordination office") as refused:
        SEEDED.caller(claimed(organisation, *roles))
    assert (refused.value.status, refused.value.code) == (403, "organisation_unknown")
    assert refused.value.extensions == {"organisation": organisation}


def test_a_closed_organisation_is_refused() -> None:
    directory = held(changed("drugs-110000", status="closed"))
    with pytest.raises(OrganisationUnknown, match="is closed"):
        directory.caller(claimed("drugs-110000", Role.SECTOR_REGULATOR))
    assert directory.authority_ref("drugs-110000").names.zh == "北京市药品监督管理局", "its old acts keep their name"


def test_a_role_that_is_not_among_the_kinds_of_the_organisation_does_not_count() -> None:
    everything = SEEDED.caller(claimed("industry-110000", *Role))
    assert everything.roles == {Role.INDUSTRY_REGULATOR, Role.ACCESS_DESK, Role.QUERY_DESK}
    assert SEEDED.caller(claimed("drugs-110000", Role.REVIEW_BODY, Role.OPERATOR)).roles == frozenset()


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ACCESS_PROVIDER])
def test_operators_and_providers_are_not_in_the_directory_and_get_no_level_or_region(role: Role) -> None:
    caller = SEEDED.caller(claimed("91110000MA01CNCRD6", role, Role.REVIEW_BODY, region="110000", level=Level.PROVINCE))
    assert caller.roles == {role}
    assert caller.authority is None
    assert not caller.categories
    assert SEEDED.caller(claimed("x", role)).region is None


def test_an_operator_is_told_of_and_answers_for_whom_it_took_over_one_step_and_no_further() -> None:
    directory = people.directory()
    directory.load_mergers({"B": frozenset({"A"}), "C": frozenset({"B"})})
    assert directory.caller(claimed("B", Role.OPERATOR)).identities == {"A", "B"}
    assert directory.caller(claimed("C", Role.OPERATOR)).identities == {"B", "C"}, "chains are nobody's to follow"
    assert directory.caller(claimed("A", Role.OPERATOR)).identities == {"A"}
    assert directory.caller(claimed("B", Role.ACCESS_PROVIDER)).identities == {"B"}, "only operators are merged"
    claims_so = claimed("X", Role.OPERATOR, taken_over=frozenset({"A"}))
    assert directory.caller(claims_so).identities == {"X"}, "what the registry says alone"
    directory.load_mergers({})
    assert directory.caller(claimed("B", Role.OPERATOR)).identities == {"B"}


def test_no_merger_gives_anybody_what_an_authority_has_nor_an_authority_what_an_operator_has() -> None:
    directory = people.directory()
    directory.load_mergers({"B": frozenset({"A", "drugs-110000"}), "drugs-110000": frozenset({"A"})})
    assert directory.caller(claimed("B", Role.OPERATOR)).identities == {"A", "B"}
    official = directory.caller(claimed("drugs-110000", Role.SECTOR_REGULATOR, Role.OPERATOR))
    assert official.identities == {"drugs-110000"}
    claims_so = claimed("drugs-110000", Role.SECTOR_REGULATOR, taken_over=frozenset({"A"}))
    assert directory.caller(claims_so).identities == {"drugs-110000"}
    assert directory.taken_over_by("drugs-110000") == frozenset()


def test_one_human_with_two_accounts_stays_one_person_and_a_program_a_program() -> None:
    one, other = (
        SEEDED.caller(Caller(account, "x", "drugs-110000", frozenset(), person="human-1")) for account in ("a1", "a2")
    )
    assert one.person == other.person == "human-1"
    assert SEEDED.caller(claimed("drugs-110000", program=True)).program


def test_a_competence_begins_and_ends_with_the_days_of_beijing() -> None:
    clock = FixedClock(at("2026-03-31T15:59"))
    drugs = changed(
        "drugs-110000", competences=[Competence(item="drugs_and_devices", since="2006-02-17", until="2026-03-31")]
    )
    successor = changed("healthcare-110000", competences=[Competence(item="drugs_and_devices", since="2026-04-01")])
    directory = held(drugs, successor, clock=clock)
    assert directory.caller(claimed("drugs-110000")).categories == {"drugs_and_devices"}
    assert directory.competent("drugs_and_devices", "province", "110000").id == "drugs-110000"
    clock.advance(timedelta(minutes=1))
    assert directory.caller(claimed("drugs-110000")).categories == frozenset()
    assert directory.competent("drugs_and_devices", "province", "110000").id == "healthcare-110000"


@pytest.mark.parametrize("item", [item.code for item in RULES.service_items.values() if item.approval_required])
@pytest.mark.parametrize("region", [None, *RULES.provinces])
def test_every_regulated_item_has_one_competent_authority_everywhere(item: str, region: str | None) -> None:
    level = "national" if region is None else "province"
    ref = SEEDED.competent(item, level, region)
    assert (ref.level, ref.region) == (level, region)
    today = date(2026, 11, 26)
    also = [o for o in ORGANISATIONS if (o.level, o.region) == (level, region) and item in o.items_on(today)]
    assert [o.organisation_id for o in also] == [ref.id]


@pytest.mark.parametrize(
    ("item", "level", "region"),
    [
        ("culture", "province", "990000"),
        ("culture", "province", None),
        ("general", "national", None),
        ("news", "national", None),
    ],
)
def test_where_nobody_is_competent_the_way_out_is_named(item: str, level: str, region: str | None) -> None:
    with pytest.raises(AuthorityMissing, match="coordination office") as missing:
        SEEDED.competent(item, level, region)
    assert (missing.value.status, missing.value.code) == (409, "authority_missing")


def test_the_region_counts_for_nothing_at_national_level() -> None:
    assert SEEDED.competent("culture", "national", "110000").id == "culture"


@given(st.sampled_from(REFS))
def test_the_regulator_of_an_authority_is_of_its_level_and_region(ref: AuthorityRef) -> None:
    regulator = SEEDED.regulator_of(ref)
    assert (regulator.level, regulator.region) == (ref.level, ref.region)
    known = SEEDED.get(regulator.id)
    assert known is not None
    assert Role.INDUSTRY_REGULATOR in known.kinds


def test_a_regulator_that_is_closed_regulates_nothing() -> None:
    directory = held(changed("industry-110000", status="closed"))
    with pytest.raises(AuthorityMissing, match="industry regulator in 110000"):
        directory.regulator_of(directory.authority_ref("drugs-110000"))


@given(st.lists(st.sampled_from(REFS), min_size=1, max_size=4))
def test_a_review_body_is_another_organisation_under_none_of_them_and_of_their_level(
    parties: list[AuthorityRef],
) -> None:
    bodies = SEEDED.review_bodies_for(*parties)
    ids = {party.id for party in parties}
    if "review" not in ids:
        assert bodies, "somebody independent is always there"
    for body in bodies:
        known = SEEDED.get(body.id)
        assert known is not None
        assert Role.REVIEW_BODY in known.kinds
        assert body.id not in ids
        above = known
        while above.parent is not None:
            assert above.parent not in ids
            parent = SEEDED.get(above.parent)
            assert parent is not None
            above = parent
        if body.level == "province":
            assert {(party.level, party.region) for party in parties} == {("province", body.region)}


def test_the_nearest_review_body_comes_first_unless_another_is_named() -> None:
    drugs = SEEDED.authority_ref("drugs-110000")
    assert [body.id for body in SEEDED.review_bodies_for(drugs)] == ["review-110000", "review"]
    named = held(changed("drugs-110000", redress="review"))
    assert [body.id for body in named.review_bodies_for(drugs)] == ["review", "review-110000"]
    both = SEEDED.authority_ref("drugs-110000"), SEEDED.authority_ref("industry-310000")
    assert [body.id for body in SEEDED.review_bodies_for(*both)] == ["review"]
    assert [body.id for body in SEEDED.review_bodies_for(drugs, SEEDED.authority_ref("industry"))] == ["review"]


@pytest.mark.parametrize(
    "under",
    [
        [("review-110000", {"parent": "drugs-110000"})],
        [("review-110000", {"parent": "audit-110000"}), ("audit-110000", {"parent": "drugs-110000"})],
        [("drugs-110000", {"supervises": ["review-110000"]})],
        [("review-110000", {"parent": "audit-110000"}), ("drugs-110000", {"supervises": ["audit-110000"]})],
        [("review-110000", {"status": "closed"})],
        [("review-110000", {"kinds": ["auditor"]})],
        [("review-110000", {"parent": "drugs-110000"}), ("drugs-110000", {"parent": "review-110000"})],
    ],
)
def test_a_body_that_is_under_one_of_them_or_no_body_any_more_does_not_review(under: list[tuple[str, Any]]) -> None:
    directory = held(*(changed(organisation_id, **fields) for organisation_id, fields in under))
    assert [body.id for body in directory.review_bodies_for(directory.authority_ref("drugs-110000"))] == ["review"]


def test_a_review_body_does_not_review_its_own_acts() -> None:
    refs = [SEEDED.authority_ref(party) for party in ("drugs-110000", "review-110000")]
    assert [body.id for body in SEEDED.review_bodies_for(*refs)] == ["review"]
    assert SEEDED.review_bodies_for(SEEDED.authority_ref("review")) == ()


def test_the_profile_seeds_no_security_press_or_publicity_body() -> None:
    kinds = {kind for known in ORGANISATIONS for kind in known.kinds}
    assert kinds.isdisjoint({Role.SECURITY_AUTHORITY, Role.OPERATOR, Role.ACCESS_PROVIDER, Role.ADMIN})
    assert not any(word in known.names.zh for known in ORGANISATIONS for word in ("新闻", "宣传", "公安", "国家安全"))
    assert all(known.names.en and known.short_name for known in ORGANISATIONS)
