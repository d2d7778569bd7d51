"""The containers run what the local stack runs: generated files are current, and names and people agree."""

import importlib
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from access_control.service import probing, receipts, state
from enforcement.service import custody
from local_stack import compose
from local_stack.kafka import ApacheKafka
from local_stack.people import people
from local_stack.supervisor import LocalStack
from local_stack.topology import KAFKA, SERVICES, Service, environment
from query.readmodel import ingest
from shared.runtime.base import metrics
from shared.runtime.base.settings import Settings
from shared.runtime.web.identity import SERVICE_ACCOUNT

METRICS = metrics.METRICS | ingest.METRICS | custody.METRICS | probing.METRICS | receipts.METRICS | state.METRICS
ROOT = Path(__file__).parents[3]
PLACE_DEPENDS = {  # what may differ between a laptop and a data centre; everything else must be equal
    "CONCORD_DATABASE_URL",
    "CONCORD_KAFKA_BOOTSTRAP_SERVERS",
    "CONCORD_KAFKA_IDEMPOTENCE",
    "CONCORD_KAFKA_FETCH_WAIT_MS",
    "CONCORD_TOPIC_PARTITIONS",
    "CONCORD_OIDC_ISSUER",
    "CONCORD_OIDC_JWKS_URL",
    "CONCORD_HOST",
    "CONCORD_PORT",
    "CONCORD_PUBLIC_URL",
    "CONCORD_DOOR_URL",
    "CONCORD_LOG_FORMAT",
    "CONCORD_OTLP_ENDPOINT",
    "CONCORD_SIGNING_KEYS_FILE",
    "CONCORD_LMDB_PATH",
    "CONCORD_EVIDENCE_STORE",
    "CONCORD_FILES_STORE",
    "CONCORD_WITHDRAW_WINDOW_S",
    "CONCORD_PROFILE",
    "CONCORD_SIGNING_KEYS_GENERATE",
    "CONCORD_IDENTITY_KEY",
    "CONCORD_SMTP_HOST",
    "CONCORD_SMTP_PORT",
    "CONCORD_SMTP_TLS",
    "CONCORD_SMTP_USER",
    "CONCORD_SMTP_PASSWORD",
    "CONCORD_SMTP_SENDER",
    "CONCORD_SMTP_RETURNS",
    "CONCORD_SMTP_RETURNS_SECRET",
    "CONCORD_WEBHOOKS_PRIVATE",
}


@pytest.fixture(scope="module")
def described() -> dict[str, Any]:
    """docker-compose.yml as it is committed."""
    parsed: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    return parsed


def test_the_generated_files_are_current() -> None:
    stale = [file for file, text in compose.files().items() if file.read_text() != text]
    assert not stale, "run `make generate`"


