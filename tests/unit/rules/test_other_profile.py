"""Another town, other words: a profile for letting homes to visitors loads, and everything in it works."""

from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from shared.rules import Effect, Needs, ProfileLacks, Role, Rules, Unit, load
from shared.rules.clocks import shifted
from shared.rules.identifiers import (
    InvalidIdentifier,
    format_number,
    hosting_address,
    identity_hash,
    looks_like_number,
    parse_number,
)

FILE = Path(__file__).parent / "data" / "profiles" / "short-term-rentals.toml"
AT = datetime(2026, 6, 30, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def rules() -> Rules:
    return load(str(FILE))


def test_it_says_what_it_is(rules: Rules) -> None:
    assert rules.ref == "short-term-rentals/3"
    assert rules.calendar.version == "lagoa-2026.1"
    assert rules.roles[Role.ACCESS_PROVIDER].english == "Listing platform"
    assert rules.roles[Role.SECTOR_REGULATOR].english == "Housing authority of the city"


def test_its_numbers_have_one_form_and_no_sign_of_another_country(rules: Rules) -> None:
    for text in ("LG-AL-00042", " lg–al–00042 ", "ＬＧ-AL-00042", "LG-AL-000042"):
        assert parse_number(text, rules).normal == "LG-AL-00042"
    read = parse_number("LGN-AL-00042/3", rules)
    assert (read.province, read.kind, read.site, read.registration) == ("LGN", "permit", 3, "LGN-AL-00042")
    assert format_number("LG", "permit", 42, 3, rules) == "LG-AL-00042/3"
    assert looks_like_number("lg-al-00042", rules)
    assert not looks_like_number("villa-al-mare.example", rules)
    for wrong in ("京ICP备10046444号", "LX-AL-00042", "LG-AL-1234567", "LG-AL-42"):
        with pytest.raises(InvalidIdentifier, match=r"LG-AL-00042|digits|serial"):
            parse_number(wrong, rules)
    with pytest.raises(InvalidIdentifier):
        parse_number("LG-AL-00042")  # not in the profile that is chosen here


def test_its_clocks_run_in_its_own_zone_and_calendar(rules: Rules) -> None:
    decided = rules.due("decide_application", AT)  # 30 August is a Sunday
    assert rules.day_of(decided.due_at) == date(2026, 8, 31)
    assert (decided.source, decided.provisional) == ("Bylaw §7", False)
    assert decided.due_at == datetime(2026, 8, 31, 23, 59, 59, tzinfo=UTC)  # summer time: UTC+0
    assert rules.day_of(rules.due("tourist_tax", AT).due_at) == date(2026, 7, 31)
    assert (rules.due("delist", AT).due_at - AT).total_seconds() == 90 * 60
    assert rules.clocks["delist"].unit is Unit.MINUTES
    [remind, _] = rules.clocks["decide_application"].stages
    reminded = shifted(rules.calendar, rules.time_zone, decided.due_at, remind.shift, remind.unit)
    assert rules.day_of(reminded) == date(2026, 8, 24)
    assert rules.day_of(rules.appeal_until(datetime(2026, 12, 4, 12, tzinfo=UTC)).due_at) == date(2026, 12, 21)


def test_its_effects_have_its_own_words_and_limits(rules: Rules) -> None:
    assert rules.effects[Effect.SUSPEND_ACCESS].max_days == 90
    assert rules.effects[Effect.CUT_ACCESS].after == {Effect.CORRECT}
    assert rules.effects[Effect.CUT_ACCESS].english == "The listing is taken down"
    assert Effect.BAR not in rules.effects


def test_what_it_lacks_is_told_to_the_service_that_needs_it(rules: Rules) -> None:
    fits = Needs(
        clocks=frozenset({"delist"}),
        effects=frozenset({Effect.CUT_ACCESS}),
        catalogues={"grounds": frozenset(), "refusal_grounds": frozenset({"too_many"})},
    )
    fits.check(rules, "registry")
    needs = Needs(
        clocks=frozenset({"delist", "registration_filing"}),
        effects=frozenset({Effect.BAR}),
        catalogues={"refusal_grounds": frozenset({"barred"}), "protected": frozenset()},
    )
    with pytest.raises(ProfileLacks) as lacks:
        needs.check(rules, "registry")
    assert str(lacks.value) == (
        "rule profile short-term-rentals/3 lacks what registry needs: "
        "clocks.registration_filing, effects.bar, refusal_grounds.barred, protected.*"
    )
    replace(needs, clocks=frozenset({"registration_filing"})).check(load("cn-2006"), "registry")


def test_a_section_that_no_profile_has_is_a_slip_of_the_service(rules: Rules) -> None:
    with pytest.raises(ValueError, match="no catalogue"):
        Needs(catalogues={"opinions": frozenset()}).check(rules, "registry")


def test_identity_and_addresses_follow_it(rules: Rules) -> None:
    assert identity_hash("tax_number", "123 456 789", key=b"k" * 32, rules=rules)
    with pytest.raises(InvalidIdentifier):
        identity_hash("resident_id", "11010519491231002X", key=b"k" * 32, rules=rules)
    with pytest.raises(InvalidIdentifier):
        hosting_address("198.18.0.1", rules)


def test_the_setting_names_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORD_PROFILE", str(FILE))
    assert parse_number("LG-AL-00042").kind == "permit"
    monkeypatch.setenv("CONCORD_PROFILE", "")
    assert parse_number("京ICP备10046444号").kind == "filing"
