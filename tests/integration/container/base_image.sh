#!/usr/bin/env bash
# Makes docker.io/library/debian:bookworm-slim out of the Debian mirror that this machine uses, where no image registry
# can be reached: debootstrap, then an import into buildah's own store. Done once; the image in the store is the stamp.
#   base_image.sh [work-folder]
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive
name=docker.io/library/debian:bookworm-slim
work=${1:-${TMPDIR:-/tmp}/sluice-base-image}

if buildah inspect --type image "$name" >/dev/null 2>&1; then
    echo "base image: $name is there"
    exit 0
fi

mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -v security | head -n 1)
[ -n "$mirror" ] || { echo "base image: apt has no package lists; run apt-get update" >&2; exit 1; }

root=$work/rootfs
rm -rf "$work"
mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
echo "base image: debootstrap bookworm"
debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "$mirror" >"$work/log" 2>&1 ||
    { tail -n 20 "$work/log" >&2; exit 1; }

# The build stage runs apt-get, which must find the same mirror, trusted in the same way, as the machine itself.
rm -f "$root"/etc/apt/sources.list "$root"/etc/apt/sources.list.d/*
cp -L /etc/apt/sources.list "$root/etc/apt/" 2>/dev/null || true
cp -L /etc/apt/sources.list.d/*.sources /etc/apt/sources.list.d/*.list "$root/etc/apt/sources.list.d/" 2>/dev/null || true
for file in $(grep -lsE 'Acquire|Proxy' /etc/apt/apt.conf /etc/apt/apt.conf.d/* || true); do
    install -D -m 644 "$file" "$root$file"
done
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt" 2>/dev/null || true
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/man/*
find "$root/usr/share/doc" -type f ! -name copyright -delete  # as the real image: the notices stay

echo "base image: import as $name"
container=$(buildah from scratch)
tar -C "$root" -cf "$work/rootfs.tar" .
buildah add --quiet "$container" "$work/rootfs.tar" / >/dev/null
buildah config --cmd bash "$container"
buildah commit --quiet "$container" "$name" >/dev/null
buildah rm "$container" >/dev/null
