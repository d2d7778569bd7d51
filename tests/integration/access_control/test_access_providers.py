"""Providers and their keys, through the HTTP door."""

import asyncio
import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from shared import signing
from shared.runtime.process.supervisor import Failure
from tests.integration.access_control.conftest import OpenDesk
from tests.integration.access_control.desk import WHY, Desk, Host, entered, licence
from tests.support.service import Who

PROVIDER: dict[str, Any] = {
    "name": "Example Hosting",
    "licence": licence("京ICP证030173号"),
    "region": "110000",
    "kind": "access_provider",
    "contact": "filings@hosting.example",
}


def jwk(provider_id: object, kid: str = "k-1") -> dict[str, Any]:
    return entered(signing.generate_key(kid=kid), provider_id)


async def test_a_registered_provider_is_told_to_the_others_and_names_its_topics(desk: Desk) -> None:
    answer = await desk.api.post("/providers", json=PROVIDER, who="desk-a")
    assert answer.status_code == 201
    provider = answer.json()
    assert provider["head"] == 0
    assert provider["topics"] == {
        "orders": f"access-orders.{provider['id']}",
        "receipts": f"access-receipts.{provider['id']}",
    }
    (fact,) = await desk.facts("provider.recorded.v1")
    assert fact["subject"] == provider["id"]
    assert fact["data"]["licence_number"] == PROVIDER["licence"]["number"]
    assert (await desk.api.get(f"/providers/{provider['id']}", who="auditor")).json() == provider


async def test_a_licence_registers_once_however_it_is_written(desk: Desk) -> None:
    first = (await desk.api.post("/providers", json=PROVIDER, who="desk-a")).json()
    for written in ("京ＩＣＰ证 030173号", "京icp证030173号", "京ICP证0030173号"):
        again = await desk.api.post("/providers", json={**PROVIDER, "licence": licence(written)}, who="desk-a")
        assert (again.status_code, again.json()["code"]) == (409, "licence_taken")
        assert again.json()["provider_id"] == first["id"]
    hosting = {**PROVIDER, "licence": licence("京b1-２０１５０００１")}
    other = await desk.api.post("/providers", json=hosting, who="desk-a")
    assert (other.status_code, other.json()["licence_number"]) == (201, "京B1-20150001")
    again = await desk.api.post("/providers", json={**hosting, "licence": licence("京B1-20150001")}, who="desk-a")
    assert again.status_code == 409


async def test_a_number_that_cannot_be_right_is_refused(desk: Desk) -> None:
    for wrong in ("京ICP证1号", "火ICP证030173号", "京ICP备000000号"):
        answer = await desk.api.post("/providers", json={**PROVIDER, "licence": licence(wrong)}, who="desk-a")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_licence"), wrong


async def test_a_provider_is_changed_and_told_with_its_version(desk: Desk) -> None:
    host = await desk.network()
    read = await desk.api.get(f"/providers/{host.id}", who="auditor")
    assert (read.headers["etag"], read.json()["supervisor"]["id"]) == ('"1"', "education")
    body = {"name": "New Name", "contact": "noc@network.example", "supervisor": "education"}
    changed = await desk.api.put(f"/providers/{host.id}", json=body, version=1, who="desk-a")
    assert (changed.status_code, changed.json()["name"]) == (200, "New Name")
    assert (changed.json()["supervisor"]["id"], changed.json()["contact"]) == ("education", "noc@network.example")
    first, second = await desk.facts("provider.recorded.v1")
    assert (first["data"]["version"], second["data"]["version"]) == (1, 2)
    assert (second["data"]["name"], second["data"]["supervisor"]["id"]) == ("New Name", "education")
    assert "contact" not in second["data"], "whom to ask there is kept here only"
    late = await desk.api.put(f"/providers/{host.id}", json=body, version=1, who="desk-a")
    assert (late.status_code, late.json()["code"], late.json()["version"]) == (412, "precondition_failed", 2)
    assert (await desk.api.put(f"/providers/{host.id}", json=body, who="desk-a")).status_code == 428
    for who in (host.who, "regulator-a", ("desk-a", {"region": "310000"}), "auditor"):
        assert (await desk.api.put(f"/providers/{host.id}", json=body, version=2, who=who)).status_code == 403
    history = await desk.rows("SELECT action FROM history WHERE aggregate = 'provider' ORDER BY id")
    assert [row["action"] for row in history] == ["register", "change"]


