"""Who may ask that something of the register changes, and when there is nothing to ask for."""

from typing import Any, Final

from tests.integration.registry.conftest import Register, a_site, domain, owner, uscc

WHY: Final = {"reasons": "We close this shop for good."}
STRANGERS: list[Any] = [owner(uscc(3)), "shanghai-regulator-a", "drugs-a", "desk-a", "auditor", "review-a"]


async def _proposals(register: Register, site: dict[str, Any], to: str) -> list[tuple[str, dict[str, Any], str]]:
    """Every way to ask that something changes: address, body, and the version that is meant."""
    operator = await register.get(f"/operators/{site['operator_id']}", "regulator-a")
    version = str(site["version"])
    particulars = {"name": "Example Pharmacy and Sons Ltd"}
    return [
        (f"/operators/{site['operator_id']}/amendments", {"particulars": particulars, "reasons": "A new name."},
         str(operator["version"])),
        (f"/registrations/{site['registration_id']}/sites", a_site(domain()), ""),
        (f"/sites/{site['id']}/amendments", {**a_site(domain()), "reasons": "The shop moves."}, version),
        (f"/sites/{site['id']}/transfer", {"registration_id": to, "reasons": "The shop was sold."}, version),
    ]  # fmt: skip


async def test_nobody_proposes_changes_to_what_is_anothers(register: Register) -> None:
    site, receiving = await register.live(uscc(1)), await register.active(a_site(domain()), uscc(2))
    for path, body, version in await _proposals(register, site, receiving["id"]):
        headers = {"If-Match": f'"{version}"'} if version else {}
        for who in STRANGERS:
            assert (await register.refused(path, body, who, 403, headers=headers))["code"] != "not_found", (path, who)
    assert (await register.get("/amendments", "regulator-a"))["items"] == []


async def test_what_is_known_of_an_operator_is_proposed_once_and_only_if_it_changes(register: Register) -> None:
    site = await register.live(uscc(1))
    path, body, version = (await _proposals(register, site, site["registration_id"]))[0]
    now = {"If-Match": f'"{version}"'}
    known = (await register.get(f"/operators/{site['operator_id']}", "regulator-a"))["particulars"]
    same = {**body, "particulars": known}
    assert (await register.refused(path, same, owner(uscc(1)), headers=now))["code"] == "nothing_changes"
    asked = await register.post(path, body, owner(uscc(1)), 201, headers=now)
    pending = await register.refused(path, body, owner(uscc(1)), headers=now)
    assert (pending["code"], pending["amendment_id"]) == ("amendment_pending", asked["id"])


async def test_a_number_that_has_ended_receives_no_site_and_a_decided_transfer_no_consent(register: Register) -> None:
    site, receiving = await register.live(uscc(1)), await register.active(a_site(domain()), uscc(2))
    *_, (path, body, version) = await _proposals(register, site, receiving["id"])
    now = {"If-Match": f'"{version}"'}
    moving = await register.post(path, body, owner(uscc(1)), 201, headers=now)
    await register.post(f"/amendments/{moving['id']}/withdrawal", WHY, owner(uscc(1)))
    late = await register.refused(f"/amendments/{moving['id']}/consent", {}, owner(uscc(2)))
    assert late["code"] == "action_refused"
    await register.post(f"/sites/{receiving['sites'][0]['id']}/deregistration", WHY, owner(uscc(2)))
    assert (await register.refused(path, body, owner(uscc(1)), headers=now))["code"] == "action_refused"
