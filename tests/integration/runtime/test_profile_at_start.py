"""A process with a rule profile that its service cannot work with does not start, and says what is missing."""

import re
from pathlib import Path

import pytest

from approval.main import SERVICE as APPROVAL
from enforcement.main import SERVICE as ENFORCEMENT
from shared.rules import Effect, Needs, load
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


@pytest.mark.parametrize(
    ("service", "why"),
    [
        (APPROVAL, "lacks what approval needs: clocks.approval_decision, clocks.notice_deemed"),
        (
            ENFORCEMENT,
            "lacks what enforcement needs: clocks.appeal_decision, clocks.execute_cut_off, clocks.execute_suspend, "
            "clocks.instruct_supervisor, clocks.name_challenge, clocks.name_grace, clocks.name_proof, "
            "clocks.notice_deemed, clocks.register_copy, clocks.urgent_notice",
        ),
    ],
    ids=lambda value: value.name if isinstance(value, Service) else "",
)
async def test_a_department_says_at_start_which_of_its_words_the_profile_lacks(
    make_database: MakeDatabase, tmp_path: Path, service: Service, why: str
) -> None:
    values = {"database_url": await make_database(service.name), "profile": str(RENTALS)}
    own = service.settings.model_validate(
        values | {"signing_keys_file": tmp_path / "keys.json", "signing_keys_generate": True}
    )
    with pytest.raises(Failure, match=f"{re.escape(why)}$") as failure:
        await boot(service, own, SystemClock())
    assert failure.value.code == EXIT_BAD_PROFILE


@pytest.mark.parametrize("service", [APPROVAL, ENFORCEMENT], ids=lambda service: service.name)
def test_the_profile_we_ship_has_every_word_a_department_needs(service: Service) -> None:
    service.needs.check(load("cn-2006"), service.name)
    assert service.needs.clocks


def test_enforcement_needs_a_way_to_find_nothing_and_one_to_have_it_put_right() -> None:
    assert ENFORCEMENT.needs.effects == {Effect.NO_BREACH, Effect.CORRECT}