async def test_changes_of_one_version_at_once_happen_once(desk: Desk) -> None:
    host = await desk.host()
    body = {"name": "New Name", "contact": "noc@network.example"}
    answers = await asyncio.gather(
        *(desk.api.put(f"/providers/{host.id}", json=body, version=1, who="desk-a") for _ in range(8))
    )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "public_network"},
        {"kind": "public_network", "supervisor": "nobody"},
        {"kind": "public_network", "supervisor": "drugs-110000"},
        {"kind": "carrier", "supervisor": "education"},
    ],
)
async def test_only_a_network_has_a_supervisor_and_one_of_the_directory(desk: Desk, change: dict[str, Any]) -> None:
    answer = await desk.api.post("/providers", json=PROVIDER | change, who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_supervisor")
    assert [fault["field"] for fault in answer.json()["fields"]] == ["supervisor"]
    assert await desk.facts() == []


async def test_no_network_loses_its_supervisor_and_is_ordered_past_it(desk: Desk) -> None:
    network, host = await desk.network(), await desk.host()
    body = {"name": "New Name", "contact": "noc@network.example"}
    changed = await desk.api.put(f"/providers/{network.id}", json=body, version=1, who="desk-a")
    assert (changed.json()["name"], changed.json()["supervisor"]["id"]) == ("New Name", "education")
    named = await desk.api.put(
        f"/providers/{host.id}", json=body | {"supervisor": "education"}, version=1, who="desk-a"
    )
    assert (named.status_code, named.json()["code"]) == (422, "no_supervisor")
    await desk.cut_off(network)
    assert [order["status"] for order in await desk.orders(network)] == ["instructed"]
    assert (await desk.feed(network))["head"] == 0


async def test_an_organisation_that_was_closed_supervises_nobody(desk: Desk) -> None:
    known = list(desk.rt.directory)
    closed = [each.model_copy(update={"status": "closed"}) if each.organisation_id == "education" else each
              for each in known]  # fmt: skip
    desk.rt.directory.load(closed)
    network = PROVIDER | {"kind": "public_network", "supervisor": "education"}
    answer = await desk.api.post("/providers", json=network, who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (422, "no_supervisor")
    desk.rt.directory.load(known)
    assert (await desk.api.post("/providers", json=network, who="desk-a")).status_code == 201


async def test_the_same_request_registers_one_provider(desk: Desk) -> None:
    first = await desk.api.post("/providers", json=PROVIDER, who="desk-a", key="one")
    second = await desk.api.post("/providers", json=PROVIDER, who="desk-a", key="one")
    assert first.json() == second.json()
    assert len(await desk.facts()) == 1


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("applicant", "role_missing"),
        ("drugs-a", "role_missing"),
        ("regulator-a", "role_missing"),
        (("desk-a", {"region": "310000"}), "out_of_scope"),
    ],
)
async def test_nobody_else_registers_a_provider(desk: Desk, who: Any, code: str) -> None:
    answer = await desk.api.post("/providers", json=PROVIDER, who=who)
    assert (answer.status_code, answer.json()["code"]) == (403, code)
    assert await desk.refusals() == [("POST /providers", code)]
    assert await desk.facts() == []


async def test_a_national_desk_reaches_every_province(desk: Desk) -> None:
    who = ("desk-a", {"region": None})
    assert (await desk.api.post("/providers", json=PROVIDER, who=who)).status_code == 201


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": None}, "name"),
        ({"region": "11"}, "region"),
        ({"kind": "reseller"}, "kind"),
        ({"contact": "   "}, "contact"),
        ({"licence": licence(7)}, "licence.number"),
        ({"licence": "x"}, "licence"),
    ],
)
async def test_a_malformed_provider_names_the_field(desk: Desk, change: dict[str, Any], field: str) -> None:
    answer = await desk.api.post("/providers", json=PROVIDER | change, who="desk-a")
    assert answer.status_code == 422
    assert [fault["field"] for fault in answer.json()["fields"]] == [field]


