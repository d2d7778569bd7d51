"""The mark of a registration: signed with the grant, met by anybody, judged offline, and what is so now."""

import asyncio
import re
from datetime import timedelta
from typing import Any

import pytest

from shared.contracts.marks import MARK_TYPE, Mark
from shared.documents import marks as signed
from shared.signing import Signer, generate_key
from tests.integration.registry.conftest import GRANT, Register, a_site, access, domain, owner, uscc
from tests.integration.registry.test_documents import keys
from tests.integration.registry.test_imports import counts, record, sent
from tests.integration.registry.test_licences import licensed, to_the_end
from tests.support.people import OPERATOR_USCC

DOOR = re.compile(r"https?://[^/]+(/marks/.+)")


async def marked(register: Register, registration: dict[str, Any], who: Any = "regulator-a") -> dict[str, Any]:
    return await register.get(f"/registrations/{registration['id']}/mark", who)


async def met(register: Register, token: str) -> dict[str, Any]:
    """What anybody reads, without a token of a person."""
    answer = await register.api.get(f"/marks/{token}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Cache-Control"] == "public, max-age=60"
    return dict(answer.json())


async def imported(register: Register, number: str) -> dict[str, Any]:
    """A filing that came with an import."""
    assert counts(await sent(register, [record(1, number=number)])) == (1, 0, 0, 0)
    return {"id": str(await register.fetchval("SELECT id FROM registration WHERE number = $1", number))}


async def test_a_filing_gets_its_mark_with_the_grant_and_anybody_judges_it_offline(register: Register) -> None:
    host = domain()
    filing = await register.active(a_site(f"www.{host}"))
    assert await register.fetchval("SELECT count(*) FROM mark") == 1
    shown = await marked(register, filing, owner())
    mark, kid = signed.read(shown["token"], await keys(register))
    assert (mark.number, mark.names, mark.edition) == (filing["number"], (host,), 1)
    assert mark.operator == "Example Pharmacy Ltd"
    assert kid.startswith("industry-110000")
    assert Mark.model_validate(shown["mark"]) == mark
    assert shown["required"] is True
    assert await register.fetchval("SELECT count(*) FROM mark") == 1, "asking signs nothing that was signed"


async def test_the_address_of_its_code_tells_everybody_what_is_so_now(register: Register) -> None:
    host = domain()
    filing = await register.active(a_site(host))
    shown = await marked(register, filing)
    path = DOOR.fullmatch(shown["address"])
    assert path is not None
    assert path[1] == f"/marks/{shown['token']}"
    now = await met(register, shown["token"])
    assert (now["number"], now["in_force"], now["status"], now["newest"]) == (filing["number"], True, "active", True)
    assert now["sites"] == [{
        "number": f"{filing['number']}-1", "domains": [host], "status": "live", "since": now["since"],
    }]  # fmt: skip
    assert (now["total"], now["operator"], now["succeeded_by"]) == (1, "Example Pharmacy Ltd", None)
    assert OPERATOR_USCC not in str(now)


@pytest.mark.parametrize("effect", ["suspend_access", "revoke"])
async def test_a_measure_and_its_undoing_are_told_with_their_times(register: Register, effect: str) -> None:
    site = await register.live()
    filing = {"id": site["registration_id"]}
    token = (await marked(register, filing))["token"]
    entered = (await met(register, token))["since"]
    register.clock.advance(timedelta(days=3))
    until = register.clock.now() + timedelta(days=20) if effect == "suspend_access" else None
    decision = await register.decided(site, effect, until=until)
    await register.carried_out(decision)
    now = await met(register, token)
    at = register.clock.now().isoformat().replace("+00:00", "Z")
    assert (now["status"], now["since"]) == ("active", entered), "the number is not what was burdened"
    status = {"suspend_access": "stopped", "revoke": "revoked"}[effect]
    assert [(each["status"], each["since"]) for each in now["sites"]] == [(status, at)]
    register.clock.advance(timedelta(days=1))
    await register.overturned(decision)
    again = (await met(register, token))["sites"][0]
    assert (again["status"], again["since"] > at) == ("live", True)


