#!/bin/sh
# User instructions (callgrind) and system calls (strace) per unit of work of the gateway. Both hardly depend on what else
# the machine does, so they can be compared between days and gated in CI. See README.md.
#
#   bench/instructions.sh [--build DIR] [--upstream lab|canned] [--gateway 'CMD {config}'] [--only callgrind|strace]
#                         [--json FILE]     also writes the counts there
#                         [--check FILE]    fails if a count is above the one in FILE by more than 3 % (system
#                                           calls: 10 to 40 %), and says what is below it
set -eu
cd "$(dirname "$0")/.."
command="bench/instructions.sh${*:+ $*}"

build=build/release upstream=lab gateway= only= json= check=
while [ $# -gt 0 ]; do
    case $1 in
        --build) build=$2 ;;
        --upstream) upstream=$2 ;;
        --gateway) gateway=$2 ;;
        --only) only=$2 ;;
        --json) json=$2 ;;
        --check) check=$2 ;;
        *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 64 ;;
    esac
    shift 2
done
: "${gateway:=$build/sluice run -c {config\}}"
load=$build/sluice_load
key=sk-bench-0123456789abcdef
folder=$(mktemp -d)
gateway_pid= upstream_pid= tls_upstream_pid=
stop() { [ -z "$1" ] || { kill "$1" 2>/dev/null || true; wait "$1" 2>/dev/null || true; }; }
trap 'stop "$gateway_pid"; stop "$upstream_pid"; stop "$tls_upstream_pid"; rm -r "$folder"' EXIT
trap 'exit 130' INT TERM

fail() { echo "instructions.sh: $*" >&2; exit 1; }
[ -x "$load" ] || fail "$load is missing; build it, or see --build"

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# wait_for PORT PID LOG: until somebody listens there. Valgrind needs a while.
wait_for() {
    tries=0
    until python3 -c "import socket; socket.create_connection(('127.0.0.1', $1), 1)" 2>/dev/null; do
        kill -0 "$2" 2>/dev/null || fail "it ended: $(tail -c 600 "$3")"
        tries=$((tries + 1))
        [ $tries -lt 300 ] || fail "nobody listens on port $1: $(tail -c 600 "$3")"
        sleep 0.1
    done
}

# start_gateway KIND [WRAPPER...]: sets gateway_pid and port.
start_gateway() {
    case $1 in
        *-tls)
            scheme=https at=127.0.0.1:$tls_upstream_port server_tls="tls: { certificate: $certificate, key: $private_key }"
            provider_tls="ca_file: $certificate" ;;
        *) scheme=http at=127.0.0.1:$upstream_port server_tls= provider_tls= ;;
    esac
    shift
    port=$(free_port)
    sed -e "s|\$port|$port|; s|\$admin_port|$(free_port)|; s|\$scheme|$scheme|; s|\$upstream|$at|; s|\$key|$key|" \
        -e "s|\$log|$folder/access.log|; s|\$server_tls|$server_tls|; s|\$provider_tls|$provider_tls|" \
        bench/load/sluice.yaml > "$folder/sluice.yaml"
    started=$(printf '%s' "$gateway" | sed "s|{config}|$folder/sluice.yaml|; s|{port}|$port|; s|{upstream_port}|$upstream_port|")
    "$@" $started > "$folder/gateway.log" 2>&1 &
    gateway_pid=$!
    wait_for "$port" "$gateway_pid" "$folder/gateway.log"
}

stop_gateway() { stop "$gateway_pid"; gateway_pid=; }

# work KIND COUNT: so many units. KINDs: what the tables below say.
work() {
    transport=
    case $1 in *-tls) transport=--tls ;; esac
    case ${1%-tls} in
        1k-c1) set -- json -c 1 -n "$2" --body-bytes 1024 --lab '{"precomputed":true,"tokens":16}' ;;
        1k-c64) set -- json -c 64 -n "$2" --body-bytes 1024 --lab '{"precomputed":true,"tokens":16}' ;;
        100k-c1) set -- json -c 1 -n "$2" --body-bytes 102400 --lab '{"precomputed":true,"tokens":16}' ;;
        # Slow enough for one chunk per wake-up, also under valgrind.
        chunk-paced) set -- stream -c 1 --events "$2" --lab "{\"tokens\":$2,\"rate\":200,\"precomputed\":true,\"chunk_bytes\":300}" ;;
    esac
    "$load" "$@" $transport --port "$port" --header "authorization: Bearer $key" > "$folder/load.json" || fail "sluice_load failed"
    python3 - "$folder/load.json" <<'CHECK' || fail "the load met errors: the figures would mean nothing"
