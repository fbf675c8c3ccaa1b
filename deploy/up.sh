#!/usr/bin/env bash
# From a bare Debian 12 to a running gateway: installs what is missing, builds a release, starts it in the foreground.
#   deploy/up.sh [arguments of `sluice run`]       for example: deploy/up.sh -c sluice.yaml
# With no argument and no file it serves the providers whose keys are in the environment (OPENAI_API_KEY,
# OPENROUTER_API_KEY, GROQ_API_KEY ...), or else a demo model that needs no network.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bash "$root/deploy/install.sh" build
bash "$root/deploy/build.sh" release sluice
exec "$root/build/release/sluice" run "$@"