async def test_a_lapsed_licence_and_an_ended_filing_say_since_when(register: Register) -> None:
    licence = await licensed(register)
    token = (await marked(register, licence, owner()))["token"]
    await to_the_end(register, licence)
    now = await met(register, token)
    assert (now["in_force"], now["status"], now["since"]) == (False, "lapsed", "2027-12-01T15:59:59Z")
    assert (await marked(register, licence, owner()))["token"] == token, "what is not in force is not signed anew"

    site = await register.live(uscc(91_000))
    token = (await marked(register, {"id": site["registration_id"]}))["token"]
    version = (await register.get(f"/sites/{site['id']}", "regulator-a"))["version"]
    await register.post(
        f"/sites/{site['id']}/deregistration", {"reasons": "The shop closes for good."}, owner(uscc(91_000)),
        headers={"If-Match": f'"{version}"'},
    )  # fmt: skip
    now = await met(register, token)
    assert (now["in_force"], now["status"], now["sites"], now["total"]) == (False, "ended", [], 0)


async def test_a_change_of_names_is_signed_anew_and_the_old_mark_says_so(register: Register) -> None:
    site = await register.live()
    filing = {"id": site["registration_id"]}
    first, other = await marked(register, filing), domain()
    since = (await met(register, first["token"]))["sites"][0]["since"]
    register.clock.advance(timedelta(days=2))
    amendment = await register.propose(site, a_site(site["domains"][0], domains=[site["domains"][0], other]))
    assert (await marked(register, filing))["token"] == first["token"], "what is proposed holds nothing yet"
    await register.post(f"/amendments/{amendment['id']}/grant", GRANT, "regulator-a")
    second = await marked(register, filing)
    assert (second["mark"]["edition"], set(second["mark"]["names"])) == (2, {site["domains"][0], other})
    old, new = await met(register, first["token"]), await met(register, second["token"])
    assert (old["newest"], new["newest"]) == (False, True)
    assert old["sites"] == new["sites"]
    assert old["sites"][0]["since"] == since, "it has stood so all the time"
    assert set(old["sites"][0]["domains"]) == {site["domains"][0], other}


async def test_too_many_names_are_in_the_mark_as_a_digest(register: Register) -> None:
    names = sorted(domain() for _ in range(signed.MOST_NAMES + 1))
    filing = await register.active(a_site(names[0], domains=names))
    mark = (await marked(register, filing))["mark"]
    assert (mark["names"], mark["digest"]) == ([], signed.shortened(names)[1])


async def test_an_imported_filing_gets_its_mark_when_somebody_asks_and_only_once(register: Register) -> None:
    filing = await imported(register, "京ICP备77000001号")
    assert await register.fetchval("SELECT count(*) FROM mark") == 0
    both = await asyncio.gather(*(marked(register, filing) for _ in range(5)))
    assert len({each["token"] for each in both}) == 1
    assert await register.fetchval("SELECT count(*) FROM mark") == 1
    now = await met(register, both[0]["token"])
    assert (now["in_force"], len(now["sites"])) == (True, 1)


async def test_a_persons_name_is_in_neither(register: Register) -> None:
    document = {"kind": "resident_id", "number": "11010519491231002X"}
    body = {"kind": "person", "region": "110000", "document": document, "particulars": {"name": "王小明"}}
    operator = await register.post("/operators", body, "regulator-a", 201)
    asked = {"operator_id": operator["id"], "kind": "filing", "site": a_site(domain())}
    filing = await register.post("/registrations", asked, "regulator-a", 201)
    await register.post(f"/registrations/{filing['id']}/grant", GRANT, "regulator-b")
    shown = await marked(register, filing)
    now = await met(register, shown["token"])
    assert (shown["mark"]["operator"], now["operator"]) == (None, None)
    assert not re.search("王小明|p:[0-9a-f]{16}|002X", str(shown) + str(now))


async def test_what_we_did_not_sign_or_do_not_keep_is_not_found(register: Register) -> None:
    filing = await register.active(a_site(domain()))
    token = (await marked(register, filing))["token"]
    mark = signed.content(token)
    ours: Signer = register.api.app.state.supervisor.runtime.state.keys.signer("industry-110000")
    forged = Signer(generate_key(kid=ours.kid))
    head, body, end = token.split(".")
    for wrong in (
        signed.sign(mark, forged), signed.sign(mark, Signer(generate_key(kid="nobody"))),
        signed.sign(mark.model_copy(update={"issuer": "drugs-110000"}), ours),
        signed.sign(mark.model_copy(update={"number": "京ICP备1号"}), ours),
        signed.sign(mark.model_copy(update={"edition": 9}), ours),
        signed.sign(mark.model_copy(update={"names": ("bank.example",)}), ours),
        f"{head}.{body}.{'A' * len(end)}",
    ):  # fmt: skip
        answer = await register.api.get(f"/marks/{wrong}")
        assert (answer.status_code, answer.json()["code"]) == (404, "unknown_mark"), wrong