async def test_an_unknown_provider_is_not_found_by_any_verb(desk: Desk) -> None:
    ghost = uuid4()
    who: Who = ("x", {"organisation": str(ghost), "roles": ["access_desk", "access_provider"], "region": "110000"})
    for method, path, body in [
        ("GET", "", None),
        ("POST", "/keys", jwk(ghost)),
        ("POST", "/keys/k/revocation", WHY),
        ("GET", "/orders", None),
        ("GET", "/orders/stream", None),
        ("GET", "/state", None),
        ("GET", "/snapshot", None),
        ("POST", "/receipts", {"jws": "x"}),
        ("GET", f"/receipts/{'0' * 64}", None),
    ]:
        answer = await desk.api.request(method, f"/providers/{ghost}{path}", json=body, who=who)
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_provider"), path
    answer = await desk.api.get("/providers/not-an-id", who="desk-a")
    assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "provider_id")


async def test_providers_are_listed_in_pages_newest_first(desk: Desk) -> None:
    hosts = [await desk.host(name=f"Host {number}") for number in range(3)]
    first = (await desk.api.get("/providers", params={"limit": 2}, who="regulator-a")).json()
    rest = (await desk.api.get("/providers", params={"after": first["next"]}, who="regulator-a")).json()
    assert [item["id"] for item in first["items"] + rest["items"]] == [host.id for host in reversed(hosts)]
    assert [item["keys"][0]["kid"] for item in rest["items"]] == [hosts[0].key["kid"]]
    assert rest["next"] is None


async def test_a_provider_sees_itself_and_nobody_else(desk: Desk) -> None:
    mine, other = await desk.host(), await desk.host()
    assert (await desk.api.get(f"/providers/{mine.id}", who=mine.who)).status_code == 200
    assert (await desk.api.get(f"/providers/{other.id}", who=mine.who)).status_code == 403
    assert [each["id"] for each in (await desk.api.get("/providers", who=mine.who)).json()["items"]] == [mine.id]


async def test_a_key_id_is_used_once_per_provider_even_after_revocation(desk: Desk) -> None:
    host = await desk.host()
    assert (await desk.api.post(f"/providers/{host.id}/keys", json=jwk(host.id, "a"), who="desk-a")).status_code == 201
    again = await desk.api.post(f"/providers/{host.id}/keys", json=jwk(host.id, "a"), who="desk-a")
    assert (again.status_code, again.json()["code"]) == (409, "kid_taken")
    await desk.api.post(f"/providers/{host.id}/keys/a/revocation", json=WHY, who="desk-a")
    again = await desk.api.post(f"/providers/{host.id}/keys", json=jwk(host.id, "a"), who="desk-a")
    assert (again.status_code, again.json()["code"]) == (409, "kid_taken")


async def test_two_providers_may_use_the_same_key_id_but_never_the_same_key(desk: Desk) -> None:
    first, second = await desk.host(), await desk.host()
    key = signing.generate_key(kid="a")
    body = entered(key, first.id)
    assert (await desk.api.post(f"/providers/{first.id}/keys", json=body, who="desk-a")).status_code == 201
    same = await desk.api.post(f"/providers/{second.id}/keys", json=entered(key, second.id), who="desk-a")
    assert (same.status_code, same.json()["code"]) == (409, "key_taken")
    assert (
        await desk.api.post(f"/providers/{second.id}/keys", json=jwk(second.id, "a"), who="desk-a")
    ).status_code == 201


@pytest.mark.parametrize(
    ("proof", "why"),
    [
        (lambda key, host, other: signing.prove(signing.Signer(key), other.id), "is for another provider or key"),
        (lambda key, host, other: signing.prove(signing.Signer(host.key), host.id), "no key"),
        (
            lambda key, host, other: signing.prove(signing.Signer(signing.generate_key(kid="a")), host.id),
            "does not fit",
        ),
        (lambda key, host, other: host.batch(key=key), "this must be a concord-key+json"),
        (lambda key, host, other: signing.Signer(key).sign(b"{", signing.PROOF_TYPE), "is not JSON"),
        (lambda key, host, other: "", "not a compact JWS"),
    ],
    ids=["another provider", "another key", "the same id", "another document", "no JSON", "nothing"],
)
async def test_nobody_enters_a_key_without_a_proof_that_the_provider_holds_it(
    desk: Desk, proof: Callable[[dict[str, Any], Host, Host], str], why: str
) -> None:
    host, other = await desk.host(), await desk.host()
    key = signing.generate_key(kid="a")
    body = {"jwk": signing.public(key), "proof": proof(key, host, other)}
    answer = await desk.api.post(f"/providers/{host.id}/keys", json=body, who="desk-a")
    assert (answer.status_code, answer.json()["code"]) == (422, "bad_jwk")
    assert answer.json()["fields"][0]["field"] == "proof"
    assert why in answer.json()["fields"][0]["message"]


