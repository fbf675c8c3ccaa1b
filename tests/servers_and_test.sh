#!/usr/bin/env bash
# Starts a PostgreSQL and a Redis of its own, on free ports and in a folder that is removed afterwards, runs a command
# with SLUICE_TEST_POSTGRES and SLUICE_TEST_REDIS set, and stops them. Exit code 77 (skipped) where they are missing.
#   tests/servers_and_test.sh build/release/tests/unit/store/store_servers_tests
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
exec python3 "$root/integration/servers.py" "$@"
