"""A process with a rule profile that its service cannot work with does not start, and says what is missing."""

import re
from pathlib import Path

import pytest

from shared.rules import Needs
from shared.runtime.base.clock import SystemClock
from shared.runtime.base.settings import Settings
from shared.runtime.process.service import Service
from shared.runtime.process.supervisor import EXIT_BAD_PROFILE, Failure, boot
from tests.support.fixtures import MakeDatabase

RENTALS = Path(__file__).parents[2] / "unit" / "rules" / "data" / "profiles" / "short-term-rentals.toml"


def settings(dsn: str, **more: str) -> Settings:
    return Settings.model_validate({"database_url": dsn, **more})


async def test_the_setting_chooses_the_profile_and_ours_is_the_default(make_database: MakeDatabase) -> None:
    dsn = await make_database("runtime")
    for more, ref in ({}, "cn-2006/1"), ({"profile": str(RENTALS)}, "short-term-rentals/3"):
        rt = await boot(Service("toy", needs=Needs()), settings(dsn, **more), SystemClock())
        assert rt.rules.ref == ref
        await rt.db.close()


@pytest.mark.parametrize(
    ("profile", "why"),
    [
        ("cn-1999", "no rule profile 'cn-1999'"),
        (str(RENTALS), "lacks what toy needs: clocks.approval_decision, refusal_grounds.barred"),
    ],
)
async def test_a_profile_without_what_the_service_needs_ends_the_process(
    make_database: MakeDatabase, profile: str, why: str
) -> None:
    needs = Needs(frozenset({"approval_decision"}), catalogues={"refusal_grounds": frozenset({"barred"})})
    with pytest.raises(Failure, match=re.escape(why)) as failure:
        await boot(
            Service("toy", needs=needs), settings(await make_database("runtime"), profile=profile), SystemClock()
        )
    assert failure.value.code == EXIT_BAD_PROFILE