def test_docker_compose_yml_follows_the_compose_specification() -> None:
    tool = Path(sys.executable).parent / "check-jsonschema"
    command = [str(tool), "--builtin-schema", "vendor.compose-spec", str(ROOT / "docker-compose.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("spec", SERVICES.values(), ids=SERVICES)
def test_a_service_gets_the_same_settings_in_both_places(
    spec: Service, described: dict[str, Any], tmp_path: Path
) -> None:
    container: dict[str, str] = described["services"][spec.name]["environment"]
    local = environment(spec, LocalStack(root=tmp_path)._place())
    ours = {name for name in container if not name.startswith("AWS_")}
    assert ours - {"CONCORD_OTLP_ENDPOINT"} == local.keys()
    assert ours == container.keys() or {"CONCORD_EVIDENCE_STORE", "CONCORD_FILES_STORE"} & ours, "only with a bucket"
    differing = {name for name in local if local[name] != container[name]}
    assert differing <= PLACE_DEPENDS
    assert described["services"][f"{spec.name}-migrate"]["environment"] == container


@pytest.mark.parametrize("spec", SERVICES.values(), ids=SERVICES)
def test_every_setting_is_one_the_service_reads(spec: Service) -> None:
    fields = importlib.import_module(f"{spec.module}.settings").Settings.model_fields
    unknown = {name.removeprefix("CONCORD_").lower() for name in environment(spec, compose.place())} - set(fields)
    assert not unknown


def test_the_prober_holds_no_key_and_reaches_the_database_and_strangers_alone(described: dict[str, Any]) -> None:
    services = described["services"]
    prober, desk = services["prober"], services["access-control"]
    assert (prober["image"], prober["networks"]) == (desk["image"], ["outside"])
    beside = {name for name, each in services.items() if "outside" in each.get("networks", ["default"])}
    assert beside == {"prober", "postgres", "prometheus"}
    assert not prober.keys() & {"secrets", "ports", "volumes"}
    told = dict(prober["environment"])
    assert told.pop("CONCORD_PROBES_CONTACT").startswith("${CONCORD_PROBES_CONTACT:?"), "nobody asks without a name"
    assert told.pop("CONCORD_PROBES_PORT") == told["CONCORD_PORT"], "where the image asks whether it is ready"
    assert told == {name: value for name, value in desk["environment"].items() if name in told}
    assert not [name for name in told if re.search("KEY|KAFKA|SMTP|OIDC|INSIDE", name)]
    known = importlib.import_module("access_control.settings").Settings.model_fields
    assert {name.removeprefix("CONCORD_").lower() for name in told} <= known.keys()


def test_everything_that_has_metrics_is_read(described: dict[str, Any]) -> None:
    jobs = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())["scrape_configs"]
    read = {target.split(":")[0] for job in jobs for each in job["static_configs"] for target in each["targets"]}
    assert read == {*SERVICES, "prober", "otel-collector"}
    assert read <= described["services"].keys()
    port = described["services"]["prober"]["environment"]["CONCORD_PROBES_PORT"]
    (prober,) = [job for job in jobs if job["job_name"] == "prober"]  # or else ServiceDown wakes somebody for it
    assert prober["static_configs"][0]["targets"] == [f"prober:{port}"]


def test_both_brokers_of_apache_kafka_have_the_same_settings(described: dict[str, Any], tmp_path: Path) -> None:
    broker = ApacheKafka(tmp_path, port=9092)
    properties = dict(line.split("=", 1) for line in broker._write_config().read_text().splitlines())
    container = described["services"]["kafka"]["environment"]
    for name, value in KAFKA.items():
        assert properties[name] == value
        assert container["KAFKA_" + name.replace(".", "_").upper()] == value
    version = re.search(r"<kafka.version>(.+)</kafka.version>", (ROOT / "deploy/kafka/pom.xml").read_text())
    assert version
    assert described["services"]["kafka"]["image"] == f"apache/kafka:{version[1]}"


def test_the_realm_has_the_people_and_claims_of_the_local_issuer() -> None:
    realm = json.loads((ROOT / "deploy/keycloak/concord-realm.json").read_text())
    known = {user["username"]: user for user in realm["users"]}
    assert known.keys() == people().keys()
    for name, identity in people().items():
        attributes = known[name]["attributes"]
        assert tuple(known[name]["realmRoles"]) == identity.roles
        assert attributes["organisation"] == [identity.organisation]
        assert attributes["person"] == [name]
        assert known[name]["credentials"] == [{"type": "password", "value": "${CONCORD_DEMO_PASSWORD}"}]
    mapped = {mapper["config"].get("claim.name") for mapper in realm["clients"][0]["protocolMappers"]}
    assert mapped - {None} == (people()["officer"].claims().keys() | {"person"}) - {"sub"}


def test_of_the_realm_people_alone_have_a_token_that_names_a_person() -> None:
    realm = json.loads((ROOT / "deploy/keycloak/concord-realm.json").read_text())
    assert not [name for name in (user["username"] for user in realm["users"]) if name.startswith(SERVICE_ACCOUNT)]
    assert not [client for client in realm["clients"] if client.get("serviceAccountsEnabled")]
    for client in realm["clients"]:
        claims = {mapper["config"]["claim.name"]: mapper for mapper in client["protocolMappers"][1:]}
        person = claims["person"]
        # Of an attribute that administrators write for people: a client's user has a name and an id too, but no such.
        assert (person["protocolMapper"], person["config"]["user.attribute"]) == (
            "oidc-usermodel-attribute-mapper",
            "person",
        )
        assert person["config"]["multivalued"] == "false"
        assert person["config"]["access.token.claim"] == "true"
    (profile,) = realm["components"]["org.keycloak.userprofile.UserProfileProvider"]
    rules = json.loads(profile["config"]["kc.user.profile.config"][0])
    assert rules["unmanagedAttributePolicy"] == "ADMIN_EDIT"
    assert all(each["permissions"]["edit"] == ["admin"] for each in rules["attributes"])


def test_what_an_issuer_must_say_is_in_the_reference() -> None:
    text = (ROOT / "docs/reference.md").read_text()
    said = text[text.index("## Claims of an access token") : text.index("## Refusals")]
    sent = people()["officer"].claims().keys() | {"person"}
    assert sent | {"azp", "gty", "preferred_username"} <= set(re.findall(r"`([a-z_]+)`", said))


def test_no_secret_is_baked_in_and_each_is_in_the_example(described: dict[str, Any]) -> None:
    text = (ROOT / "docker-compose.yml").read_text()
    example = dict(
        line.split("=", 1) for line in (ROOT / ".env.example").read_text().splitlines() if line[:1] not in {"#", ""}
    )
    asked = set(re.findall(r"\$\{(\w+)", text))
    assert asked == example.keys()
    for service in described["services"].values():
        for name, value in service.get("environment", {}).items():
            if "PASSWORD" in name:
                assert re.fullmatch(r"\$\{\w+:(\?.*|-)\}", value), name


def test_every_setting_of_mail_is_handed_on_and_each_department_has_its_own_return_address(
    described: dict[str, Any],
) -> None:
    settings = {f"CONCORD_{name.upper()}" for name in Settings.model_fields if name.startswith("smtp_")}
    returns = set()
    for spec in SERVICES.values():
        told = described["services"][spec.name]["environment"]
        assert settings & told.keys() == (settings if spec.signs else set()), spec.name
        if spec.signs:
            assert told["CONCORD_SMTP_SENDER"].startswith("${CONCORD_SMTP_SENDER:?"), "or it comes from nobody"
            own = f"CONCORD_{spec.module.upper()}_RETURNS"
            assert told["CONCORD_SMTP_RETURNS"] == f"${{{own}:-}}"
            assert told["CONCORD_SMTP_RETURNS_SECRET"] == f"${{{own}_SECRET:-}}"
            returns.add(own)
    assert len(returns) == 4


def test_ports_are_published_on_this_machine_only(described: dict[str, Any]) -> None:
    for service in described["services"].values():
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))