async def test_a_mark_that_says_it_was_signed_after_its_key_was_retired_is_not_found(
    register: Register, monkeypatch: pytest.MonkeyPatch
) -> None:
    filing = await register.active(a_site(domain()))
    token = (await marked(register, filing))["token"]
    keys, issued = register.api.app.state.supervisor.runtime.state.keys, signed.content(token).issued_at
    published = keys.published["keys"]
    for seconds, status in ((1, 200), (0, 404)):
        retired = {"retired_at": (issued + timedelta(seconds=seconds)).isoformat()}
        monkeypatch.setattr(type(keys), "published", {"keys": [key | retired for key in published]})
        answer = await register.api.get(f"/marks/{token}")
        assert answer.status_code == status, answer.text
    assert answer.json()["code"] == "unknown_mark"


@pytest.mark.parametrize("token", [
    "x", "a.b.c", "%00", "%F0%9F%98%80", "..", "." * 300, "a" * 5_000, "eyJhbGciOiJub25lIn0.e30.", "%2e%2e%2fx",
])  # fmt: skip
async def test_what_is_no_token_is_refused(register: Register, token: str) -> None:
    answer = await register.api.get(f"/marks/{token}")
    assert answer.status_code in {404, 422}, answer.text


async def test_another_document_of_ours_is_no_mark(register: Register) -> None:
    licence = await licensed(register)
    document = await register.get(f"/registrations/{licence['id']}/document", owner())
    assert (await register.api.get(f"/marks/{document['jws']}")).status_code == 422
    ours: Signer = register.api.app.state.supervisor.runtime.state.keys.signer("industry-110000")
    for payload in (b"{}", b"[]", b"\xff", b'{"number":"x","number":"y"}'):
        answer = await register.api.get(f"/marks/{ours.sign(payload, MARK_TYPE)}")
        assert (answer.status_code, answer.json()["code"]) == (422, "mark_malformed")


async def test_only_who_reads_the_registration_gets_its_mark_and_before_the_grant_there_is_none(
    register: Register,
) -> None:
    asked = await register.submitted(a_site(domain(), accesses=[access()]))
    answer = await register.api.get(f"/registrations/{asked['id']}/mark", who=owner())
    assert (answer.status_code, answer.json()["code"]) == (404, "no_mark")
    for who in ("seller", "shanghai-regulator-a"):
        for end in ("", ".svg", ".png"):
            answer = await register.api.get(f"/registrations/{asked['id']}/mark{end}", who=who)
            assert answer.status_code == 403, (who, end)


async def test_the_pictures_are_pictures(register: Register) -> None:
    filing = await register.active(a_site(domain()))
    svg = await register.api.get(f"/registrations/{filing['id']}/mark.svg", who=owner())
    png = await register.api.get(f"/registrations/{filing['id']}/mark.png", who=owner())
    assert (svg.status_code, svg.headers["Content-Type"]) == (200, "image/svg+xml")
    assert svg.text.startswith("<svg")
    assert "script" not in svg.text
    assert (png.status_code, png.content[:8]) == (200, b"\x89PNG\r\n\x1a\n")


@pytest.mark.parametrize("lang", ["zh", "en"])
async def test_a_telephone_that_read_the_code_gets_a_page(register: Register, lang: str) -> None:
    html = {"Accept": "text/html"}
    host = domain()
    filing = await register.active(a_site(host))
    token = (await marked(register, filing))["token"]
    page = await register.api.get(f"/marks/{token}?lang={lang}", headers=html)
    assert (page.status_code, page.headers["Cache-Control"]) == (200, "public, max-age=60")
    assert page.headers["Vary"] == "Accept, Accept-Language"
    for said in (filing["number"], host, "Example Pharmacy Ltd", "有效" if lang == "zh" else "in force"):
        assert said in page.text
    assert OPERATOR_USCC not in page.text
    sheet = re.search('href="([^"]+[.]css)"', page.text)
    assert sheet is not None
    assert (await register.api.get(sheet[1])).status_code == 200
    for wrong, status in ((token[:-4] + "AAAA", 404), ("x", 422)):
        answer = await register.api.get(f"/marks/{wrong}", headers=html)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
