"""The register starts with no profile that lacks a word of its code."""

import re
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from registry import service
from registry.main import SERVICE
from registry.service import admission
from shared.rules import Effect, ProfileLacks, load

CN = load("cn-2006")
CODE = "\n".join(file.read_text() for file in sorted(Path(str(service.__file__)).parent.glob("*.py")))


@pytest.mark.parametrize("profile", ["cn-2006", "cn-2006-demo"])
def test_the_profiles_that_we_ship_have_all_of_it(profile: str) -> None:
    SERVICE.needs.check(load(profile), SERVICE.name)


@pytest.mark.parametrize(
    ("section", "entry"),
    [
        *(("clocks", name) for name in (
            "registration_filing", "registration_licence", "execute_decision", "shell_idle", "shell_cure",
            "cure_window", "notice_deemed",
        )),
        *(("effects", effect) for effect in (Effect.REVOKE, Effect.BAR, Effect.END_ITEM)),
        ("refusal_grounds", "domain_taken"), ("numbers", "filing"), ("numbers", "licence"),
    ],
)  # fmt: skip
def test_one_that_lacks_something_is_told_so(section: str, entry: str) -> None:
    rest: Any = MappingProxyType({name: row for name, row in getattr(CN, section).items() if name != entry})
    lacking = replace(CN, **{section: rest})
    with pytest.raises(ProfileLacks, match=f"{section}.{entry}"):
        SERVICE.needs.check(lacking, SERVICE.name)


@pytest.mark.parametrize("section", ["service_items", "provinces"])
def test_one_without_a_catalogue_too(section: str) -> None:
    nothing: Any = MappingProxyType({})
    with pytest.raises(ProfileLacks, match=section):
        SERVICE.needs.check(replace(CN, **{section: nothing}), SERVICE.name)


def test_every_ground_that_the_rule_of_admission_finds_is_declared() -> None:
    assert set(re.findall(r'GroundFound\(\s*code="([a-z_]+)"', CODE)) == admission.CODES
