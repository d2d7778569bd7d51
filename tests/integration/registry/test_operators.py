"""Who an operator is: its document of identity, its second officer, its address for service."""

import asyncio
import json
import re
from itertools import product
from typing import Any

import pytest

from shared.contracts.registry import SiteRecordedV1
from shared.rules.identifiers import InvalidIdentifier, parse_credit_code
from tests.integration.registry.conftest import Register, a_site, domain, owner, uscc
from tests.support.people import OPERATOR_USCC


def is_legacy(code: str) -> bool:
    try:
        return parse_credit_code(code, legacy=True).legacy
    except InvalidIdentifier:
        return False


PERSON = "11010519491231002X"
_CODES = (f"91110000MA01CNC{last}" for last in map("".join, product("0123456789ABCDEFGH", repeat=3)))
LEGACY = next(code for code in _CODES if is_legacy(code))
"""The check digit of the organisation in it holds, that of the whole does not."""


def _company(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "company", "region": "110000", "document": {"number": OPERATOR_USCC},
        "particulars": {"name": "Example Pharmacy Ltd"},
    } | changes  # fmt: skip


def _person(number: str = PERSON) -> dict[str, Any]:
    return _company(kind="person", document={"kind": "resident_id", "number": number})


async def test_a_persons_number_is_kept_nowhere(register: Register, capsys: pytest.CaptureFixture[str]) -> None:
    entered = await register.post("/operators", _person(), "regulator-a", 201)
    assert entered["identity"].startswith("p:")
    again = await register.refused("/operators", _person(f" {PERSON.lower()} "), "regulator-a")
    assert again["code"] == "operator_exists", "the same number, however it is typed"
    await register.refused("/operators", _company(document={"number": PERSON}), "regulator-a", 422)
    await register.refused("/operators", _person("110105194912310021"), "regulator-a", 422)
    site = a_site(domain())
    submitted = await register.post("/registrations", {"operator_id": entered["id"], "site": site}, "regulator-a", 201)
    await register.post(f"/registrations/{submitted['id']}/refusal", _refusing(), "regulator-b")
    async with register.api.rt.db.connection() as tx:
        tables = await tx.fetch("SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relname !~ '^(pg|sql)_'")
        for (table,) in tables:
            everything = f"SELECT string_agg(t::text, ' ') FROM {table} t WHERE t::text ~* $1"
            assert await tx.fetchval(everything, PERSON[:17]) is None, table
        facts = await tx.fetch("SELECT convert_from(value, 'UTF8') AS told FROM outbox")
    assert not [row for row in facts if PERSON[:17] in row["told"]]
    said = capsys.readouterr()
    assert PERSON[:17] not in said.out + said.err + json.dumps([entered, again, submitted])


def _refusing(**changes: Any) -> dict[str, Any]:
    return {"statement": {"legal_basis": ["P3.1.5"], "reasons": "The papers are incomplete."}} | changes


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (_person() | {"kind": "company"}, "document.kind"),
        (_company(kind="person"), "document.kind"),
        (_company(region="990000"), "region"),
        (_company(document={"number": "123"}), "document.number"),
    ],
)
async def test_a_document_that_cannot_be_is_named(register: Register, body: dict[str, Any], field: str) -> None:
    refused = await register.refused("/operators", body, ("regulator-a", {"region": None}), 422)
    assert [each["field"] for each in refused["fields"]] == [field]


async def test_nobody_learns_who_is_registered_by_trying_to_enter_them(register: Register) -> None:
    await register.operator()
    for who in ("drugs-a", "officer", owner(uscc(5)), "shanghai-regulator-a"):
        refused = await register.refused("/operators", _company(), who, 403)
        assert "operator_id" not in refused
    known = await register.refused("/operators", _company(), owner())
    assert known["operator_id"], "its own people are told which record it is"


async def test_a_code_whose_check_digit_fails_waits_for_a_second_officer(register: Register) -> None:
    entered = await register.post("/operators", _company(document={"number": LEGACY}), "regulator-a", 201)
    body = {"operator_id": entered["id"], "site": a_site(domain())}
    assert (await register.refused("/registrations", body, "regulator-a"))["code"] == "legacy_code"
    path = f"/operators/{entered['id']}/legacy-code-confirmation"
    assert (await register.refused(path, {}, "regulator-a"))["code"] == "second_person_required"
    await register.refused(path, {}, ("applicant", {"organisation": LEGACY}), 403)
    await register.refused(path, {}, "shanghai-regulator-a", 403)
    await register.post(path, {}, "regulator-b")
    await register.post("/registrations", body, "regulator-a", 201)
    assert (await register.refused(path, {}, "regulator-b"))["code"] == "no_legacy_code"
    await register.refused(path, {}, "shanghai-regulator-a", 403)


