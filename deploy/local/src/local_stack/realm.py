"""The Keycloak realm of docker-compose.yml: the people of people.toml, and tokens with the claims the services read."""

import json
from typing import Any

from local_stack.people import Identity, people
from local_stack.topology import AUDIENCE

REALM = "concord"
CLIENT = "concord-cli"


def realm() -> dict[str, Any]:
    """The realm as Keycloak imports it at its first start.

    `${CONCORD_DEMO_PASSWORD}` is filled in by Keycloak from its environment; everybody must change it at first sign-in
    in the browser. Departments that bring their own directory federate it and leave the people here out. `person` is an
    attribute of people: the user that Keycloak gives to a client has none, so that its token is a program's.
    """
    everybody = people()
    roles = sorted({role for identity in everybody.values() for role in identity.roles})
    return {
        "realm": REALM,
        "enabled": True,
        "sslRequired": "external",
        "registrationAllowed": False,
        "bruteForceProtected": True,
        "accessTokenLifespan": 900,
        "defaultSignatureAlgorithm": "ES256",
        "roles": {"realm": [{"name": role} for role in roles]},
        "clients": [_command_line()],
        "users": [_user(user, identity) for user, identity in everybody.items()],
        "components": {"org.keycloak.userprofile.UserProfileProvider": [_user_profile()]},
    }


def _command_line() -> dict[str, Any]:
    """The client that the command line and the SDK use."""
    return {
        "clientId": CLIENT,
        "name": "Concord command line",
        "publicClient": True,
        "standardFlowEnabled": False,
        "directAccessGrantsEnabled": True,
        "fullScopeAllowed": True,
        "attributes": {"access.token.header.type.rfc9068": "true", "access.token.signed.response.alg": "ES256"},
        "defaultClientScopes": ["basic"],
        "protocolMappers": [
            _mapper("audience", "oidc-audience-mapper", {"included.custom.audience": AUDIENCE}),
            _mapper("roles", "oidc-usermodel-realm-role-mapper", _claim("roles", multivalued=True)),
            _attribute("name", "display_name"),
            _attribute("organisation", "organisation"),
            _attribute("person", "person"),
        ],
    }


def _user(user: str, identity: Identity) -> dict[str, Any]:
    attributes = {
        "display_name": [identity.name],
        "organisation": [identity.organisation],
        "person": [user],
    }
    return {
        "username": user,
        "enabled": True,
        "email": f"{user}@example.test",
        "emailVerified": True,
        "firstName": user,
        "lastName": identity.organisation,
        "credentials": [{"type": "password", "value": "${CONCORD_DEMO_PASSWORD}"}],
        "realmRoles": list(identity.roles),
        "attributes": attributes,
    }


def _user_profile() -> dict[str, Any]:
    """Only administrators write attributes: somebody who could edit `organisation` would take the powers of another."""
    names = ("username", "email", "firstName", "lastName")
    profile = {
        "attributes": [
            {"name": name, "permissions": {"view": ["admin", "user"], "edit": ["admin"]}, "validations": {}}
            for name in names
        ],
        "unmanagedAttributePolicy": "ADMIN_EDIT",
    }
    return {"providerId": "declarative-user-profile", "config": {"kc.user.profile.config": [json.dumps(profile)]}}


def _attribute(claim: str, attribute: str) -> dict[str, Any]:
    config = _claim(claim, multivalued=False) | {"user.attribute": attribute}
    return _mapper(claim, "oidc-usermodel-attribute-mapper", config)


def _claim(name: str, *, multivalued: bool) -> dict[str, str]:
    return {"claim.name": name, "jsonType.label": "String", "multivalued": str(multivalued).lower()}


def _mapper(name: str, kind: str, config: dict[str, str]) -> dict[str, Any]:
    config = config | {"access.token.claim": "true", "id.token.claim": "false"}
    return {"name": name, "protocol": "openid-connect", "protocolMapper": kind, "config": config}
