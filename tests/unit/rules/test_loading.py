"""A profile that is wrong is refused before it rules anybody: the message names the file and the key."""

import re
import shutil
from collections.abc import Callable
from datetime import timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from shared.rules import ProfileError, load

Write = Callable[[str, str], str]
FOLDER = Path(__file__).parent / "data"
PACKAGED = Path(str(files("shared.rules")))
TEXT = (FOLDER / "profiles" / "short-term-rentals.toml").read_text(encoding="utf-8")


@pytest.fixture
def write(tmp_path: Path) -> Write:
    shutil.copytree(FOLDER, tmp_path / "data")
    file = tmp_path / "data" / "profiles" / "changed.toml"

    def changed(old: str, new: str) -> str:
        assert old in TEXT
        file.write_text(TEXT.replace(old, new, 1), encoding="utf-8")
        return str(file)

    return changed


@pytest.mark.parametrize(
    ("old", "new", "key", "why"),
    [
        ('id = "short', 'ID = "short', "id", "is missing"),
        ("version = 3", 'version = "3"', "version", "no int"),
        ("version = 3", "version = true", "version", "no int"),
        ("version = 3", 'version = 3\nslogan = "x"', "slogan", "no key of a profile"),
        ('calendar = "lagoa-2026.1"', 'calendar = "lagoa-1900"', "calendar", "no working-day calendar"),
        ("Atlantic/Azores", "Atlantic/Atlantis", "time_zone", "Atlantis"),
        ("[roles.auditor]", "[roles.censor]", "roles.auditor", "is missing"),
        ('unit = "minutes"', 'unit = "fortnights"', "clocks.delist.unit", "Input should be"),
        ("amount = 90", "amount = 0", "clocks.delist.amount", "between 1 and"),
        ("amount = 31", "amount = 32", "clocks.tourist_tax.amount", "between 1 and 31"),
        ("amount = 90", "amount = 90\ngrace = 5", "clocks.delist.grace", "no key of this section"),
        ("amount = 90", 'amount = 90\nname = "x"', "clocks.delist", "its name is its name"),
        ("amount = 5, unit", "amount = 5, unity", "clocks.decide_application.stages.0.unity", "no key"),
        ('{ name = "remind_5"', '{ name = "escalate"', "clocks.decide_application.stages", "names two"),
        ('{ name = "remind_5"', '{ name = "due"', "clocks.decide_application.stages", "cannot name"),
        ('clock = "decide_application"', 'clock = "decide"', "service_items.whole_home.clock", "'decide' is none of"),
        ('authority = "Housing authority"\n', "", "service_items.whole_home.authority", "somebody must"),
        ('requires = ["fire_certificate"]', 'requires = ["x"]', "service_items.whole_home.requires", "'x' is none of"),
        ('validity = "permit_validity"', 'validity = "x"', "approvals.validity", "'x' is none of"),
        ("{region}-AL-{serial}", "{region}-AL", "numbers.permit.pattern", "{serial} once"),
        ("digits = 5", "digits = 7", "numbers.permit.digits", "most_digits"),
        ('short = "LGN"', 'short = "LG"', "provinces", "share a short name"),
        ("[effects.no_breach]", "[effects.silence]", "effects.silence.code", "Input should be"),
        ('roles = ["sector_regulator"]', 'roles = ["censor"]', "effects.no_breach.roles.0", "Input should be"),
        ('roles = ["sector_regulator"]', "roles = []", "effects.no_breach.roles", "somebody must"),
        ('subjects = ["site", "provider"]', 'subjects = ["reader"]', "effects.no_breach.subjects", "none of"),
        ('clock = "delist"', 'clock = "x"', "effects.cut_access.clock", "'x' is none of"),
        ('category = "safety"', 'category = "opinion"', "grounds.fire_risk.category", "Input should be"),
        ('check = "none"', 'check = "face"', "identity_documents.tax_number.check", "Input should be"),
        ('clock = "object"', 'clock = "delist"', "redress.clock", "counts days"),
        ('clock = "object"', 'clock = "object"\nwithin_days = 5', "redress.within_days", "no key of this section"),
        ('english = "Auditor"', 'english = " "', "roles.auditor.english", "at least 1 character"),
        ("most_transfers = 1", "most_transfers = 4", "cases.most_transfers", "between 0 and 3"),
        ("apart_minutes = 20", "apart_minutes = 4", "observations.apart_minutes", "between 5 and 1440"),
        ("days = 14\napart", "days = 93\napart", "observations.days", "between 1 and 92"),
        ("least = 4", "least = 2", "observations.least", "between 3 and 1000"),
        ("most_transfers = 1", "most_transfers = -1", "cases.most_transfers", "between 0 and 3"),
        ("recheck_days = 60", "recheck_days = 0", "cases.recheck_days", "between 1 and 366"),
        ("recheck_days = 60", "recheck_days = 367", "cases.recheck_days", "between 1 and 366"),
        ("[cases]", "[files]", "cases", "is missing"),
        ("[evidence_kinds.jpeg]", "[evidence_kinds.film]", "evidence_kinds.film", "by their first bytes"),
        ("most_mib = 5", "most_mib = 21", "evidence_kinds.jpeg.most_mib", "between 1 and 20"),
        ('["image/jpeg"]', '["text/plain"]', "evidence_kinds", "with one kind"),
        ('["image/jpeg"]', '["Image/JPEG"]', "evidence_kinds", "lower case"),
        ("[provinces.100000]", "[provinces", "", "Expected"),
    ],
)
def test_what_is_wrong_is_named(write: Write, old: str, new: str, key: str, why: str) -> None:
    name = write(old, new)
    with pytest.raises(ProfileError) as wrong:
        load(name)
    assert str(wrong.value).startswith(f"changed.toml: {key}")
    assert re.search(re.escape(why), str(wrong.value))


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("min_cure_days = 14\n", "", "time to put it right"),
        ("min_cure_days = 14", "min_cure_days = 0", "time to put it right"),
        ("max_days = 90\n", "", "max_days"),
        ("within_days = 365\n", "", "within_days: goes with max_days"),
        ("within_days = 365", "within_days = 179", "at least twice max_days"),
        ("max_days = 90\n", "max_days = 93\n", "alone, and is at most 92 here"),
        ("within_days = 365", "within_days = 100000", "within_days: goes with max_days, and is at most"),
        ('after = ["correct"]\n', "", "is correct, and nothing else"),
        ('after = ["correct"]', 'after = ["correct", "no_breach"]', "is correct, and nothing else"),
    ],
)
def test_no_profile_turns_a_safeguard_off(write: Write, old: str, new: str, why: str) -> None:
    """docs/adr/0004: time to put it right, an end, and an order to correct before a cut-off."""
    with pytest.raises(ProfileError, match=why):
        load(write(old, new))


