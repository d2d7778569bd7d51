"""The signed document of a licence: issued at grant and renewal, judged offline, asked about by whoever holds it."""

from shared.documents import signed
from shared.signing import KeyRing
from tests.integration.registry.conftest import GRANT, Register, a_site, domain, owner
from tests.integration.registry.test_licences import LAST, LATER, asked, licensed, to_the_end


async def keys(register: Register) -> KeyRing:
    return KeyRing((await register.api.get("/.well-known/jwks.json")).json())


async def test_a_licence_is_issued_as_a_document_that_is_judged_offline(register: Register) -> None:
    licence = await licensed(register)
    shown = await register.get(f"/registrations/{licence['id']}/document", owner())
    read = signed.read(shown["jws"], await keys(register)).document
    assert (read.kind, read.number, str(read.valid_until)) == ("licence", licence["number"], LAST)
    assert (read.issuer.id, read.covers) == ("industry-110000", tuple(licence["sites"][0]["domains"]))
    assert (shown["in_force"], shown["standing"], shown["newest"]) == (True, "active", True)
    page = await register.api.get(f"/registrations/{licence['id']}/document.pdf", who=owner())
    assert (page.status_code, signed.embedded(page.content)) == (200, shown["jws"])


async def test_a_document_is_signed_for_names_that_were_granted_and_are_in_force(register: Register) -> None:
    """Not for what was only asked for, nor for what has ended."""
    licence = await licensed(register)
    live, path = licence["sites"][0]["domains"], f"/registrations/{licence['id']}/sites"
    await register.post(path, a_site(domain()), owner(), 201)  # proposed, and nobody has decided
    refused = await register.post(path, a_site(domain()), owner(), 201)
    await register.post(f"/amendments/{refused['id']}/refusal", GRANT, "regulator-a")
    added = await register.post(path, a_site(domain()), owner(), 201)
    await register.post(f"/amendments/{added['id']}/grant", GRANT, "regulator-a")
    gone = {"reasons": "We close this shop."}
    await register.post(f"/sites/{added['site_id']}/deregistration", gone, owner())
    renewal = await asked(register, licence)
    await register.post(f"/renewals/{renewal['id']}/grant", GRANT, "regulator-a")
    shown = await register.get(f"/registrations/{licence['id']}/document", owner())
    assert (shown["document"]["edition"], shown["document"]["covers"]) == (2, live)


async def test_whoever_holds_it_reads_how_it_stands_now(register: Register) -> None:
    licence = await licensed(register)
    first = (await register.get(f"/registrations/{licence['id']}/document", owner()))["document"]["document_id"]
    await to_the_end(register, licence)
    lapsed = (await register.api.get(f"/documents/{first}")).json()
    assert (lapsed["in_force"], lapsed["standing"]) == (False, "lapsed")
    assert lapsed["ended_at"] == "2027-12-01T15:59:59Z"
    renewal = await asked(register, licence)
    await register.post(f"/renewals/{renewal['id']}/grant", GRANT, "regulator-a")
    old = (await register.api.get(f"/documents/{first}")).json()
    assert (old["in_force"], old["newest"], old["valid_until"]) == (True, False, LATER)
    new = await register.get(f"/registrations/{licence['id']}/document", owner())
    assert (new["document"]["edition"], new["document"]["valid_until"]) == (2, LATER)


async def test_a_filing_has_none_and_strangers_are_refused(register: Register) -> None:
    filing = await register.active(a_site(domain()))
    answer = await register.api.get(f"/registrations/{filing['id']}/document", who=owner())
    assert (answer.status_code, answer.json()["code"]) == (404, "licence_has_no_document")
    licence = await licensed(register)
    for who in ("seller", "shanghai-regulator-a"):
        assert (await register.api.get(f"/registrations/{licence['id']}/document", who=who)).status_code == 403
        assert (await register.api.get(f"/registrations/{licence['id']}/document.pdf", who=who)).status_code == 403
