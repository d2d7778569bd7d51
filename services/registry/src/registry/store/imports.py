"""The SQL of the import: sets of rows, not loops."""

from typing import Final

INSERT_IMPORT: Final = """
INSERT INTO import (id, started_by, filename, status, started_at, changed_at) VALUES ($1, $2, $3, 'running', $4, $4)
"""
GET_IMPORT: Final = """
SELECT id, started_by, filename, status, records, accepted, unchanged, rejected, started_at, changed_at
  FROM import WHERE id = $1
"""
ADD_PROGRESS: Final = """
UPDATE import SET records = records + $2 + $3 + $4, accepted = accepted + $2, unchanged = unchanged + $3,
       rejected = rejected + $4, changed_at = $5
 WHERE id = $1
"""
FINISH: Final = "UPDATE import SET status = $2, changed_at = $3 WHERE id = $1"
RESULTS: Final = """
SELECT line, raw, code, field, message FROM import_rejection WHERE import_id = $1 AND line > $2 ORDER BY line LIMIT 1000
"""
PROVIDERS: Final = "SELECT id, region FROM provider WHERE id = ANY ($1::uuid[])"
OWNERS: Final = """
SELECT d.domain, d.site_id, o.uscc FROM site_domain d
  JOIN site s ON s.id = d.site_id
  JOIN registration r ON r.id = s.registration_id
  JOIN operator o ON o.id = r.operator_id
 WHERE d.domain = ANY ($1::text[])
"""
NUMBERS: Final = """
SELECT r.number, o.uscc FROM registration r JOIN operator o ON o.id = r.operator_id WHERE r.number = ANY ($1::text[])
"""
DEDICATED: Final = """
SELECT p.ip, o.uscc FROM dedicated_ip p JOIN operator o ON o.id = p.operator_id WHERE p.ip = ANY ($1::text[])
"""
INSERT_OPERATORS: Final = """
INSERT INTO operator (id, uscc, name, kind, region, created_at)
SELECT id, uscc, name, kind, region, $6 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[])
    AS t (id, uscc, name, kind, region)
 ORDER BY uscc
ON CONFLICT (uscc) DO NOTHING
"""
LOCK_OPERATORS: Final = """
SELECT id AS operator_id, uscc, name AS operator_name, kind AS operator_kind, region AS operator_region
  FROM operator WHERE uscc = ANY ($1::text[]) ORDER BY uscc FOR UPDATE
"""
ACTIVE_REGISTRATIONS: Final = """
SELECT r.id, r.number, r.kind, r.level, r.region, r.version, r.submitted_at, o.uscc,
       (SELECT coalesce(max(ordinal), 0) FROM site WHERE registration_id = r.id) AS ordinal
  FROM registration r JOIN operator o ON o.id = r.operator_id
 WHERE o.uscc = ANY ($1::text[]) AND r.status = 'active'
 ORDER BY r.id
"""
RAISE_COUNTER: Final = """
INSERT INTO number_counter AS c (region, kind, last) VALUES ($1, $2, $3)
ON CONFLICT (region, kind) DO UPDATE SET last = greatest(c.last, EXCLUDED.last)
"""

REGISTRATION_COLUMNS: Final = (
    "id", "operator_id", "kind", "level", "region", "status", "number", "submitted_at", "changed_at",
)  # fmt: skip
SITE_COLUMNS: Final = ("id", "registration_id", "ordinal", "name", "service_items", "changed_at")
DOMAIN_COLUMNS: Final = ("domain", "raw", "site_id", "ordinal")
ACCESS_COLUMNS: Final = ("id", "site_id", "ordinal", "provider_id", "ips", "hosting_mode", "region")
DEDICATED_COLUMNS: Final = ("ip", "site_id", "operator_id")
REJECTION_COLUMNS: Final = ("import_id", "line", "raw", "code", "field", "message")