def test_a_bar_ends_within_five_years(tmp_path: Path) -> None:
    shutil.copytree(PACKAGED, tmp_path / "rules")
    file = tmp_path / "rules" / "profiles" / "cn-2006.toml"
    text = file.read_text(encoding="utf-8")
    assert "max_days = 1095" in text
    file.write_text(text.replace("max_days = 1095", "max_days = 1828"), encoding="utf-8")
    with pytest.raises(ProfileError, match=r"effects\.bar\.max_days: .* is at most 1827 here"):
        load(str(file))


@pytest.mark.parametrize(
    ("clock", "amount", "unit"),
    [
        ("cure_window", 23, "hours"),
        ("cure_window", 400, "days"),
        ("provider_check", 61, "days"),
        ("licence_validity", 11, "months"),
        ("late_renewal", 29, "days"),
        ("renewal_decision", 91, "days"),
        ("registrar_report", 7, "months"),
        ("evidence_retention", 11, "months"),
        ("evidence_retention", 30, "years"),
    ],
)
def test_no_profile_gives_a_safeguard_no_time_or_all_of_it(tmp_path: Path, clock: str, amount: int, unit: str) -> None:
    shutil.copytree(PACKAGED, tmp_path / "rules")
    file = tmp_path / "rules" / "profiles" / "cn-2006.toml"
    text = file.read_text(encoding="utf-8")
    changed = re.sub(rf"(\[clocks\.{clock}\]\namount = )\d+(\nunit = )\S+", rf'\g<1>{amount}\g<2>"{unit}"', text)
    assert changed != text
    file.write_text(changed, encoding="utf-8")
    with pytest.raises(ProfileError, match=rf"clocks\.{clock}\.amount: is not between .* days"):
        load(str(file))


@pytest.mark.parametrize("stop", ["execute_cut_off", "execute_suspend"])
def test_hosting_again_is_given_no_more_time_than_stopping_was(tmp_path: Path, stop: str) -> None:
    shutil.copytree(PACKAGED, tmp_path / "rules")
    file = tmp_path / "rules" / "profiles" / "cn-2006.toml"
    text = file.read_text(encoding="utf-8")
    changed = re.sub(rf"(\[clocks\.{stop}\]\namount = )\d+", r"\g<1>23", text)
    assert changed != text
    file.write_text(changed, encoding="utf-8")
    with pytest.raises(ProfileError, match=rf"clocks\.execute_restore: .* longer than {stop}"):
        load(str(file))


