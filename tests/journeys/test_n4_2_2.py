"""N4.2.2 and flow F on the real stack: a provider lists what it hosts, answers, and asks before it connects."""

from typing import Any

from concord.sdk import Concord, until
from shared.contracts.http.hosted import Answer, FindingView
from shared.contracts.http.preflights import Question
from shared.contracts.http.registry import WithReasons
from shared.documents import preflights
from shared.signing import KeyRing
from tests.support.office import Office

ANSWER = Answer(reasons="Its operator registers the site this week; here is the number of its application.")


async def _findings(provider: Concord) -> list[FindingView]:
    return [each async for each in provider.registry.hosted_findings()]


async def test_n4_2_2_a_list_is_compared_by_itself_and_what_is_found_is_told_answered_and_cured(office: Office) -> None:
    await office.enter("listed.example")
    site = await office.site("listed.example")
    ips = list(site.accesses[0].ips)
    listed: list[Any] = [{"host": "listed.example", "ips": ips}, {"host": "unlisted.example", "ips": ips}]
    async with office.provider() as provider:
        closed = await provider.registry.send_inventory(office.stack.provider_id, lambda: listed)
        assert closed.closed
        (finding,) = await until(lambda: _findings(provider), bool)
        assert (finding.host, finding.kind, finding.status) == ("unlisted.example", "unregistered", "open")
        notices = [each async for each in provider.registry.notices(about=finding.told_id)]
        assert [each.kind for each in notices] == ["hosted_found"]
        assert (await provider.registry.answer_hosted(finding.id, ANSWER)).status == "answered"
        insisted = await office.people["regulator-a"].registry.insist_on_hosted(
            finding.id, WithReasons(reasons="No application with this number is on our desk.")
        )
        assert insisted.status == "open"
        await provider.registry.send_inventory(office.stack.provider_id, lambda: listed[:1])

        async def cured() -> bool:
            return (await provider.registry.hosted_finding(finding.id)).status == "cured"

        await until(cured, bool)
        assert (await office.site("listed.example")).status == "live", "nothing happened to a site"


async def test_flow_f_a_provider_asks_first_and_keeps_the_signed_answer(office: Office) -> None:
    await office.enter("first.example")
    site = await office.site("first.example")
    ips = tuple(site.accesses[0].ips)
    async with office.provider() as provider:
        yes = await provider.registry.preflight(Question(host="first.example", ips=ips, number=site.number))
        no = await provider.registry.preflight(Question(host="asked-first.example", ips=ips))
        keys = KeyRing(await provider.registry.keys())
    assert (yes.answer, [each.code for each in no.reasons]) == ("yes", ["unregistered"])
    for each in (yes, no):
        said, _ = preflights.read(each.jws, keys)
        assert said == each.document