async def test_a_key_that_verifies_what_nobody_signed_is_refused(desk: Desk) -> None:
    """Defects 19 and 58: points of small order, the identity among them."""
    host = await desk.host()
    for raw in (b"\x01" + bytes(31), b"\x01" + bytes(30) + b"\x80", bytes(32), b"\xec" + b"\xff" * 30 + b"\x7f"):
        x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
        made = {"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "weak"}
        answer = await desk.api.post(f"/providers/{host.id}/keys", json={"jwk": made, "proof": "x"}, who="desk-a")
        assert (answer.status_code, answer.json()["fields"][0]["field"]) == (422, "jwk.x")


async def test_a_private_or_foreign_kind_of_key_is_refused(desk: Desk) -> None:
    host = await desk.host()
    for wrong in (signing.generate_key(kid="x"), {"kty": "RSA", "kid": "r", "n": "AQAB", "e": "AQAB"}, {}):
        answer = await desk.api.post(f"/providers/{host.id}/keys", json={"jwk": wrong, "proof": "x"}, who="desk-a")
        assert (answer.status_code, answer.json()["code"]) == (422, "bad_jwk")
        assert answer.json()["fields"][0]["field"].startswith("jwk.")


async def test_a_revoked_key_stays_on_record(desk: Desk) -> None:
    host = await desk.host()
    kid = host.key["kid"]
    desk.clock.advance(timedelta(hours=1))
    answer = await desk.api.post(f"/providers/{host.id}/keys/{kid}/revocation", json=WHY, who="desk-a")
    assert answer.status_code == 200
    (key,) = (await desk.api.get(f"/providers/{host.id}", who="desk-a")).json()["keys"]
    assert key["revoked_at"] == answer.json()["revoked_at"] is not None
    again = await desk.api.post(f"/providers/{host.id}/keys/{kid}/revocation", json=WHY, who="desk-a")
    assert (again.status_code, again.json()["code"]) == (409, "key_already_revoked")
    unknown = await desk.api.post(f"/providers/{host.id}/keys/nobody/revocation", json=WHY, who="desk-a")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "unknown_key")
    history = await desk.rows("SELECT action, subject FROM history WHERE aggregate = 'provider_key' ORDER BY id")
    assert [tuple(row) for row in history] == [("add", "desk-a"), ("revoke", "desk-a")]


async def test_nobody_but_the_desk_of_its_province_and_itself_touches_keys(desk: Desk) -> None:
    host, other = await desk.host(), await desk.host()
    for who in (other.who, "regulator-a", ("desk-a", {"region": "310000"})):
        assert (await desk.api.post(f"/providers/{host.id}/keys", json=jwk(host.id), who=who)).status_code == 403
        assert (
            await desk.api.post(f"/providers/{host.id}/keys/{host.key['kid']}/revocation", json=WHY, who=who)
        ).status_code == 403
    assert len(await desk.refusals()) == 6


async def test_the_signing_keys_are_public(desk: Desk) -> None:
    host = await desk.host()
    await desk.cut_off(host)
    answer = await desk.api.get("/.well-known/jwks.json")
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert all("d" not in key for key in answer.json()["keys"])
    (order,) = (await desk.feed(host))["orders"]
    assert signing.KeyRing(answer.json()).verify(order["jws"], "concord-order+json").payload


async def test_without_a_token_nothing_else_is_shown(desk: Desk) -> None:
    for path in ("/providers", "/orders", f"/providers/{uuid4()}/orders", f"/orders/{uuid4()}"):
        assert (await desk.api.get(path)).status_code == 401


async def test_without_a_signing_key_the_service_does_not_start(open_desk: OpenDesk, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"nowhere\.json is missing") as failure:
        async with open_desk(signing_keys_file=tmp_path / "nowhere.json", signing_keys_generate=False):
            pass
    assert failure.value.code == 4