def test_alerts_and_dashboard_ask_for_metrics_that_exist() -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    dashboard = json.loads((ROOT / "deploy/grafana/dashboards/concord.json").read_text())
    asked = [rule["expr"] for rule in rules]
    asked += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
    known = METRICS.keys() | {"up", "process_resident_memory_bytes", "process_start_time_seconds"}
    known |= {f"{name}_{part}" for name in metrics.OF_FASTAPI for part in ("bucket", "count", "sum")}
    for expression in asked:
        bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]|by \([^)]*\)", "", expression)
        names = set(re.findall(r"[a-z_]{2,}", bare)) - {
            "rate",
            "increase",
            "sum",
            "histogram_quantile",
            "time",
            "max",
            "absent",
            "or",
            "unless",
            "offset",
            "count",
            "changes",
        }
        assert names, expression
        assert names <= known, expression
    for rule in rules:
        assert rule["annotations"].keys() == {"summary", "description"}, rule["alert"]
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_what_must_never_be_above_0_wakes_somebody_when_it_is() -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    paging = {rule["expr"] for group in groups for rule in group["rules"] if rule["labels"]["severity"] == "page"}
    zero = {name for name, meaning in METRICS.items() if "Anything above 0 is an alert" in meaning}
    assert zero >= {"parked_events", "illegible_records", "query_unreadable"}
    assert {f"{name} > 0" for name in zero} <= paging


