"""Ways to every status of a registration, a site, a proposed change and an execution."""

import re
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from itertools import count
from typing import Any, Final
from uuid import UUID

import orjson

from registry.lifecycle import AmendmentStatus, ExecutionStatus, MergerStatus, RenewalStatus, SiteStatus, Status
from registry.service import checks as asking
from registry.service import licences as validity
from shared.contracts import examples
from shared.contracts.grounds import ActRef, Service
from shared.contracts.http.checks import CheckStatus
from shared.contracts.http.registrar import TaskStatus
from shared.runtime.acts import notices
from tests.integration.registry.conftest import (
    GRANT,
    OTHER_PROVIDER,
    PROVIDER,
    STATEMENT,
    Register,
    a_site,
    access,
    domain,
    owner,
    provider_recorded,
    uscc,
)
from tests.integration.registry.test_imports import record, sent
from tests.integration.registry.test_operators import LEGACY
from tests.integration.sweep.world import Record
from tests.support.people import OPERATOR_USCC, SELLER_USCC

WHY: Final = {"reasons": "We close this shop for good."}
HOSTS: Final = {"organisation": str(PROVIDER), "roles": ["access_provider"]}
SHANGHAI: Final = "shanghai-regulator-a"
_CODE: Final = "SELECT convert_from(document, 'UTF8') FROM notice WHERE kind = 'address_check' ORDER BY id DESC LIMIT 1"
_codes = count(50_000)


def words(code: str, region: str = "110000", **more: Any) -> dict[str, Any]:
    """Whose, and where."""
    return {"organisation": code, "region": region, **more}


class Code(StrEnum):
    """Whether somebody must still vouch for an operator's code."""

    WAITING = "waiting"
    CONFIRMED = "confirmed"


