#!/usr/bin/env bash
# The unit file is one that systemd understands. Exit 77 (skipped) where systemd-analyze is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
command -v systemd-analyze >/dev/null || { echo "systemd-analyze is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# The programs need not be installed for the check: any executable stands in for ours.
sed 's#/usr/local/bin/sluice#/bin/true#' deploy/systemd/sluice.service >"$work/sluice.service"
said=$(systemd-analyze verify "$work/sluice.service" 2>&1) || { echo "$said"; exit 1; }
if grep sluice.service <<<"$said"; then exit 1; fi
