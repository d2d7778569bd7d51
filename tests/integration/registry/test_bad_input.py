"""What people try at the submit door, and the days on which programs go wrong (issue 9, bad input)."""

import asyncio
from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from registry.service import opinions, reviews
from shared.contracts.grounds import ActRef
from shared.runtime.base.problems import NotFound
from tests.integration.registry.conftest import (
    GRANT,
    STATEMENT,
    Register,
    a_site,
    access,
    domain,
    owner,
    uscc,
)
from tests.integration.registry.test_licences import asked, licensed
from tests.integration.registry.test_measures import of_operator
from tests.integration.registry.test_operators import PERSON
from tests.integration.registry.test_reviews import WINDOW_ENDS, consented, given, opened, subject_of, suspended
from tests.support.people import RULES

WHY = {"reasons": "We think again."}
OTHERS = uscc(980_000_002)
FULL_WIDTH = str.maketrans({chr(code): chr(code + 0xFEE0) for code in range(0x21, 0x7F)})


async def submitted(register: Register, site: dict[str, Any], code: str = OTHERS) -> tuple[int, dict[str, Any]]:
    body = {"operator_id": await register.operator(code), "kind": "filing", "site": site}
    answer = await register.api.post("/registrations", json=body, who="regulator-a")
    return answer.status_code, answer.json()


# --- names, numbers, addresses, documents ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "spelling",
    ["药店-{}.example", "药店-{}。example", "药店-{}.EXAMPLE.", " 药店-{}．example ", "药店-{}｡ｅｘａｍｐｌｅ"],
)
async def test_a_name_that_is_somebodys_is_taken_in_every_spelling(register: Register, spelling: str) -> None:
    word = domain().removesuffix(".example")
    site = await register.live(uscc(980_000_001), domains=[f"药店-{word}.example"])
    for name in (spelling.format(word), site["domains"][0], site["domains"][0].upper()):
        status, said = await submitted(register, a_site(name))
        assert (status, [each["code"] for each in said["grounds"]]) == (409, ["domain_taken"]), name


async def test_a_sharp_s_is_another_name_than_two(register: Register) -> None:
    word = domain()
    await register.live(uscc(980_000_001), domains=[f"straße-{word}"])
    assert (await submitted(register, a_site(f"STRAẞE-{word}")))[0] == 409
    assert (await submitted(register, a_site(f"strasse-{word}")))[0] == 201


@pytest.mark.parametrize("between", ["；", "、", ";", ",", "，", " ", "\n"])
async def test_names_are_given_one_by_one(register: Register, between: str) -> None:
    status, said = await submitted(register, a_site(f"{domain()}{between}{domain()}"))
    assert (status, [each["field"] for each in said["fields"]]) == (422, ["site.domains.0"])


@pytest.mark.parametrize("spell", [str.lower, lambda text: text.translate(FULL_WIDTH), lambda text: f" {text}　"])
async def test_a_number_is_found_in_every_spelling_and_leading_zeros_are_part_of_it(
    register: Register, spell: Any
) -> None:
    number = (await register.active(a_site(domain())))["number"]
    found = await register.get(f"/registrations?number={quote(spell(number))}", "regulator-a")
    assert [each["number"] for each in found["items"]] == [number]
    short = await register.api.get(f"/registrations?number={quote(number.replace('0', ''))}", who="regulator-a")
    assert short.status_code == 422


@pytest.mark.parametrize(
    "ip",
    ["10.0.0.1", "192.168.1.1", "172.16.0.1", "127.0.0.1", "0.0.0.0", "224.0.0.1", "169.254.0.1", "240.0.0.1",
     "198.18.0.0/24", "8.8.8.8/32", "2400:cb00::/64", "::1", "::", "fe80::1", "fd00::1", "2001:db8::1",
     "::ffff:10.0.0.1", "[::ffff:192.168.1.1]", "[2001:db8::1]:443", "64:ff9b::1", "8.8.8.8；8.8.4.4"],
)  # fmt: skip
async def test_nobody_is_hosted_at_a_private_or_reserved_address_or_a_network(register: Register, ip: str) -> None:
    status, said = await submitted(register, a_site(domain(), accesses=[access(ip)]))
    assert (status, [each["field"] for each in said["fields"]]) == (422, ["site.accesses.0.ips"])