@dataclass
class Books:
    """What is in the register."""

    register: Register
    receiving: str = ""
    """A registration of the applicant."""
    operators: list[Record] = field(default_factory=list)
    legacy: list[Record] = field(default_factory=list)
    registrations: list[Record] = field(default_factory=list)
    licences: list[Record] = field(default_factory=list)
    renewals: list[Record] = field(default_factory=list)
    checks: list[Record] = field(default_factory=list)
    tasks: list[Record] = field(default_factory=list)
    sites: list[Record] = field(default_factory=list)
    live: list[Record] = field(default_factory=list)
    amendments: list[Record] = field(default_factory=list)
    executions: list[Record] = field(default_factory=list)
    imports: list[Record] = field(default_factory=list)
    mergers: list[Record] = field(default_factory=list)
    merging: dict[str, Any] = field(default_factory=dict)
    """A merger that nobody proposed yet."""

    @classmethod
    async def of(cls, register: Register) -> "Books":
        """Fill them."""
        books = cls(register)
        await register.hear(provider_recorded())
        await register.hear(provider_recorded(OTHER_PROVIDER, "310000"))
        await books._operators()
        await books._registrations()
        await books._amendments()
        await books._renewals()
        await books._checks()
        await books._tasks()
        await books._executions()
        await books._imports()
        await books._mergers()
        return books

    async def _operators(self) -> None:
        register = self.register
        for code, region, who in (
            (OPERATOR_USCC, "110000", "regulator-a"), (SELLER_USCC, "110000", "regulator-a"),
            (uscc(next(_codes)), "310000", SHANGHAI),
        ):  # fmt: skip
            operator_id = await register.operator(code, who, region=region)
            self.operators.append(Record({"operator_id": operator_id}, words(code, region)))
        mine = self.operators[0]
        await register.post(f"/operators/{mine.id}/address-for-service", {"email": "a@pharmacy.example"}, owner())
        found = re.search(r"Code: (\d{8})", await register.fetchval(_CODE))
        assert found is not None
        self.operators[0] = Record(mine.at, mine.words, more={"code": found.group(1)})
        entered = await register.operator(LEGACY, document={"number": LEGACY})
        self.legacy = [Record({"operator_id": entered}, words(LEGACY), Code.WAITING),
                       Record(mine.at, mine.words, Code.CONFIRMED)]  # fmt: skip

    async def _entered(self, code: str, region: str = "110000", **changes: Any) -> dict[str, Any]:
        """A live filing of an operator in a province, its one site at two providers."""
        who = "regulator-a" if region == "110000" else SHANGHAI
        operator = await self.register.operator(code, who, region=region)
        both = [access(), access(provider=OTHER_PROVIDER)]
        body = {"operator_id": operator, "site": a_site(domain(), accesses=both, **changes)}
        submitted = await self.register.post("/registrations", body, owner(code), 201)
        return await self.register.post(f"/registrations/{submitted['id']}/grant", GRANT, who)

    def _note(self, registration: dict[str, Any], of: dict[str, Any], status: Status | None = None) -> None:
        self.registrations.append(Record({"registration_id": registration["id"]}, of, status))

    def _site(self, site: dict[str, Any], of: dict[str, Any], status: SiteStatus | None = None) -> None:
        at = {"site_id": site["id"], "access_id": (site["accesses"] or [{"id": site["id"]}])[0]["id"]}
        self.sites.append(Record(at, of, status))
        if status in {SiteStatus.LIVE, None}:
            moment = self.register.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
            self.live.append(Record({"site_id": site["id"], "domain": site["domains"][0], "at": moment}, of))

    async def _registrations(self) -> None:
        """One in every status, and live ones of the applicant here and of somebody in Shanghai."""
        register = self.register
        submitted, refused, ended = [await register.submitted(a_site(domain()), uscc(next(_codes))) for _ in range(3)]
        of = {each["id"]: words(await self._identity(each)) for each in (submitted, refused, ended)}
        self._note(submitted, of[submitted["id"]], Status.SUBMITTED)
        self._site(submitted["sites"][0], of[submitted["id"]], SiteStatus.PROPOSED)
        await register.post(f"/registrations/{refused['id']}/refusal", {"statement": STATEMENT}, "regulator-a")
        self._note(refused, of[refused["id"]], Status.REFUSED)
        granted = await register.post(f"/registrations/{ended['id']}/grant", GRANT, "regulator-a")
        site = granted["sites"][0]
        given_up = owner(of[ended["id"]]["organisation"])
        await register.post(f"/sites/{site['id']}/deregistration", WHY, given_up)
        self._note(ended, of[ended["id"]], Status.ENDED)
        self._site(site, of[ended["id"]], SiteStatus.ENDED)
        mine = await self._entered(OPERATOR_USCC)
        self.receiving = mine["id"]
        self._note(mine, words(OPERATOR_USCC), Status.ACTIVE)
        other = await self._entered(SELLER_USCC)
        self._note(other, words(SELLER_USCC), Status.ACTIVE)
        self._site(other["sites"][0], words(SELLER_USCC), SiteStatus.LIVE)
        there = words(uscc(next(_codes)), "310000")
        elsewhere = await self._entered(there["organisation"], "310000")
        self._note(elsewhere, there)
        self._site(elsewhere["sites"][0], there)

    async def _identity(self, registration: dict[str, Any]) -> str:
        return str((await self.register.get(f"/operators/{registration['operator_id']}", "auditor"))["identity"])

    async def _amendments(self) -> None:
        """Transfers from the seller to the applicant in every status, one of them agreed to; and a further site."""
        register, of = self.register, words(SELLER_USCC, receiver=OPERATOR_USCC)
        [selling] = [each.id for each in self.registrations if each.words == words(SELLER_USCC)]
        steps: list[tuple[AmendmentStatus, list[tuple[str, Any, Any]]]] = [
            (AmendmentStatus.PROPOSED, []),
            (AmendmentStatus.PROPOSED, [("consent", {}, "applicant")]),
            (AmendmentStatus.GRANTED, [("consent", {}, "applicant"), ("grant", GRANT, "regulator-a")]),
            (AmendmentStatus.REFUSED, [("refusal", {"statement": STATEMENT}, "regulator-a")]),
            (AmendmentStatus.WITHDRAWN, [("withdrawal", WHY, "seller")]),
            (AmendmentStatus.WAITING, [("consent", {}, "applicant"), ("grant", GRANT, "regulator-a")]),
        ]
        for status, ways in steps:
            later = {"effective_from": "2026-12-10"} if status is AmendmentStatus.WAITING else {}
            added = await register.post(f"/registrations/{selling}/sites", a_site(domain()), "seller", 201)
            added = await register.post(f"/amendments/{added['id']}/grant", GRANT, "regulator-a")
            site = await register.get(f"/sites/{added['site_id']}", "seller")
            moving = await register.post(
                f"/sites/{site['id']}/transfer", {"registration_id": self.receiving, **WHY, **later}, "seller", 201,
                headers={"If-Match": f'"{site["version"]}"'},
            )  # fmt: skip
            for step, body, who in ways:
                await register.post(f"/amendments/{moving['id']}/{step}", body, who)
            self.amendments.append(Record({"amendment_id": moving["id"]}, of, status))
        further = await register.post(f"/registrations/{selling}/sites", a_site(domain()), "seller", 201)
        self.amendments.append(Record({"amendment_id": further["id"]}, words(SELLER_USCC)))
        code = uscc(next(_codes))
        filing = await self._entered(code)
        leaving = await register.post(
            f"/registrations/{filing['id']}/move", {"region": "310000", **WHY}, owner(code), 201,
            headers={"If-Match": f'"{filing["version"]}"'},
        )  # fmt: skip
        self.amendments.append(Record({"amendment_id": leaving["id"]}, words(code, "310000", leaves="110000")))

    async def _licence(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A licence of the seller, and its words."""
        of = words(SELLER_USCC)
        submitted = await self.register.submitted(a_site(domain()), of["organisation"], kind="licence")
        body = GRANT | {"valid_from": "2026-11-27", "valid_until": "2026-12-20"}
        return await self.register.post(f"/registrations/{submitted['id']}/grant", body, "regulator-a"), of

    async def _renewals(self) -> None:
        """A renewal in every status, and a licence that has lapsed."""
        register, asking = self.register, {"valid_until": "2031-11-20", **WHY}
        ways: dict[RenewalStatus, tuple[str, Any, bool]] = {
            RenewalStatus.GRANTED: ("grant", GRANT, False),
            RenewalStatus.REFUSED: ("refusal", {"statement": STATEMENT}, False),
            RenewalStatus.WITHDRAWN: ("withdrawal", WHY, True),
        }
        for status in RenewalStatus:
            licence, of = await self._licence()
            mine = owner(of["organisation"])
            renewal = await register.post(f"/registrations/{licence['id']}/renewals", asking, mine, 201)
            if status in ways:
                step, body, own = ways[status]
                await register.post(f"/renewals/{renewal['id']}/{step}", body, mine if own else "regulator-a")
            self.renewals.append(Record({"renewal_id": renewal["id"]}, of, status))
        licence, of = await self._licence()
        self.licences.append(Record({"registration_id": licence["id"]}, of))
        lapsed, of = await self._licence()
        register.clock.advance(timedelta(days=30))
        async with register.api.rt.db.transaction() as tx:
            await validity.ring(register.api.rt, tx, UUID(lapsed["id"]))
        register.clock.advance(-timedelta(days=30))
        self._note(lapsed, of, Status.LAPSED)

    async def _checks(self) -> None:
        """A provider's check in every status; every other one that there is belongs to what was granted or refused."""
        register = self.register
        for status in CheckStatus:
            code = uscc(next(_codes))
            submitted = await register.submitted(a_site(domain()), code)
            [found] = (await register.get(f"/checks?registration_id={submitted['id']}", "auditor"))["items"]
            path, host = f"/checks/{found['id']}", (f"provider-{PROVIDER}", HOSTS)
            if status is CheckStatus.VERIFIED:
                await register.post(f"{path}/verification", None, host)
            elif status is CheckStatus.MISMATCH:
                await register.post(f"{path}/mismatch", {"differs": ["domains"], **WHY}, host)
            elif status is CheckStatus.SILENT:
                async with register.api.rt.db.transaction() as tx:
                    await asking.expire(register.api.rt, tx, UUID(found["id"]))
            elif status is CheckStatus.CLOSED:
                await register.post(f"/registrations/{submitted['id']}/grant", GRANT, "regulator-a")
            self.checks.append(Record({"check_id": found["id"]}, words(code, provider=str(PROVIDER)), status))

    async def _tasks(self) -> None:
        """A task of the company registrar in every status."""
        register = self.register
        for status in TaskStatus:
            licence, of = await self._licence()
            decision = await register.decided(licence["sites"][0])
            await register.carried_out(decision)
            found = (await register.get(f"/registrar-tasks?registration_id={licence['id']}", "auditor"))["items"]
            [task] = [each for each in found if each["kind"] == "revoked"]
            if status is TaskStatus.ANSWERED:
                body = {"outcome": "changed", **WHY}
                await register.post(f"/registrar-tasks/{task['id']}/report", body, "registrar-a")
            elif status is TaskStatus.WITHDRAWN:
                await register.overturned(decision)
            self.tasks.append(Record({"task_id": task["id"]}, of, status))

    async def _executions(self) -> None:
        """An execution in every status, and one of Shanghai."""
        register, until = self.register, (self.register.clock.now() + timedelta(days=20)).isoformat()
        for status in ExecutionStatus:
            code = uscc(next(_codes))
            site = (await self._entered(code))["sites"][0]
            stops = status is ExecutionStatus.CARRIED_OUT
            decision = await register.decided(
                site, "suspend_access" if stops else "revoke", until=until if stops else None
            )
            execution = await register.execution(decision)
            path = f"/executions/{execution['id']}"
            if status is ExecutionStatus.ACCEPTED:
                await register.post(f"{path}/acceptance", await register.signed(execution), "regulator-a")
            elif status is ExecutionStatus.DECLINED:
                await register.post(f"{path}/decline", {"statement": STATEMENT}, "regulator-a")
            elif status in {ExecutionStatus.CARRIED_OUT, ExecutionStatus.UNDONE}:
                await register.carried_out(decision)
            if status in {ExecutionStatus.MOOT, ExecutionStatus.UNDONE}:
                await register.overturned(decision)
            if stops:
                self._site(site, words(code), SiteStatus.STOPPED)
            assert (await register.execution(decision))["status"] == status
            part = {"regulator": "industry-110000", "authority": decision.grounds.authority.id, "region": "110000"}
            self.executions.append(Record({"execution_id": execution["id"]}, part, status))
        revoked = (await self._entered(uscc(next(_codes))))["sites"][0]
        decision = await register.decided(revoked)
        await register.carried_out(decision)
        self._site(revoked, words(await register.fetchval(
            "SELECT o.identity FROM operator o WHERE o.id = $1::text::uuid", revoked["operator_id"]
        )), SiteStatus.REVOKED)  # fmt: skip
        await self._elsewhere()

    async def _elsewhere(self) -> None:
        site = (await self._entered(uscc(next(_codes)), "310000"))["sites"][0]
        drugs = {**examples.AUTHORITY, "id": "drugs-310000", "region": "310000"}
        decision = await self.register.decided(site, grounds={**examples.GROUNDS, "authority": drugs})
        found = await self.register.fetchval("SELECT id FROM execution WHERE decision_id = $1", decision.decision_id)
        part = {"regulator": "industry-310000", "authority": "drugs-310000", "region": "310000"}
        self.executions.append(Record({"execution_id": str(found)}, part))

    async def _mergers(self) -> None:
        """A merger in every status, and one in Shanghai."""
        register, mine = self.register, []
        places = [(status, "110000", "regulator-a") for status in MergerStatus] + [(None, "310000", SHANGHAI)]
        for status, region, who in places:
            codes = [uscc(next(_codes)) for _ in range(2)]
            if status is MergerStatus.PROPOSED:
                codes[0] = OPERATOR_USCC  # somebody whom everybody knows, and who may object
            one, two = [await register.operator(code, who, region=region) for code in codes]
            path = f"/operators/{two}/merger-preview?into={one}"
            body = {"survivor_id": one, "merged_id": two, "statement": STATEMENT}
            digest = (await register.get(path, who))["preview_digest"]
            merger = await register.post("/mergers", {**body, "preview_digest": digest}, who, 201)
            mine.append((status, merger))
            of = {"organisation": tuple(codes), "region": region}
            self.mergers.append(Record({"merger_id": merger["id"], "operator_id": two, "into": one}, of, status))
        self.register.clock.advance(timedelta(days=8))
        for notice_id in await register.fetchval("SELECT array_agg(id) FROM notice WHERE kind = 'merger_intended'"):
            async with register.api.rt.db.transaction() as tx:
                await notices.deem(register.api.rt, tx, notice_id)
        self.register.clock.advance(timedelta(days=8))
        for status, merger in mine:
            path = f"/mergers/{merger['id']}"
            if status is MergerStatus.WITHDRAWN:
                await register.post(f"{path}/withdrawal", WHY, "regulator-a")
            elif status in {MergerStatus.CONFIRMED, MergerStatus.UNDONE}:
                signed = {**WHY, "preview_digest": merger["preview_digest"]}
                await register.post(f"{path}/confirmation", signed, "regulator-b")
            if status is MergerStatus.UNDONE:
                act = ActRef(service=Service.REGISTRY, kind="merger", id=merger["id"])
                await register.appealed(act, "upheld")
        one, two = [await register.operator(uscc(next(_codes))) for _ in range(2)]
        digest = (await register.get(f"/operators/{two}/merger-preview?into={one}", "regulator-a"))["preview_digest"]
        self.merging = {"survivor_id": one, "merged_id": two, "statement": STATEMENT, "preview_digest": digest}

    async def _imports(self) -> None:
        for who, organisation in (("regulator-a", "industry-110000"), (SHANGHAI, "industry-310000")):
            body = orjson.dumps(record(1, domain="no name")) + b"\n"
            done = await sent(self.register, body, who)
            self.imports.append(Record({"import_id": done["id"]}, {"organisation": organisation}, more={"body": body}))
        await self.register.fetchval("UPDATE import SET status = 'interrupted' RETURNING 1")
