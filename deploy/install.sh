#!/usr/bin/env bash
# Installs what is missing of one or more groups of Debian 12 packages, and nothing else.
#   deploy/install.sh build          compiler, libraries: enough to build the gateway
#   deploy/install.sh build test     also what tests/run.sh drives the gateway with
#   deploy/install.sh bench          what bench/ compares with and counts with
# Needs root or sudo only if something is missing. Services of installed packages are not started.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

build_packages=(
    clang-19 libclang-rt-19-dev cmake ninja-build ccache mold git ca-certificates
    libboost1.81-dev libsimdjson-dev nlohmann-json3-dev libyaml-cpp-dev prometheus-cpp-dev libssl-dev
    catch2 libcli11-dev libfmt-dev zlib1g-dev libpq-dev libsqlite3-dev
)
test_packages=(
    clang-format-19 clang-tidy-19 llvm-19 python3 python3-venv openssl curl procps iproute2
    prometheus buildah debootstrap valgrind strace faketime postgresql redis-server
)
bench_packages=(nginx-light haproxy valgrind strace iproute2 openssl python3 python3-venv)
# Any Node.js from 18 on will do; Debian's own is only installed where there is none.
node_packages=(nodejs npm)

say() { printf 'install: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

wanted=()
for group in "$@"; do
    case $group in
        build) wanted+=("${build_packages[@]}") ;;
        test)
            wanted+=("${test_packages[@]}")
            command -v node >/dev/null && command -v npm >/dev/null || wanted+=("${node_packages[@]}")
            ;;
        bench) wanted+=("${bench_packages[@]}") ;;
        *) fail "unknown group '$group'; there are: build, test, bench" ;;
    esac
done
[ ${#wanted[@]} -gt 0 ] || fail "say what to install: build, test, bench"
command -v dpkg-query >/dev/null || fail "this needs Debian 12 (dpkg-query is not here); see docs/guides/install.md"

missing=()
for package in "${wanted[@]}"; do
    installed "$package" || missing+=("$package")
done
if [ ${#missing[@]} -eq 0 ]; then
    say "nothing is missing"
    exit 0
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || fail "missing: ${missing[*]}; run this as root, or install sudo"
    as_root=(sudo --preserve-env=DEBIAN_FRONTEND)
fi

log=$(mktemp)
policy=/usr/sbin/policy-rc.d
made_policy=
cleanup() {
    rm -f "$log"
    [ -z "$made_policy" ] || "${as_root[@]}" rm -f "$policy"
}
trap cleanup EXIT

# No package may start its service: Prometheus would take port 9090, which is the gateway's own admin port.
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
    made_policy=yes
fi

# Runs a command quietly: a line when it starts, a dot every few seconds, its log only if it fails.
quietly() {
    local what=$1 ticks=0
    shift
    printf 'install: %s ' "$what" >&2
    "$@" >"$log" 2>&1 </dev/null &
    local job=$!
    while kill -0 "$job" 2>/dev/null; do
        sleep 1
        ((++ticks % 5)) || printf '.' >&2
    done
    if wait "$job"; then
        printf ' done\n' >&2
        return 0
    fi
    printf ' failed\n' >&2
    tail -n 25 "$log" >&2
    return 1
}

apt=("${as_root[@]}" apt-get -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3)
quietly "apt-get update" "${apt[@]}" update || fail "the package lists could not be read; is there a network?"
quietly "${#missing[@]} packages: ${missing[*]}" "${apt[@]}" install -y -q --no-install-recommends "${missing[@]}" ||
    fail "apt-get could not install: ${missing[*]}"

# Where systemd runs, a new service would come up at the next boot.
for service in prometheus nginx haproxy postgresql redis-server; do
    if printf '%s\n' "${missing[@]}" | grep -qE "^$service(-light)?\$" && [ -d /run/systemd/system ]; then
        "${as_root[@]}" systemctl disable --now "$service.service" >/dev/null 2>&1 || true
    fi
done
