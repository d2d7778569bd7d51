"""Who gives an order to a provider: the regulator that carried the decision out, the host province, or a supervisor.

A registration belongs to the province of its operator (home), an access to that of its provider (host). Home decides;
where the provider is of another province its regulator orders it, by itself and in its own name: home's two people have
signed already, and a third signature would be a veto, or a way to be late (docs/adr/0012).
"""

from typing import Protocol

from shared.contracts.grounds import AuthorityRef
from shared.rules import Level
from shared.runtime.acts.directory import AuthorityMissing
from shared.runtime.acts.runtime import Runtime


class Hosting(Protocol):
    """A provider, as far as it matters who orders it."""

    @property
    def region(self) -> str: ...  # noqa: D102
    @property
    def supervisor(self) -> AuthorityRef | None: ...  # noqa: D102


def issuer_for(rt: Runtime, provider: Hosting, regulator: AuthorityRef) -> AuthorityRef:
    """Whose order it is, and whose key signs it; ``regulator``: who carried the decision out (home).

    Of a network its supervisor (P3.4), wherever that is. The ministry orders in every province itself. Where the
    directory knows no regulator of the host province, home orders, so that nothing waits for an entry there.
    """
    if provider.supervisor is not None:
        return provider.supervisor
    if regulator.region is None or regulator.region == provider.region:
        return regulator
    try:
        return rt.directory.regulator(Level.PROVINCE, provider.region)
    except AuthorityMissing:
        return regulator
