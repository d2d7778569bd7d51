#!/bin/sh
# A role and a database for each department; the role owns its database and no other role may connect.
# The names come in CONCORD_DATABASES, each password in <NAME>_DB_PASSWORD. Run once, by the image's entry point.
set -eu
for name in $CONCORD_DATABASES; do
  variable="$(printf '%s' "$name" | tr '[:lower:]' '[:upper:]')_DB_PASSWORD"
  password="$(printenv "$variable")"
  psql -v ON_ERROR_STOP=1 -v name="$name" -v password="$password" \
    --username "${POSTGRES_USER:-postgres}" --dbname postgres --quiet <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
done
