#!/usr/bin/env bash
# Installing one department must not bring another along: `uv sync --package access-control`, then `import registry` fails.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
UV_PROJECT_ENVIRONMENT="$folder/venv" .venv/bin/uv sync --quiet --package access-control --no-dev
"$folder/venv/bin/python" -c 'import access_control, shared.runtime'
if "$folder/venv/bin/python" -c 'import registry' 2>/dev/null; then
  echo "access-control's environment can import registry" >&2
  exit 1
fi
echo "access-control stands alone: import registry fails there"
