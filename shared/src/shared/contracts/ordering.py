"""What carrying a decision out orders: one function for the dry run before its release and for the orders."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from shared.contracts.orders import Action, OrderedSite
from shared.contracts.subjects import AccessRecord, FoundSite, FrozenSite, Subject

ACTIONS: Final = {"suspend_access": Action.SUSPEND, "cut_access": Action.CUT_OFF, "revoke": Action.CUT_OFF}
"""What a host is told, by effect; other effects send no orders."""
UNREGISTERED: Final = "not registered"
"""Hosting mode of a found site: no register says it."""


@dataclass(frozen=True, slots=True)
class Measure:
    """What is ordered, of whom, until when."""

    action: Action
    sites: dict[UUID, OrderedSite]
    """The site as each provider that hosts it knows it, by provider."""
    until: datetime | None
    """When it ends by itself; for a suspension alone."""

    @property
    def clock(self) -> str:
        """The clock of the profile by which a provider carries it out."""
        return execution_clock(self.action)


def execution_clock(action: Action) -> str:
    """The clock of the profile by which a provider carries out an order."""
    return f"execute_{action}"


def lineage(name: str) -> list[str]:
    """A name and every name above it."""
    labels = name.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def nearest(name: str, hosts: Collection[str], spared: Collection[str]) -> str | None:
    """Of the hosts the one by which a name is meant where names below are, none where it is spared or below none."""
    listed = next((each for each in lineage(name) if each in hosts or each in spared), None)
    return listed if listed in hosts else None


def means(site: OrderedSite, name: str) -> bool:
    """Whether an order about a site means a name."""
    host = nearest(name, site.hosts, site.spared)
    return host is not None and (site.names_below or host == name)


def measure(effect: str, subject: Subject, site: FrozenSite | None, until: datetime | None) -> Measure | None:
    """What an effect orders about a subject, hitting the site as it is given; none: it sends no orders."""
    action = ACTIONS.get(effect)
    if action is None:
        return None
    return Measure(action, _sites(subject, site), until if action is Action.SUSPEND else None)


def _sites(subject: Subject, site: FrozenSite | None) -> dict[UUID, OrderedSite]:
    """A site with several accesses at one provider is still one site there."""
    if isinstance(subject, FoundSite):
        # Exactly the name that was found: names below it may be registered sites of others.
        found = OrderedSite(
            name=subject.host, hosts=(subject.host,), names_below=False, ips=(), hosting_mode=UNREGISTERED
        )
        return {subject.provider_id: found}
    if site is None:
        return {}
    by_provider: dict[UUID, list[AccessRecord]] = {}
    for each in site.accesses:
        by_provider.setdefault(each.provider_id, []).append(each)
    return {
        provider_id: OrderedSite(
            site_id=site.site_id,
            number=site.number,
            name=site.name,
            hosts=site.hosts,
            spared=site.spared,
            ips=tuple(dict.fromkeys(ip for each in accesses for ip in each.ips)),
            hosting_mode=", ".join(dict.fromkeys(each.hosting_mode for each in accesses)),
        )
        for provider_id, accesses in by_provider.items()
    }