NOT_WATCHED = {
    "outbox_unpublished": "OutboxOld: a thousand facts of a second are nothing",
    "relay_published_total": "how much is published is nobody's fault",
    "consumer_events_total": "what is parked or foreign is counted by parked_events as well",
    "clock_skew_seconds": "beyond its limit no clock is acted on: ClocksStuck",
    "files_checked_total": "what is damaged is counted by files_damaged",
    "query_records_total": "what is unreadable is counted by query_unreadable",
    "evidence_checked_total": "what is damaged is counted by evidence_damaged",
    "receipts_refused_total": "a provider's doing, answered to that provider",
    "evidence_deleted_total": "it may be any number; that it is not deleted is HousekeepingFailing",
    "probing_looks_total": "what a stranger's server answers wakes nobody (docs/adr/0022, 8)",
    "probing_answers_total": "the same",
    "observed_differences_open": "RestoredButCut: how long the oldest has been seen",
}
"""Metrics that nobody is woken for, and why not."""


def test_every_metric_has_an_alert_or_a_reason_why_not() -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    asked = " ".join(rule["expr"] for group in groups for rule in group["rules"])
    watched = {name for name in METRICS if re.search(rf"\b{name}\b", asked)}
    assert METRICS.keys() - watched == NOT_WATCHED.keys()


def test_every_metric_that_the_code_makes_is_described() -> None:
    made = set()
    for file in [*(ROOT / "shared/src").rglob("*.py"), *(ROOT / "services").rglob("src/**/*.py")]:
        found = re.findall(r"create_(counter|gauge|histogram|up_down_counter)\(\s*\"(\w+)\"", file.read_text())
        made |= {f"{name}_total" if kind == "counter" else name for kind, name in found}
    assert made, "some are made by name"
    assert made <= METRICS.keys()


def test_each_role_that_a_service_has_is_missed_where_nobody_runs_it() -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    (rule,) = [rule["expr"] for group in groups for rule in group["rules"] if rule["alert"] == "RoleNotRun"]
    part = (
        r'\(count by \(service\) \(up\{job="concord"(?:, service(!=|!~)"([a-z|-]+)")?\}\)'
        r" unless count by \(service\) \((\w+)\)\) > 0"
    )
    without = {metric: set(names.split("|")) - {""} for _, names, metric in re.findall(part, rule)}
    mains = {name: importlib.import_module(f"{spec.module}.main").SERVICE for name, spec in SERVICES.items()}
    reads = {name for name, main in mains.items() if main.handlers or main.projected or main.raw} | {"query"}
    assert without == {
        "outbox_oldest_seconds": set(),
        "consumer_deaf": mains.keys() - reads,
        "ticks_finished_seconds": {name for name, main in mains.items() if not main.deadlines and not main.notifies},
    }
    assert re.sub(part, "", rule).split() == ["or", "or"]


def test_no_alert_hurries_anybody_to_make_a_site_dark() -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    rules = [rule["expr"] for group in groups for rule in group["rules"] if "observed_difference" in rule["expr"]]
    assert rules == ['max(observed_difference_oldest_seconds{kind="restored_but_cut"}) > 86400'], "docs/adr/0022, 8"


def test_every_mounted_file_is_there(described: dict[str, Any]) -> None:
    for service in described["services"].values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            assert not source.startswith("./") or (ROOT / source).exists(), source


def test_a_rule_on_an_increase_also_sees_a_counter_that_begins_above_0() -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    rules = [rule["expr"] for group in groups for rule in group["rules"] if "increase(" in rule["expr"]]
    assert rules
    for rule in rules:
        found = re.fullmatch(r"increase\((.+)\[(\w+)\]\) > 0 or \((.+) unless (.+) offset (\w+)\) > 0", rule)
        assert found is not None, rule
        counter, window, now, before, ago = found.groups()
        assert (counter, counter, window) == (now, before, ago), rule


def test_every_alert_is_in_the_runbook() -> None:
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text())["groups"]
    alerts = [rule["alert"] for group in groups for rule in group["rules"]]
    assert re.findall(r"^## (\w+)$", (ROOT / "docs/runbook/alerts.md").read_text(), re.MULTILINE) == alerts
