"""The rule profile: roles, categories, effects, clocks and number formats as cited data."""

from shared.rules.clocks import Clock, Due, Stage, StageKind, Unit
from shared.rules.effects import BURDENS, ENDING, ONLY_AFTER, Category, Effect, EffectRule, Ground
from shared.rules.needs import Needs, ProfileLacks
from shared.rules.organisations import FoundingOrganisation
from shared.rules.profile import Rules, UnknownProfile, chosen, load
from shared.rules.roles import Level, Role
from shared.rules.row import ProfileError
from shared.rules.rows import (
    AddressRange,
    Approvals,
    Cases,
    Check,
    EvidenceKind,
    IdentityDocument,
    Named,
    NumberFormat,
    Protected,
    Province,
    RedressDefault,
    ServiceItem,
)

__all__ = [
    "BURDENS",
    "ENDING",
    "ONLY_AFTER",
    "AddressRange",
    "Approvals",
    "Cases",
    "Category",
    "Check",
    "Clock",
    "Due",
    "Effect",
    "EffectRule",
    "EvidenceKind",
    "FoundingOrganisation",
    "Ground",
    "IdentityDocument",
    "Level",
    "Named",
    "Needs",
    "NumberFormat",
    "ProfileError",
    "ProfileLacks",
    "Protected",
    "Province",
    "RedressDefault",
    "Role",
    "Rules",
    "ServiceItem",
    "Stage",
    "StageKind",
    "Unit",
    "UnknownProfile",
    "chosen",
    "load",
]