import json, sys
result = json.loads(open(sys.argv[1]).read().strip().splitlines()[-1])
bad = result["errors"] or result["mismatched"] or set(result["statuses"]) != {"200"}
sys.exit(print(result, file=sys.stderr) or 1 if bad else 0)
CHECK
}

# instructions KIND COUNT: of the gateway's whole life with so many units.
instructions() {
    start_gateway "$1" valgrind --tool=callgrind --trace-children=yes --callgrind-out-file="$folder/callgrind.out"
    work "$1" "$2"
    stop_gateway
    sed -n 's/^\(summary\|totals\): \([0-9]*\).*/\2/p' "$folder/callgrind.out" | tail -n 1
}

# system_calls KIND COUNT: while it does so many units, after a warm-up.
system_calls() {
    start_gateway "$1"
    work "$1" 64
    strace -f -c -o "$folder/strace.out" -p "$gateway_pid" 2> "$folder/strace.log" &
    strace_pid=$!
    tries=0
    until grep -qs attached "$folder/strace.log" || [ $tries -ge 50 ]; do sleep 0.1; tries=$((tries + 1)); done
    work "$1" "$2"
    kill -TERM "$strace_pid"  # a background job of sh ignores INT
    wait "$strace_pid" 2>/dev/null || true
    stop_gateway
    cp "$folder/strace.out" "$folder/strace-$1.out"
    awk '$NF == "total" { print $4 }' "$folder/strace.out"
}

# row NAME HOW KIND FEWER MORE: the slope between two counts, so that what happens once doesn't count.
row() {
    few=$($2 "$3" "$4") many=$($2 "$3" "$5")
    [ -n "$few" ] && [ -n "$many" ] || fail "$1: nothing was counted"
    count=$(awk -v a="$few" -v b="$many" -v x="$4" -v y="$5" 'BEGIN { printf "%.1f", (b - a) / (y - x) }')
    printf '%s\t%s\n' "$1" "$count" >> "$folder/counts"
    printf '| %-38s | %10s |\n' "$1" "$count"
}

# upstream PORT [OPTION...]: sets started_pid.
upstream() {
    at=$1
    shift
    case $upstream in
        lab) "$build/sluice" lab --listen "127.0.0.1:$at" --threads 1 "$@" > "$folder/upstream-$at.log" 2>&1 & ;;
        canned) "$build/sluice_canned" --port "$at" "$@" > "$folder/upstream-$at.log" 2>&1 & ;;
        *) fail "--upstream is lab or canned" ;;
    esac
    started_pid=$!
    wait_for "$at" "$started_pid" "$folder/upstream-$at.log"
}

certificate=$folder/cert.pem private_key=$folder/key.pem
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=IP:127.0.0.1 -keyout "$private_key" -out "$certificate" 2> "$folder/openssl.log" || fail "no certificate"
upstream_port=$(free_port)
upstream "$upstream_port"
upstream_pid=$started_pid
tls_upstream_port=$(free_port)
upstream "$tls_upstream_port" --tls-certificate "$certificate" --tls-key "$private_key"
tls_upstream_pid=$started_pid

printf '| %-38s | %10s |\n|%s|%s:|\n' "per unit" "count" "----------------------------------------" "-----------"
if [ "$only" != strace ]; then
    command -v valgrind > /dev/null || fail "valgrind is not installed"
    row "instructions, 1 KB request, c1" instructions 1k-c1 500 1500
    row "instructions, 100 KB request, c1" instructions 100k-c1 100 300
    row "instructions, paced chunk" instructions chunk-paced 100 500
    row "instructions, 1 KB request, c1, TLS" instructions 1k-c1-tls 500 1500
    row "instructions, paced chunk, TLS" instructions chunk-paced-tls 100 500
fi
if [ "$only" != callgrind ]; then
    if command -v strace > /dev/null; then
        row "system calls, 1 KB request, c1" system_calls 1k-c1 500 2500
        row "system calls, 1 KB request, c64" system_calls 1k-c64 2000 10000
        row "system calls, 100 KB request, c1" system_calls 100k-c1 200 600
        row "system calls, paced chunk" system_calls chunk-paced 100 500
        row "system calls, 1 KB request, c1, TLS" system_calls 1k-c1-tls 500 2500
        row "system calls, paced chunk, TLS" system_calls chunk-paced-tls 100 500
    else
        echo "strace is not installed: no system calls" >&2
    fi
fi
[ -f "$folder/counts" ] || fail "nothing was counted"
python3 bench/counts.py "$folder/counts" "$command" "$json" "$check"
