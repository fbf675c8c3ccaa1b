#!/usr/bin/env bash
# Installs what is missing, builds, and runs every test; the last line is `N passed, N failed, N skipped`.
#   tests/run.sh                everything that belongs to a change (under half an hour on two cores, from nothing)
#   tests/run.sh --quick        unit and architecture tests, integration and SDKs with the release: a few minutes
#   tests/run.sh --long         also the long drills: more fuzzing, ThreadSanitizer, Valgrind, two builds that must be
#                               equal, every file through clang-tidy
#   tests/run.sh --only STEP    one step after the build: unit, fuzz, integration, sdk, node, asan, container, tsan,
#                               valgrind, reproducible, servers (PostgreSQL and Redis, alone on the machine)
# An integration test that fails beside others runs once more by itself. If it passes there it is named UNSTABLE, and is
# to be mended like any other bug; more than three of them fail the run.
# Reports (JUnit) and logs are in build/test-results/. Every step has a limit of time; nothing is left running.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root" || exit 1

mode=normal only=
while [ $# -gt 0 ]; do
    case $1 in
        --quick) mode=quick ;;
        --long) mode=long ;;
        --only) only=${2:?--only STEP}; shift ;;
        *) sed -n '2,12p' "$0"; exit 2 ;;
    esac
    shift
done

results=$root/build/test-results
venv=$root/build/venv
rm -rf "$results"
mkdir -p "$results"
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1 NO_COLOR=1
broken=()
begun=$SECONDS

title() { printf '\n=== %s  (%d:%02d)\n' "$1" $(((SECONDS - begun) / 60)) $(((SECONDS - begun) % 60)); }

# step NAME SECONDS COMMAND...   NAME is also the name of its report.
step() {
    local name=$1 seconds=$2 from=$SECONDS
    shift 2
    title "$name"
    timeout --kill-after=20 "$seconds" "$@" </dev/null
    local result=$?
    if [ $result = 124 ] || [ $result = 137 ]; then echo "$name: not done after $seconds s"; fi
    [ $result = 0 ] || broken+=("$name")
    echo "--- $name: exit $result after $((SECONDS - from)) s"
    return $result
}

wanted() { [ -z "$only" ] || [ "$only" = "$1" ]; }
tally_and_exit() {
    title summary
    python3 tests/tally.py "$results" "${broken[@]}"
    exit $?
}

# --- install and build ------------------------------------------------------------------------------------------------

step install 900 bash deploy/install.sh build test || tally_and_exit

environments() {
    [ -x "$venv/bin/python" ] || python3 -m venv "$venv" || return 1
    cmp -s tests/sdk/python/requirements.txt "$venv/installed" ||
        { "$venv/bin/pip" install -q -r tests/sdk/python/requirements.txt &&
            cp tests/sdk/python/requirements.txt "$venv/installed"; } || return 1
    cmp -s tests/sdk/node/package-lock.json tests/sdk/node/node_modules/.installed ||
        { npm --prefix tests/sdk/node ci --loglevel=error &&
            cp tests/sdk/node/package-lock.json tests/sdk/node/node_modules/.installed; }
}
environments >"$results/environments.log" 2>&1 &   # beside the first build, which it does not slow down
environments_job=$!

step build-release 1200 bash deploy/build.sh release sluice sluice_load || tally_and_exit
title environments
if ! wait $environments_job; then
    tail -n 20 "$results/environments.log"
    broken+=(environments)
fi

# --- the steps --------------------------------------------------------------------------------------------------------

# Quick: unit tests as they are. Otherwise with AddressSanitizer and UBSan.
unit_preset=asan
[ $mode = quick ] && unit_preset=dev
unit() {
    step build-$unit_preset 1500 bash deploy/build.sh $unit_preset || return
    export SLUICE_TIDY_SECONDS=60
    [ $mode = quick ] && SLUICE_TIDY_SECONDS=30
    [ $mode = long ] && SLUICE_TIDY_SECONDS=3000
    step unit $((SLUICE_TIDY_SECONDS + 600)) ctest --test-dir "build/$unit_preset" --output-on-failure --timeout 300 \
        --output-junit "$results/unit.xml" -j 2
}

