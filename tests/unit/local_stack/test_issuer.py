"""The development issuer's tokens are what the services expect, and wrong credentials get none."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local_stack.issuer import create_app
from local_stack.people import Added, Identity, people
from shared.rules.identifiers import check_uscc
from shared.runtime.base.problems import Unauthorized
from shared.runtime.web.identity import StaticKeys, TokenValidator, caller_of
from tests.support import people as tests_people

URL = "http://127.0.0.1:8100"
PROVIDER = Identity("provider-1", "s3cret", "A provider", "0190-provider", ("access_provider",))


@pytest.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(URL, tmp_path))
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        yield client


async def _token(issuer: httpx.AsyncClient, **form: str) -> str:
    answer = await issuer.post("/token", data=form)
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    token: str = answer.json()["access_token"]
    return token


async def _validator(issuer: httpx.AsyncClient) -> TokenValidator:
    keys: dict[str, Any] = (await issuer.get("/jwks.json")).json()
    return TokenValidator(URL, "concord", keys=StaticKeys(keys))


async def test_a_person_gets_a_token_that_the_services_accept(issuer: httpx.AsyncClient) -> None:
    token = await _token(issuer, grant_type="password", username="culture-a", password="culture-a")
    caller = await (await _validator(issuer)).validate(token)
    assert (caller.subject, caller.person, caller.organisation) == ("culture-a", "culture-a", "culture-110000")
    assert not caller.program
    assert caller.roles == {"sector_regulator"}


async def test_a_client_added_while_the_issuer_runs_gets_a_token(issuer: httpx.AsyncClient, tmp_path: Path) -> None:
    Added(tmp_path / "clients.json").put(PROVIDER)
    answer = await issuer.post("/token", data={"grant_type": "client_credentials"}, auth=("provider-1", "s3cret"))
    caller = await (await _validator(issuer)).validate(answer.json()["access_token"])
    assert (caller.organisation, caller.program) == ("0190-provider", True)
    again = await _token(issuer, grant_type="client_credentials", client_id="provider-1", client_secret="s3cret")
    assert again


async def test_a_person_added_while_the_issuer_runs_signs_in_and_takes_nobodys_name(
    issuer: httpx.AsyncClient, tmp_path: Path
) -> None:
    added = Added(tmp_path / "people.json")
    added.put(Identity("police-a", "police-a", "police-a", "police-110000", ("security_authority",)))
    added.put(Identity("culture-a", "mine", "culture-a", "police-110000", ("security_authority",)))
    token = await _token(issuer, grant_type="password", username="police-a", password="police-a")
    caller = await (await _validator(issuer)).validate(token)
    assert (caller.organisation, caller.program) == ("police-110000", False)
    form = {"grant_type": "password", "username": "culture-a", "password": "mine"}
    assert (await issuer.post("/token", data=form)).status_code == 400


async def test_every_token_is_of_its_own(issuer: httpx.AsyncClient) -> None:
    form = {"grant_type": "password", "username": "officer", "password": "officer"}
    assert await _token(issuer, **form) != await _token(issuer, **form)


@pytest.mark.parametrize(
    ("form", "status", "error"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": "implicit"}, 400, "unsupported_grant_type"),
        ({"grant_type": "password", "username": "officer", "password": "wrong"}, 400, "invalid_grant"),
        ({"grant_type": "password", "username": "nobody", "password": "nobody"}, 400, "invalid_grant"),
        ({"grant_type": "password"}, 400, "invalid_grant"),
        ({"grant_type": "client_credentials", "client_id": "x", "client_secret": "y"}, 401, "invalid_client"),
    ],
)
async def test_what_is_refused(issuer: httpx.AsyncClient, form: dict[str, str], status: int, error: str) -> None:
    answer = await issuer.post("/token", data=form)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


async def test_the_key_outlives_a_restart_and_another_folder_has_another(tmp_path: Path) -> None:
    token = ""
    for folder in (tmp_path / "a", tmp_path / "a", tmp_path / "b"):
        transport = httpx.ASGITransport(create_app(URL, folder))
        async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
            validator = await _validator(client)
            if not token:
                token = await _token(client, grant_type="password", username="desk-a", password="desk-a")
            elif folder.name == "a":
                assert (await validator.validate(token)).subject == "desk-a"
            else:
                with pytest.raises(Unauthorized):
                    await validator.validate(token)
    assert (tmp_path / "a" / "keys.json").stat().st_mode & 0o077 == 0


async def test_discovery_names_the_endpoints(issuer: httpx.AsyncClient) -> None:
    metadata = (await issuer.get("/.well-known/openid-configuration")).json()
    assert metadata["issuer"] == URL
    assert (await issuer.get(metadata["jwks_uri"].removeprefix(URL))).status_code == 200


def test_the_people_can_play_every_part_of_the_story() -> None:
    everybody = people()
    assert check_uscc(everybody["applicant"].organisation)
    for drafter, releaser in (("culture-a", "culture-b"), ("regulator-a", "regulator-b"), ("national-a", "national-b")):
        assert everybody[drafter].roles == everybody[releaser].roles
        assert everybody[drafter].subject != everybody[releaser].subject


def test_everybody_who_signs_in_acts_in_roles_that_their_organisation_may_fill() -> None:
    directory = tests_people.directory()
    for identity in people().values():
        caller = directory.caller(caller_of(identity.claims()))
        assert caller.roles == set(identity.roles), identity.subject


def test_the_people_of_the_tests_are_those_of_the_local_stack() -> None:
    assert {name: (who.organisation, list(who.roles)) for name, who in people().items()} == {
        name: (who["organisation"], who["roles"]) for name, who in tests_people.PEOPLE.items()
    }
