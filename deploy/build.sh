#!/usr/bin/env bash
# Configures and builds a preset, with progress that fits a terminal as well as a log.
#   deploy/build.sh PRESET [TARGET...]        without targets: everything
# The complete output is in build/PRESET/build.log; it is shown only if something fails.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
preset=${1:?usage: deploy/build.sh PRESET [TARGET...]}
shift
folder=build/$preset
log=$folder/build.log
mkdir -p "$folder"
# The same sources in another checkout hit the compiler cache too.
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=1

say() { printf 'build: %s\n' "$*" >&2; }

# Keeps one line that is overwritten on a terminal, one line per tenth of the work elsewhere.
progress() {
    local terminal=0
    [ -t 2 ] && terminal=1
    awk -v terminal="$terminal" -v preset="$preset" '
        match($0, /^\[[0-9]+\/[0-9]+\]/) {
            split(substr($0, 2, RLENGTH - 2), n, "/")
            if (terminal) printf "\r\033[Kbuild: %s %d/%d %s", preset, n[1], n[2], substr($NF, 1, 60)
            else if (int(n[1] * 10 / n[2]) > shown) { shown = int(n[1] * 10 / n[2]); printf "build: %s %d %%\n", preset, shown * 10 }
            fflush()
        }
        END { if (terminal) printf "\r\033[K" }' >&2
}

fail() {
    say "$1; from $log:"
    grep -nE 'error:|Error|FAILED|undefined' "$log" | head -n 20 >&2 || true
    tail -n 25 "$log" >&2
    exit 1
}

started=$SECONDS
cmake --preset "$preset" >"$log" 2>&1 || fail "cmake --preset $preset failed"
targets=()
[ $# -eq 0 ] || targets=(--target "$@")
set +e
NINJA_STATUS='[%f/%t] ' cmake --build "$folder" "${targets[@]}" 2>&1 | tee -a "$log" | progress
result=${PIPESTATUS[0]}
set -e
[ "$result" = 0 ] || fail "building $preset failed"
say "$preset is up to date ($((SECONDS - started)) s)"
