"""Settings: read from the environment once, frozen, secrets kept out of sight."""

import pytest
from pydantic import ValidationError

from shared.runtime.base.settings import ROLES, Settings

DSN = "postgresql://registry:hush@127.0.0.1/registry"


def test_settings_come_from_the_environment_and_foreign_names_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORD_DATABASE_URL", DSN)
    monkeypatch.setenv("CONCORD_ROLES_RUN", "http, relay,")
    monkeypatch.setenv("CONCORD_REGISTRY_SERVICE_HOST", "10.0.0.1")  # what Kubernetes injects
    settings = Settings()
    assert settings.dsn == DSN
    assert settings.roles_run == {"http", "relay"}


def test_every_role_runs_unless_told_otherwise() -> None:
    assert Settings(database_url=DSN).roles_run == set(ROLES)


def test_an_unknown_role_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONCORD_ROLES_RUN", "http,cron")
    with pytest.raises(ValidationError, match="roles_run"):
        Settings(database_url=DSN)


def test_settings_do_not_change_and_do_not_show_secrets() -> None:
    settings = Settings(database_url=DSN, kafka_password="quiet")
    with pytest.raises(ValidationError):
        settings.port = 1  # type: ignore[misc]
    assert "hush" not in repr(settings)
    assert "quiet" not in repr(settings)


def test_the_key_set_is_the_issuers_unless_stated() -> None:
    assert (
        Settings(database_url=DSN, oidc_issuer="https://id.test/realm/").jwks_url == "https://id.test/realm/jwks.json"
    )
    assert Settings(database_url=DSN, oidc_jwks_url="https://id.test/k").jwks_url == "https://id.test/k"


def test_every_setting_says_what_it_is_for() -> None:
    assert all(field.description for field in Settings.model_fields.values())