def test_whatever_clock_it_is_a_silent_provider_stops_no_applicant_for_long(write: Write) -> None:
    with pytest.raises(ProfileError, match=r"clocks\.decide_application\.amount: is not between 0 and 60 days"):
        load(write('check = "object"', 'check = "decide_application"'))


def test_a_demonstration_goes_through_the_hearing_in_seconds(tmp_path: Path) -> None:
    shutil.copytree(PACKAGED, tmp_path / "rules")
    file = tmp_path / "rules" / "profiles" / "cn-2006-demo.toml"
    own = '\n[clocks.cure_window]\namount = 2\nunit = "seconds"\n'
    file.write_text(file.read_text(encoding="utf-8") + own, encoding="utf-8")
    assert load(str(file)).clocks["cure_window"].amount == 2


DEMONSTRATION = """base = "short-term-rentals"
id = "rentals-demo"
version = 1
title = "演示 Demonstration of rentals"
[effects.cut_access]
demonstration_cure_s = 2
"""


def test_a_demonstration_is_its_base_with_other_waiting_times(tmp_path: Path) -> None:
    shutil.copytree(FOLDER, tmp_path / "data")
    file = tmp_path / "data" / "profiles" / "shown.toml"
    file.write_text(DEMONSTRATION, encoding="utf-8")
    base, shown = load(str(FOLDER / "profiles" / "short-term-rentals.toml")), load(str(file))
    assert shown.ref == "rentals-demo/1"
    assert shown.is_demonstration
    assert not base.is_demonstration
    assert shown.effects["cut_access"].min_cure == timedelta(seconds=2)  # type: ignore[index]
    assert base.effects["cut_access"].min_cure == timedelta(days=base.effects["cut_access"].min_cure_days)  # type: ignore[index]
    assert shown.grounds == base.grounds
    assert shown.organisations == base.organisations


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("演示 Demonstration of", "Rules of", "only for a profile whose title begins with"),
        ("rentals-demo", "rentals", "whose id ends with -demo"),
        ("demonstration_cure_s = 2", "demonstration_cure_s = 0", "is at least 1"),
        ("demonstration_cure_s = 2", "min_cure_days = 0", "nothing is taken away without time"),
        ("short-term-rentals", "no-such", "no-such.toml"),
    ],
)
def test_no_profile_shortens_a_cure_without_saying_that_it_is_a_demonstration(
    tmp_path: Path, old: str, new: str, why: str
) -> None:
    shutil.copytree(FOLDER, tmp_path / "data")
    file = tmp_path / "data" / "profiles" / "shown.toml"
    file.write_text(DEMONSTRATION.replace(old, new), encoding="utf-8")
    with pytest.raises(ProfileError, match=why):
        load(str(file))


WORDS = """
[texts.found]
version = 1
effects = ["no_breach"]
grounds = ["{ground}"]
legal_basis = ["LAW 1"]
chinese = "查明{{facts}}"
english = "Found {{facts}}"
source = "LAW 1"
fields = {{ facts = {{ chinese = "事实", english = "facts" }} }}

[redress]"""


@pytest.mark.parametrize(
    ("old", "new", "key", "why"),
    [
        ("", "", "", ""),
        ('effects = ["no_breach"]', 'effects = ["bar"]', "texts.found.effects", "no effect of this profile"),
        ('effects = ["no_breach"]', "effects = []", "texts.found", "for which effects"),
        ("version = 1", "version = 0", "texts.found", "its version, from 1"),
        (
            "Found {facts}",
            "Found {fact}",
            "texts.found.english",
            "fact is a field of it, or stands in it, and not both",
        ),
        ("Found {facts}", "Found it", "texts.found.english", "and not both"),
        ("Found {facts}", "Found {facts} {", "texts.found.english", "opens or closes no field"),
        ("Found {facts}", "Found {facts} {facts.x}", "texts.found.english", "opens or closes no field"),
        ('english = "facts" }', 'english = "facts", secret = true }', "texts.found.fields.facts.secret", ""),
    ],
)
def test_a_standard_text_names_what_is_there(write: Write, old: str, new: str, key: str, why: str) -> None:
    grounds = load(str(FOLDER / "profiles" / "short-term-rentals.toml")).grounds
    text = WORDS.format(ground=next(iter(grounds)))
    name = write("[redress]", text.replace(old, new, 1).lstrip("\n") if old else text)
    if not old:
        assert load(name).texts["found"].rendered({"facts": " x "}) == "查明x\n\nFound x"
        return
    with pytest.raises(ProfileError, match=re.escape(key)) as wrong:
        load(name)
    assert why in str(wrong.value)
