"""The rule profile: roles, categories, clocks and number formats as cited data."""

from shared.rules.profile import (
    Clock,
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
