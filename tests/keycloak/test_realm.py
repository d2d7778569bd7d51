"""The realm that compose imports, in a real Keycloak: its tokens name the human, and a program's name none."""

import os
import signal
import subprocess
import time
import zipfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from local_stack.compose import compose
from local_stack.people import people
from local_stack.ports import free_port
from local_stack.realm import CLIENT, REALM
from local_stack.topology import AUDIENCE
from shared.rules.roles import Role
from shared.runtime.web.identity import TokenValidator

KEYCLOAK: Final = Path(__file__).parents[2] / "deploy" / "keycloak"
PASSWORD, ADMIN, SECRET = "at-first", "admin", "of-the-script"
READY_S: Final = 180.0


@dataclass(frozen=True)
class Issuer:
    """A Keycloak that runs, and its realm."""

    http: httpx.AsyncClient

    async def token(self, realm: str = REALM, **form: str) -> str:
        """An access token."""
        answer = await self.http.post(f"/realms/{realm}/protocol/openid-connect/token", data=form)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def of(self, user: str, client: str = CLIENT) -> str:
        """The token of somebody who signs in."""
        return await self.token(grant_type="password", client_id=client, username=user, password=PASSWORD)

    def validator(self) -> TokenValidator:
        """What every service checks tokens with."""
        issuer = f"{str(self.http.base_url).rstrip('/')}/realms/{REALM}"
        return TokenValidator(issuer, AUDIENCE, f"{issuer}/protocol/openid-connect/certs", self.http)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("keycloak")
    fetch = ["mvn", "-q", "-B", "-f", str(KEYCLOAK / "pom.xml"), "dependency:copy-dependencies"]
    subprocess.run([*fetch, f"-DoutputDirectory={folder}"], check=True, timeout=300)
    (archive,) = folder.glob("*.zip")
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(folder)
    (home,) = folder.glob("keycloak-*/")
    (home / "data" / "import").mkdir(parents=True)
    (home / "data" / "import" / "realm.json").write_bytes((KEYCLOAK / "concord-realm.json").read_bytes())
    url = f"http://127.0.0.1:{(port := free_port())}"
    log = folder / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            ["sh", home / "bin" / "kc.sh", "start-dev", "--import-realm", "--http-host=127.0.0.1",
             f"--http-port={port}"],
            env=os.environ | {"CONCORD_DEMO_PASSWORD": PASSWORD, "KC_BOOTSTRAP_ADMIN_USERNAME": ADMIN,
                              "KC_BOOTSTRAP_ADMIN_PASSWORD": ADMIN},
            stdout=out, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        try:
            _wait(url, process, log)
            yield url
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end and process.poll() is None:
        try:
            if httpx.get(f"{url}/realms/{REALM}", timeout=5).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.5)
    pytest.fail(f"Keycloak is not ready:\n{log.read_text(errors='replace')[-4000:]}")


@pytest.fixture
async def issuer(address: str) -> AsyncIterator[Issuer]:
    async with httpx.AsyncClient(base_url=address, timeout=30, trust_env=False) as http:
        yield Issuer(http)


def test_it_is_of_the_version_that_compose_runs() -> None:
    image, _, version = compose()["services"]["keycloak"]["image"].partition(":")
    assert image == "keycloak/keycloak"
    assert f"<version>{version}." in (KEYCLOAK / "pom.xml").read_text()


async def test_everybody_is_who_the_local_issuer_says(issuer: Issuer) -> None:
    validator = issuer.validator()
    for user, identity in people().items():
        caller = await validator.validate(await issuer.of(user))
        assert (caller.person, caller.program) == (user, False)
        assert (caller.name, caller.organisation) == (identity.name, identity.organisation)
        assert caller.roles == {Role(role) for role in identity.roles}, user


async def _administrator(issuer: Issuer) -> dict[str, str]:
    token = await issuer.token("master", grant_type="password", client_id="admin-cli", username=ADMIN, password=ADMIN)
    return {"Authorization": f"Bearer {token}"}


async def _script(issuer: Issuer, organisation: str, role: str) -> None:
    """A client of its own, with everything that an official has whose organisation's work it does."""
    http, admin, base = issuer.http, await _administrator(issuer), f"/admin/realms/{REALM}"
    (like,) = (await http.get(f"{base}/clients", params={"clientId": CLIENT}, headers=admin)).json()
    mappers = [{name: mapper[name] for name in ("name", "protocol", "protocolMapper", "config")}
               for mapper in like["protocolMappers"]]  # fmt: skip
    script: dict[str, Any] = {
        "clientId": "script", "secret": SECRET, "publicClient": False, "serviceAccountsEnabled": True,
        "attributes": like["attributes"], "defaultClientScopes": like["defaultClientScopes"],
        "protocolMappers": mappers,
    }  # fmt: skip
    made = await http.post(f"{base}/clients", json=script, headers=admin)
    assert made.status_code == 201, made.text
    user = (await http.get(f"{made.headers['location']}/service-account-user", headers=admin)).json()
    attributes = {"attributes": {"organisation": [organisation]}}
    assert (await http.put(f"{base}/users/{user['id']}", json=user | attributes, headers=admin)).status_code == 204
    granted = (await http.get(f"{base}/roles/{role}", headers=admin)).json()
    given = await http.post(f"{base}/users/{user['id']}/role-mappings/realm", json=[granted], headers=admin)
    assert given.status_code == 204, given.text


async def test_a_program_with_all_powers_of_an_official_is_no_person(issuer: Issuer) -> None:
    official = people()["drugs-a"]
    await _script(issuer, official.organisation, "sector_regulator")
    token = await issuer.token(grant_type="client_credentials", client_id="script", client_secret=SECRET)
    caller = await issuer.validator().validate(token)
    assert (caller.organisation, caller.roles) == (
        official.organisation, frozenset({Role.SECTOR_REGULATOR}),
    )  # fmt: skip
    assert caller.program


async def test_nobody_makes_a_second_person_of_themselves(issuer: Issuer) -> None:
    """Whoever could edit their own `person` would sign twice, as two."""
    http, admin, base = issuer.http, await _administrator(issuer), f"/admin/realms/{REALM}"
    someone = {
        "username": "someone", "enabled": True, "firstName": "S", "lastName": "O", "email": "s@example.test",
        "credentials": [{"type": "password", "value": PASSWORD}],
        "attributes": {"person": ["someone"], "organisation": ["drugs-110000"]},
    }  # fmt: skip
    console = {"clientId": "own-data", "publicClient": True, "directAccessGrantsEnabled": True}
    for what, body in (("users", someone), ("clients", console)):
        made = await http.post(f"{base}/{what}", json=body, headers=admin)
        assert made.status_code == 201, made.text
    own = {"Authorization": f"Bearer {await issuer.of('someone', 'own-data')}", "Accept": "application/json"}
    account = f"/realms/{REALM}/account/"
    seen = (await http.get(account, headers=own)).json()
    assert seen.pop("userProfileMetadata")
    changed = seen | {"attributes": {"person": ["another"], "organisation": ["industry"]}}
    answer = await http.post(account, json=changed, headers=own)
    assert answer.status_code in {204, 400}, "it is the door for people's own data"
    caller = await issuer.validator().validate(await issuer.of("someone"))
    assert (caller.person, caller.organisation) == ("someone", "drugs-110000")
