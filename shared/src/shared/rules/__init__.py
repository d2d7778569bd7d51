"""The rule profile: roles, categories, clocks and number formats as cited data."""

from shared.rules.profile import (
    Clock,
    FoundingOrganisation,
    Named,
    NumberFormat,
    Province,
    RedressDefault,
    Rules,
    ServiceItem,
    Unit,
    UnknownProfile,
    load,
)
from shared.rules.roles import Level, Role

__all__ = [
    "Clock",
    "FoundingOrganisation",
    "Level",
    "Named",
    "NumberFormat",
    "Province",
    "RedressDefault",
    "Role",
    "Rules",
    "ServiceItem",
    "Unit",
    "UnknownProfile",
    "load",
]
