#!/usr/bin/env bash
# Fails on a C++ file whose layout is not clang-format's. To mend: clang-format-19 -i FILE
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
find bench config core providers server tests -name '*.[hc]pp' -not -path '*/node_modules/*' -print0 |
    xargs -0 -r -n 40 -P 2 clang-format-19 --dry-run -Werror
