"""The topics, each written by one department."""

from typing import Final

from shared.contracts.base import Topic

A_CENTURY: Final = 36_500
"""Days. The register tells of every measure for ever, and its copy must come back from the topics when it is lost."""

STRANGERS_DAYS: Final = 3_650
"""What providers are sent, and what they write."""

APPROVAL_EVENTS: Final = Topic("approval-events", "approval", "What became of each approval.")
REGISTRY_EVENTS: Final = Topic(
    "registry-events", "registry", "How decisions were executed on the register, and undone.", retention_days=A_CENTURY
)
REGISTRY_SITES: Final = Topic(
    "registry-sites",
    "registry",
    "The whole current record of each site; a new reader needs nothing else.",
    compacted=True,
)
ENFORCEMENT_EVENTS: Final = Topic(
    "enforcement-events",
    "enforcement",
    "Decisions, and appeals against acts of any department.",
    retention_days=A_CENTURY,
)
ACCESS_EVENTS: Final = Topic(
    "access-events",
    "access-control",
    "Providers, and what became of the orders sent to them.",
    retention_days=A_CENTURY,
)
DIRECTORY_ORGANISATIONS: Final = Topic(
    "directory-organisations",
    "coordination",
    "The whole current record of each organisation of the directory; a new reader needs nothing else.",
    compacted=True,
)

PROVIDER: Final = "provider"
"""Who writes the topics that strangers write."""

FACT_TOPICS: Final = (
    APPROVAL_EVENTS,
    REGISTRY_EVENTS,
    REGISTRY_SITES,
    ENFORCEMENT_EVENTS,
    ACCESS_EVENTS,
    DIRECTORY_ORGANISATIONS,
)


def orders_topic(provider_id: object) -> Topic:
    """The topic only this provider may read: its signed orders, one partition, in sequence."""
    return Topic(
        f"access-orders.{provider_id}",
        "access-control",
        "Signed orders for one provider.",
        retention_days=STRANGERS_DAYS,
        partitions=1,
    )


def receipts_topic(provider_id: object) -> Topic:
    """The topic only this provider may write: its signed receipts."""
    return Topic(
        f"access-receipts.{provider_id}",
        PROVIDER,
        "Signed receipts of one provider.",
        retention_days=STRANGERS_DAYS,
        partitions=1,
    )
