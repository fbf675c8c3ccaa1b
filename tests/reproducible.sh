#!/usr/bin/env bash
# Builds the release twice from nothing, in two folders of different names and with other surroundings each time, without
# the compiler cache, and compares the two binaries byte by byte (R28).
#   tests/reproducible.sh [FOLDER]       default: build/reproducible
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(realpath -m "${1:-build/reproducible}")
first=$work/one second=$work/another-and-longer-name
mkdir -p "$first" "$second"

# What git knows, as it is in the work tree: also changes that are not committed yet.
copy() {
    rm -rf "${1:?}"
    mkdir -p "$1"
    git ls-files -z --cached --others --exclude-standard | while IFS= read -r -d '' file; do
        [ ! -e "$file" ] || printf '%s\0' "$file"
    done | tar -c --null -T - | tar -x -C "$1"
}

build() { (cd "$1" && shift && env CCACHE_DISABLE=1 "$@" bash deploy/build.sh release sluice); }

copy "$first" && build "$first" TZ=UTC LC_ALL=C
sleep 1  # another second, for whatever writes the time
(umask 077 && copy "$second" && build "$second" TZ=Asia/Tokyo LC_ALL=C.UTF-8 CMAKE_BUILD_PARALLEL_LEVEL=1)

one=$first/build/release/sluice another=$second/build/release/sluice
sha256sum "$one" "$another"
if cmp -s "$one" "$another"; then
    echo "reproducible: two builds from nothing are the same $(stat -c %s "$one") bytes"
    rm -rf "$work"
    exit 0
fi
echo "not reproducible; sections that differ:"
for section in $(readelf -SW "$one" | grep -oE '\] \.[a-z_.]+' | cut -c3-); do
    for file in "$one" "$another"; do
        objcopy -O binary --only-section="$section" "$file" "$file.part" 2>/dev/null || true
    done
    cmp -s "$one.part" "$another.part" || echo "  $section"
done
exit 1