@pytest.mark.parametrize("ip", ["[2400:cb00::1]", "2400:CB00:0::1", "::ffff:8.8.8.8"])
async def test_one_address_is_one_in_every_spelling(register: Register, ip: str) -> None:
    short = {"::ffff:8.8.8.8": "8.8.8.8"}.get(ip, "2400:cb00::1")
    await register.live(uscc(980_000_001), accesses=[access(short, "dedicated")])
    status, said = await submitted(register, a_site(domain(), accesses=[access(ip, "dedicated")]))
    assert (status, [each["code"] for each in said["grounds"]]) == (409, ["address_taken"])


async def test_a_citizens_number_is_no_credit_code_and_is_not_repeated(register: Register) -> None:
    for number in (PERSON, PERSON.lower(), f" {PERSON} ", PERSON.translate(FULL_WIDTH)):
        body = {"kind": "company", "region": "110000", "document": {"number": number},
                "particulars": {"name": "Zhang"}}  # fmt: skip
        answer = await register.api.post("/operators", json=body, who="regulator-a")
        assert answer.status_code == 422
        assert PERSON not in answer.text.upper()
        assert number not in answer.text


@pytest.mark.parametrize("kind", ["company", "person"])
async def test_who_is_barred_is_so_under_every_name(register: Register, kind: str) -> None:
    number = uscc(980_000_003) if kind == "company" else PERSON
    document = {"kind": "resident_id", "number": number} if kind == "person" else {"number": number}
    body = {"kind": kind, "region": "110000", "document": document, "particulars": {"name": "Old Name"}}
    barred = await register.post("/operators", body, "regulator-a", 201)
    decision = of_operator(barred["id"], operator={"identity": barred["identity"], "name": "Old Name"})
    await register.hear(decision)
    await register.ring("bar_begins", (await register.carried_out(decision))["id"])
    for spelling in (number.lower(), f" {number}", number.translate(FULL_WIDTH)):
        again = body | {"document": document | {"number": spelling}, "particulars": {"name": "Brand New Ltd"}}
        refused = await register.refused("/operators", again, "regulator-a")
        assert (refused["code"], refused["operator_id"]) == ("operator_exists", barred["id"])
    asks = {"operator_id": barred["id"], "kind": "licence", "site": a_site(domain())}
    assert "barred" in (await register.refused("/registrations", asks, "regulator-a"))["detail"]


@pytest.mark.parametrize("change", [{"live": False}, {"region": "310000"}])
async def test_a_consent_that_is_over_or_of_elsewhere_by_then_is_none_at_the_grant_either(
    register: Register, change: dict[str, Any]
) -> None:
    name, item = domain(), "drugs_and_devices"
    record = await register.approve(OTHERS, item, name)
    asks = await register.submitted(a_site(name, service_items=[item]), OTHERS)
    await register.approve(OTHERS, item, name, approval_id=record.approval_id, version=record.version + 1, **change)
    refused = await register.refused(f"/registrations/{asks['id']}/grant", GRANT, "regulator-a")
    assert [each["code"] for each in refused["grounds"]] == ["approval_missing"]


# --- days and moments ------------------------------------------------------------------------------------------------


async def to(register: Register, moment: datetime) -> None:
    register.clock.advance(moment - register.clock.now())


@pytest.mark.parametrize(
    ("day", "status"), [("2027-02-29", 422), ("2028-02-29", 200), ("2027-12-31", 200), ("2027-02-30", 422)]
)
async def test_a_licence_ends_on_a_day_that_there_is(register: Register, day: str, status: int) -> None:
    asks = await register.submitted(a_site(domain()), OTHERS, kind="licence")
    body = GRANT | {"valid_from": "2026-12-01", "valid_until": day}
    answer = await register.post(f"/registrations/{asks['id']}/grant", body, "regulator-a", status)
    if status == 200:
        due = await register.fetchval("SELECT max(due_at) FROM deadline WHERE kind = 'licence_validity'")
        assert due < RULES.end_of(date.fromisoformat(day)), "warned before"
        assert answer["valid_until"] == day


@pytest.mark.parametrize(
    ("start", "due", "provisional"),
    [
        # over the week of the National Day, with 10 October, a Saturday, worked: the first of twenty is 28 September
        ("2026-09-25T04:00", "2026-10-29", False),
        ("2026-12-31T15:59:59", "2027-01-29", True),  # 31 December in Shanghai; nobody has published 2027
        ("2026-12-31T16:00:00", "2027-01-29", True),  # a second later it is New Year there, a day off
        ("2028-02-29T04:00", "2028-03-28", True),
    ],
)
async def test_the_clock_of_a_filing_counts_the_working_days_of_shanghai(
    register: Register, start: str, due: str, provisional: bool
) -> None:
    await to(register, datetime.fromisoformat(start).replace(tzinfo=UTC))
    asks = await register.submitted(a_site(domain()), OTHERS)
    clock = asks["clock"]
    assert (clock["due_at"], clock["provisional"]) == (f"{due}T15:59:59Z", provisional)


