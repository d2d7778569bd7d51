"""P3.1, last paragraph: a site goes to another operator, who agrees; register, look-up and host go along."""

import pytest

from concord.sdk import ConcordError, until
from shared.contracts.http import registry
from tests.support.office import PATIENCE_S, STATED, Office, identity_of

SOLD = "The shop was sold with everything that belongs to it."


async def test_p3_1_a_site_is_transferred_with_the_consent_of_its_new_operator(office: Office) -> None:
    await office.enter("sold.example", "buyer.example")
    site, other = await office.site("sold.example"), await office.site("buyer.example")
    regulator = office.people["regulator-a"].registry
    body = registry.ProposedTransfer(registration_id=other.registration_id, reasons=SOLD)
    async with office.operator("sold.example") as seller, office.operator("buyer.example") as buyer:
        proposed = await seller.registry.transfer(site.id, site.version, body)
        changes = {each.field: each.after for each in proposed.changes}
        assert (changes["registration_id"], changes["number"]) == (str(other.registration_id), _number_of(other))
        with pytest.raises(ConcordError, match="consent_missing"):
            await regulator.grant_amendment(proposed.id, STATED)
        with pytest.raises(ConcordError):
            await seller.registry.consent(proposed.id)
        await buyer.registry.consent(proposed.id)
        granted = await regulator.grant_amendment(proposed.id, STATED)
        assert granted.status == "granted"
        assert (await buyer.registry.get_site(site.id)).operator_id == other.operator_id
        with pytest.raises(ConcordError):
            await seller.registry.get_site(site.id)
    after = await office.site("sold.example")
    assert after.number is not None
    assert after.number == f"{_number_of(other)}-2"
    assert after.accesses == site.accesses, "its host hosts it on, and was ordered nothing"
    ended = await regulator.get(site.registration_id)
    assert (ended.status, ended.sites) == ("ended", [])
    told = await until(
        lambda: office.people["officer"].query.lookup(domain="sold.example", purpose="journey"),
        lambda answer: answer.operator is not None and answer.operator.identity == identity_of("buyer.example"),
        timeout_s=PATIENCE_S,
    )
    assert told.hosting is not None
    assert told.hosting.state == "serving"


def _number_of(site: registry.SiteView) -> str:
    assert site.number is not None
    return site.number.rpartition("-")[0]