# Half a minute of CPU time for every target, two at a time, always with the same inputs, so that what fails here is
# the change that is tested. To find more: tests/fuzz/run.py.
fuzz() {
    local seconds=30
    local seed=1
    [ $mode = long ] && seconds=180 seed=0
    # The asan preset is instrumented for libFuzzer as well, and builds its targets.
    step build-asan 1500 bash deploy/build.sh asan || return
    step fuzz $((seconds * 20 + 300)) python3 tests/fuzz/run.py --seconds $seconds --seed $seed --jobs 2 \
        --junit "$results/fuzz.xml"
    [ $mode != long ] || step fuzz-differential 1200 python3 tests/fuzz/run.py --runs 1000000 --jobs 2 \
        --junit "$results/fuzz-differential.xml" http_request http_response
}

pytest_step() {  # NAME SECONDS PROCESSES ARGUMENT...   most tests wait most of the time, so that files run side by side
    local name=$1 seconds=$2 processes=${3:?}
    shift 3
    local run=("$venv/bin/python" -m pytest -q -o cache_dir="$results/$name.cache" --tb=short -ra -o junit_family=xunit1 "$@")
    step "$name" "$seconds" "${run[@]}" --junitxml="$results/$name.xml" -n "$processes" --dist loadfile && return
    step "$name-alone" 300 "${run[@]}" --junitxml="$results/$name-alone.xml" -n 0 --last-failed --last-failed-no-failures none
}

integration() {
    local arguments=(tests/integration --ignore=tests/integration/test_container.py)
    # The long drills measure: they run by themselves, one after the other.
    [ $mode = long ] && arguments+=(--long --ignore-glob='*/test_drills_*' --ignore=tests/integration/test_valgrind.py)
    pytest_step integration 900 3 "${arguments[@]}"
    [ $mode != long ] || pytest_step drills 5400 0 --long tests/integration/test_drills_*.py
}

asan() {
    local arguments=(tests/integration --ignore=tests/integration/test_container.py)
    [ -x build/asan/sluice ] || step build-asan 1500 bash deploy/build.sh asan sluice || return
    SLUICE_BINARY=$root/build/asan/sluice SLUICE_TEST_SLOWNESS=3 pytest_step integration-asan 1200 3 "${arguments[@]}"
}

sdk() { pytest_step sdk-python 300 0 tests/sdk/python; }

node_tests() {
    step sdk-node 300 node --test --test-reporter=spec --test-reporter-destination=stdout --test-reporter=junit \
        --test-reporter-destination="$results/sdk-node.xml" tests/sdk/node/*.test.mjs
}

# Leases and the ledger against a PostgreSQL and a Redis of their own; nothing may run beside it.
servers() {
    step build-servers 900 bash deploy/build.sh release store_servers_tests || return
    step servers 400 tests/servers_and_test.sh build/release/tests/unit/store/store_servers_tests --reporter junit \
        --out "$results/servers.xml"
}

container() { pytest_step container 1500 0 tests/integration/test_container.py; }

tsan() {
    step build-tsan 1800 bash deploy/build.sh tsan || return
    step unit-tsan 600 ctest --test-dir build/tsan -L unit --output-on-failure --timeout 300 \
        --output-junit "$results/unit-tsan.xml" -j 2
    SLUICE_BINARY=$root/build/tsan/sluice SLUICE_TEST_SLOWNESS=4 pytest_step integration-tsan 1800 3 \
        tests/integration --ignore=tests/integration/test_container.py
}

# What a request and a chunk cost, counted: more than was written down fails.
counts() {
    local reference=bench/results/instructions.json
    [ -f $reference ] || { echo "counts: there is no $reference"; return; }
    step install-bench 600 bash deploy/install.sh bench || return
    step build-load 600 bash deploy/build.sh release sluice sluice_load || return
    step counts 1200 bench/instructions.sh --check $reference
}

valgrind() { pytest_step valgrind 1500 1 tests/integration/test_valgrind.py --long; }

reproducible() {
    step reproducible 3000 bash tests/reproducible.sh &&
        echo '<testsuite><testcase classname="reproducible" name="two builds are equal"/></testsuite>' >"$results/reproducible.xml"
}

wanted integration && integration
wanted sdk && sdk
wanted node && node_tests
wanted unit && unit
if [ $mode != quick ]; then
    wanted asan && asan
    wanted fuzz && fuzz
    wanted container && container
fi
for drill in servers tsan valgrind reproducible counts; do
    if { [ $mode = long ] && [ -z "$only" ]; } || [ "$only" = $drill ]; then $drill; fi
done
tally_and_exit