async def test_a_moment_is_the_same_whoever_says_it_in_vancouver_or_in_shanghai(register: Register) -> None:
    await to(register, datetime(2026, 12, 31, 15, 59, 58, tzinfo=UTC))
    site = await register.live(OTHERS)
    await to(register, datetime(2026, 12, 31, 16, 0, 0, tzinfo=UTC))
    await register.post(f"/sites/{site['id']}/deregistration", WHY, owner(OTHERS))
    for last, after in (
        ("2026-12-31T23:59:59+08:00", "2027-01-01T00:00:00+08:00"),
        ("2026-12-31T07:59:59-08:00", "2026-12-31T08:00:00-08:00"),
    ):
        path = f"/sites/{site['id']}/record?at="
        assert (await register.get(path + quote(last), "national-a"))["record"]["status"] == "live"
        assert (await register.get(path + quote(after), "national-a"))["record"]["status"] == "ended"


async def test_a_window_ends_with_the_last_second_of_its_day_in_shanghai(register: Register) -> None:
    early, late = await consented(register), await consented(register)
    decided = [await suspended(register, site) for site in (early, late)]
    review = await opened(register)
    await to(register, WINDOW_ENDS)
    assert datetime.fromisoformat("2027-04-30T08:59:59-07:00") == WINDOW_ENDS, "a morning in Vancouver"
    await given(register, await subject_of(register, early), decided[0])
    register.clock.advance(timedelta(seconds=1))
    refused = await given(register, await subject_of(register, late), decided[1], status=409)
    assert refused["code"] == "window_over"
    more = {"authority_id": "drugs-110000", "until": "2027-05-10T08:59:59-07:00", **WHY}
    shown = await register.post(f"/reviews/{review['id']}/windows", more, "regulator-a")
    until = {each["authority"]["id"]: each["until"] for each in shown["authorities"]}
    assert until["drugs-110000"] == "2027-05-10T15:59:59Z"


async def test_of_the_grant_of_a_renewal_and_its_withdrawal_at_the_same_moment_one_happens(register: Register) -> None:
    for number in range(4):
        code = uscc(980_000_010 + number)
        licence = await licensed(register, code)
        body = {"valid_until": "2031-11-20", "reasons": "The shop goes on."}
        renewal = await register.post(f"/registrations/{licence['id']}/renewals", body, owner(code), 201)
        answers = await asyncio.gather(
            register.api.post(f"/renewals/{renewal['id']}/grant", json=GRANT, who="regulator-a"),
            register.api.post(f"/renewals/{renewal['id']}/withdrawal", json=WHY, who=owner(code)),
        )
        assert sorted(answer.status_code for answer in answers) == [200, 409]
        granted = answers[0].status_code == 200
        now = await register.get(f"/registrations/{licence['id']}", owner(code))
        assert now["valid_until"] == ("2031-11-20" if granted else licence["valid_until"])


async def test_of_the_end_of_a_review_and_the_fall_of_what_an_opinion_cites_at_the_same_moment_no_veto_is_left(
    register: Register,
) -> None:
    sites = [await consented(register) for _ in range(4)]
    decided = [await suspended(register, site) for site in sites]
    review = await opened(register)
    subjects = [await subject_of(register, site) for site in sites]
    for subject, decision in zip(subjects, decided, strict=True):
        await given(register, subject, decision)
    await register.ring(reviews.CLOSES, review["id"])
    for subject, decision in zip(subjects, decided, strict=True):
        await asyncio.gather(register.ring(opinions.RESULT, subject["id"]), register.overturned(decision))
        now = await register.get(f"/review-subjects/{subject['id']}", "regulator-a")
        assert now["status"] in {"passed", "cleared"}


async def test_an_appeal_that_names_an_act_of_another_kind_takes_nothing_away(register: Register) -> None:
    licence = await licensed(register)
    renewal = await asked(register, licence)
    await register.post(f"/renewals/{renewal['id']}/refusal", {"statement": STATEMENT}, "regulator-a")
    for kind in ("refusal", "amendment", "lapse"):
        act = ActRef.model_validate({"service": "registry", "kind": kind, "id": renewal["id"]})
        with pytest.raises(NotFound):  # which parks the fact, for somebody to look at
            await register.appealed(act, "upheld")
    assert (await register.get(f"/renewals/{renewal['id']}", owner()))["status"] == "refused"
