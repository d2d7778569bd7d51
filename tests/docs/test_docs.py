"""Documents are held against the code: links lead somewhere; settings, facts, refusals, metrics, alerts are there."""

import importlib
import re
from pathlib import Path
from urllib.parse import unquote

import pytest

from local_stack.reference import PAGE, page
from local_stack.topology import SERVICES
from shared.contracts.catalogue import FACTS

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    path
    for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("services/*/README.md")]
    if ".venv" not in path.parts
)
LINK = re.compile(r"(?<!\!)\[[^\]]*\]\(([^)\s]+)\)")


@pytest.mark.parametrize("name", PAGES, ids=lambda name: str(name.relative_to(ROOT)))
def test_every_link_to_a_file_leads_to_one(name: Path) -> None:
    for target in LINK.findall(name.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", target) or target.startswith("#"):
            continue
        path = (name.parent / unquote(target.partition("#")[0])).resolve()
        assert path.exists(), f"{name.relative_to(ROOT)} links to {target}"


@pytest.mark.parametrize("name", PAGES, ids=lambda name: str(name.relative_to(ROOT)))
def test_no_page_names_a_path_of_somebodys_machine(name: Path) -> None:
    assert not re.search(r"(/home/|/root/|/work/|/Users/)", name.read_text(encoding="utf-8"))


def test_the_reference_of_settings_refusals_and_metrics_is_current() -> None:
    assert (ROOT / PAGE).read_text(encoding="utf-8") == page()


def test_every_setting_says_what_it_means() -> None:
    for service in SERVICES.values():
        settings = importlib.import_module(f"{service.module}.main").SERVICE.settings
        assert all(field.description for field in settings.model_fields.values()), service.name


def test_every_fact_is_on_the_events_page() -> None:
    text = (ROOT / "docs/events.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in FACTS)


def test_every_alert_has_a_page_in_the_runbook() -> None:
    alerts = re.findall(r"- alert: (\w+)", (ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))
    text = (ROOT / "docs/runbook/alerts.md").read_text(encoding="utf-8")
    assert alerts
    assert all(f"## {alert}" in text for alert in alerts)


def test_the_readmes_say_the_same_in_both_languages() -> None:
    english, chinese = ((ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "README.zh-CN.md"))
    blocks = re.compile(r"```.*?```", re.DOTALL)
    headings = re.compile(r"^#+ ", re.MULTILINE)
    assert len(headings.findall(english)) == len(headings.findall(chinese))
    assert len(blocks.findall(english)) == len(blocks.findall(chinese))
    each_other = {"README.md", "README.zh-CN.md"}
    assert set(LINK.findall(english)) - each_other == set(LINK.findall(chinese)) - each_other
