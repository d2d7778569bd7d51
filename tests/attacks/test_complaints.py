"""Complaints are no way to a measure, nor to whoever complained, whatever a profile or a crowd says (docs/adr/0013)."""

import shutil
from pathlib import Path

import pytest

import shared.rules
from shared.rules import ProfileError, load
from shared.rules.rows import Route

DATA = Path(shared.rules.__file__).parent
CHANGED = 'base = "cn-2006"\nid = "changed"\nversion = 1\ntitle = "The same, with other rules"\n'


@pytest.mark.parametrize(
    ("section", "why"),
    [
        ("[clocks.confirm_emergency]\namount = 73", "a safeguard works by it"),  # a provider's own act, for weeks
        ('[clocks.confirm_emergency]\namount = 4\nunit = "days"', "a safeguard works by it"),
        ('[clocks.triage_complaint]\namount = 3\nunit = "years"', "a safeguard works by it"),
        ('[complaint_grades.manifest]\nroutes = ["open_case"]', "has dismiss"),
        ('[complaint_grades.manifest]\nroutes = ["suspend", "dismiss"]', "complaint_grades.manifest.routes"),
        ("[complaints]\nforget_days = 0", "forget_days"),
        ("[complaints]\nforget_days = 36500", "forget_days"),  # who complained, for a century
        ("[complaints]\nagain_days = 1", "again_days"),  # one emergency after the other
        ("[complaints]\nmost_files = 100000", "most_files"),
        ("[complaints]\nmost_file_bytes = 99999999999", "most_file_bytes"),
    ],
    ids=[
        "hours", "days", "never", "forced", "measure", "not-kept", "kept", "strung", "files", "bytes",
    ],
)  # fmt: skip
def test_no_profile_makes_more_of_complaints_than_there_is(tmp_path: Path, section: str, why: str) -> None:
    shutil.copytree(DATA / "profiles", tmp_path / "profiles")
    shutil.copytree(DATA / "calendars", tmp_path / "calendars")
    file = tmp_path / "profiles" / "changed.toml"
    file.write_text(f"{CHANGED}\n{section}\n", encoding="utf-8")
    with pytest.raises(ProfileError, match=why):
        load(str(file))


def test_no_route_of_a_complaint_is_a_measure() -> None:
    assert set(Route) == {"open_case", "dismiss", "warn"}