async def _code(register: Register, operator_id: str) -> str:
    document = await register.fetchval(
        "SELECT convert_from(document, 'UTF8') FROM notice WHERE kind = 'address_check' ORDER BY id DESC LIMIT 1"
    )
    found = re.search(r"Code: (\d{8})", document)
    assert found is not None
    return found.group(1)


async def test_an_address_counts_once_its_code_came_back_and_not_for_another_address(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    path, who = f"/operators/{site['operator_id']}", owner()
    await register.refused(f"{path}/address-for-service", {"email": "a@pharmacy.example"}, "regulator-a", 403)
    view = await register.post(f"{path}/address-for-service", {"email": "a@pharmacy.example"}, who)
    assert view["address_for_service"]["email_verified"] is False
    code = await _code(register, site["operator_id"])
    wrong = f"{(int(code) + 1) % 10**8:08d}"
    assert (await register.refused(f"{path}/address-verification", {"code": wrong}, who))["code"] == "wrong_code"
    await register.post(f"{path}/address-for-service", {"email": "b@pharmacy.example"}, who)
    assert (await register.refused(f"{path}/address-verification", {"code": code}, who))["code"] == "wrong_code"
    view = await register.post(f"{path}/address-verification", {"code": await _code(register, site["id"])}, who)
    assert view["address_for_service"]["email_verified"] is True
    told = (await register.told(SiteRecordedV1))[-1]
    assert told.operator.address_for_service.email == "b@pharmacy.example", "who sends notices must know"
    assert told.operator.address_for_service.email_verified


def _other(code: str, by: int = 1) -> str:
    return f"{(int(code) + by) % 10**8:08d}"


async def test_five_wrong_tries_end_a_code_and_a_new_one_is_needed(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    path, who = f"/operators/{site['operator_id']}", owner()
    address = {"email": "a@pharmacy.example"}
    assert (await register.refused(f"{path}/address-verification", {"code": "12345678"}, who))["code"] == "code_spent"
    await register.post(f"{path}/address-for-service", address, who)
    code = await _code(register, site["id"])
    await register.refused(f"{path}/address-verification", {"code": code}, "regulator-a", 403)
    for number in range(5):
        wrong = await register.refused(f"{path}/address-verification", {"code": _other(code, number + 1)}, who)
        assert wrong["code"] == "wrong_code"
    assert (await register.refused(f"{path}/address-verification", {"code": code}, who))["code"] == "code_spent"
    await register.post(f"{path}/address-for-service", address, who)
    again = await _code(register, site["id"])
    assert again != code
    assert (await register.refused(f"{path}/address-verification", {"code": code}, who))["code"] == "wrong_code"
    view = await register.post(f"{path}/address-verification", {"code": again}, who)
    assert view["address_for_service"]["email_verified"]
    assert (await register.refused(f"{path}/address-verification", {"code": again}, who))["code"] == "code_spent"


async def test_guesses_at_once_get_no_more_tries_than_one_after_the_other(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    path, who = f"/operators/{site['operator_id']}", owner()
    await register.post(f"{path}/address-for-service", {"email": "a@pharmacy.example"}, who)
    code = await _code(register, site["id"])
    guesses = [_other(code, number + 1) for number in range(16)]
    answers = await asyncio.gather(
        *(register.api.post(f"{path}/address-verification", json={"code": each}, who=who) for each in guesses)
    )
    said = sorted(each.json()["code"] for each in answers)
    assert said == ["code_spent"] * 11 + ["wrong_code"] * 5
    assert (await register.refused(f"{path}/address-verification", {"code": code}, who))["code"] == "code_spent"


async def test_five_codes_a_day_and_no_more(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    path, who = f"/operators/{site['operator_id']}/address-for-service", owner()
    answers = await asyncio.gather(*(
        register.api.post(path, json={"email": f"{letter}@pharmacy.example"}, who=who) for letter in "abcdefgh"
    ))  # fmt: skip
    assert sorted(each.status_code for each in answers) == [200] * 5 + [409] * 3
    assert {each.json().get("code") for each in answers} == {None, "too_many_codes"}
    assert await register.fetchval("SELECT count(*) FROM notice WHERE kind = 'address_check'") == 5
    await register.post(path, {"post": "1 Example Road"}, who)
    async with register.api.rt.db.transaction() as tx:
        await tx.execute("UPDATE address_code SET since = since - interval '1 day'")
    await register.post(path, {"email": "z@pharmacy.example"}, who)


async def test_the_code_is_in_nobodys_inbox_the_regulators_neither(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    path = f"/operators/{site['operator_id']}/address-for-service"
    await register.post(path, {"email": "a@pharmacy.example"}, owner())
    notice_id = await register.fetchval("SELECT id::text FROM notice WHERE kind = 'address_check'")
    for who in (owner(), "regulator-a"):
        assert "address_check" not in json.dumps(await register.get("/notices?limit=100", who))
        assert (await register.api.get(f"/notices/{notice_id}", who=who)).status_code == 404
    hashed = await register.fetchval("SELECT code_hash FROM address_code")
    assert (await _code(register, site["id"])).encode() not in hashed


async def test_the_code_is_in_no_inbox_of_the_operator(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    path = f"/operators/{site['operator_id']}/address-for-service"
    await register.post(path, {"email": "a@pharmacy.example"}, owner())
    inbox = await register.get("/notices", owner())
    assert len(inbox["items"]) == 1, "that it was granted"
    (granted,) = inbox["items"]
    assert "Code" not in json.dumps(await register.get(f"/notices/{granted['id']}", owner()))
    assert await register.fetchval("SELECT address FROM delivery WHERE channel = 'email'") == "a@pharmacy.example"


async def test_an_address_is_shown_to_its_operator_and_its_regulator_only(register: Register) -> None:
    operator_id = await register.operator(address_for_service={"post": "1 Example Road"})
    readers: list[tuple[Any, bool]] = [(owner(), True), ("regulator-b", True), ("drugs-a", False), ("officer", False)]
    for who, shown in readers:
        view = await register.get(f"/operators/{operator_id}", who)
        assert (view["address_for_service"] is not None) is shown, who
    looked = await register.fetchval("SELECT count(*) FROM audit WHERE resource = $1", f"/operators/{operator_id}")
    assert looked == 3, "officials leave a row, the operator's own people do not"


async def test_changed_particulars_are_kept_in_versions_and_told_of_every_site(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    path, new = f"/operators/{site['operator_id']}", {"name": "Better Pharmacy Ltd", "representative": "Li"}
    body = {"particulars": new, "reasons": "The company was renamed."}
    stale = await register.refused(f"{path}/amendments", body, owner(), 412, headers={"If-Match": '"7"'})
    assert stale["code"] == "precondition_failed"
    proposed = await register.post(f"{path}/amendments", body, owner(), 201, headers={"If-Match": '"1"'})
    await register.post(f"{path}/address-for-service", {"post": "1 Example Road"}, owner())
    await register.post(f"/amendments/{proposed['id']}/grant", _refusing(), "regulator-a")
    told = (await register.told(SiteRecordedV1))[-1]
    assert (told.operator.name, told.version) == ("Better Pharmacy Ltd", 4)
    async with register.api.rt.db.connection() as tx:
        kept = await tx.fetch("SELECT particulars->>'name' AS name, cause->>'kind' AS kind FROM operator_version")
    assert [tuple(row) for row in kept] == [("Example Pharmacy Ltd", "enter"), ("Better Pharmacy Ltd", "amendment")]


async def test_of_two_who_enter_one_operator_at_once_one_does(register: Register) -> None:
    body = _company(document={"number": uscc(4711)})
    answers = await asyncio.gather(*(register.api.post("/operators", json=body, who="regulator-a") for _ in range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7


async def test_a_code_for_an_address_that_was_taken_back_verifies_nothing(register: Register) -> None:
    site = await register.live(OPERATOR_USCC)
    path, who = f"/operators/{site['operator_id']}", owner()
    await register.post(f"{path}/address-for-service", {"email": "a@pharmacy.example"}, who)
    await register.post(f"{path}/address-for-service", {"post": "1 Example Road"}, who)
    code = await _code(register, site["id"])
    assert (await register.refused(f"{path}/address-verification", {"code": code}, who))["code"] == "wrong_code"
