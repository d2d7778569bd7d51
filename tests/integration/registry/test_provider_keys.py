"""The access desk revoked a provider's key, or entered one: the provider is told why, and nobody else is (ADR 27)."""

import pytest

from shared.contracts.access import ProviderKeyChangedV1
from shared.runtime.base.ids import uuid7
from tests.integration.registry.conftest import PROVIDER, Register
from tests.integration.registry.listing import provider
from tests.support.crash import everything


def changed(**change: object) -> ProviderKeyChangedV1:
    return ProviderKeyChangedV1.model_validate(
        {**ProviderKeyChangedV1.EXAMPLE, "provider_id": PROVIDER, "key_id": uuid7(), **change}
    )


@pytest.mark.parametrize(
    ("change", "kind", "mute"),
    [
        ({}, "provider_key_revoked", True),
        ({"left": 1}, "provider_key_revoked", False),
        ({"revoked": False, "left": 1}, "provider_key_entered", False),
        ({"region": "440000"}, "provider_key_revoked", True),
    ],
)
async def test_its_provider_is_told_why_and_nobody_else(
    register: Register, change: dict[str, object], kind: str, mute: bool
) -> None:
    fact = changed(**change)
    before = await everything(register.api.rt)
    await register.hear(fact)
    after = await everything(register.api.rt)
    assert {table for table in after if after[table] != before[table]} <= {"notice", "deadline", "delivery"}
    assert await register.notices(fact.key_id) == [(kind, str(PROVIDER))]
    (found,) = (await register.get(f"/notices?about={fact.key_id}", provider()))["items"]
    says = (await register.get(f"/notices/{found['id']}", provider()))["notice"]["statement"]["reasons"]
    assert fact.reasons in says
    assert fact.kid in says
    assert ("becomes overdue" in says) is mute
