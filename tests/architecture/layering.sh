#!/usr/bin/env bash
# Fails when a file includes what its folder may not. Runs from the source root.
# A rule: <regex of files> <regex of forbidden includes> <why>.
set -u
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
status=0
while read -r files include why; do
    [ -n "$files" ] || continue
    hits=$(find core config providers server -name '*.[hc]pp' | grep -E "$files" |
        xargs -r grep -nHE "^ *# *include +$include")
    [ -z "$hits" ] || { printf 'layering: %s\n%s\n' "$why" "$hits"; status=1; }
done <<'RULES'
^core/                          "(server|config|providers)/                       core knows nothing above it
^providers/                     "(server|config)/                                 a provider is given values, never files or sockets
^config/                        "(server|providers)/                              config names providers, it does not call them
^core/types/                    "core/(stream|policy|pipeline)/                   types are what everything else is made of
^core/stream/                   "core/(policy|pipeline)/                          a stream knows no decisions and no request path
^core/policy/                   "core/pipeline/                                   a decision knows no request path
^server/(net|http|lab)/         "server/(api|upstream|observe|admin|cli)/         transport knows no endpoint
^server/upstream/               "server/(api|observe|admin|cli|lab)/              the upstream side knows no endpoint
^core/(types|stream|policy)/    <(boost/(asio|beast)|nlohmann)                    the decisions do no I/O
^core/                          <(boost/beast|openssl|sqlite3|libpq|hiredis|yaml-cpp|prometheus)   core opens no socket, file or database
^(core|providers|config)/       <(sys/socket|netdb|netinet/|arpa/|sys/epoll|unistd)  only server touches the world
\.hpp$                          <(boost/beast|nlohmann/json\.hpp|simdjson|yaml-cpp|prometheus|sqlite3|libpq|hiredis)  heavy headers stay in .cpp files
RULES
exit $status
