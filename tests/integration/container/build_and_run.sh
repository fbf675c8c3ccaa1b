#!/usr/bin/env bash
# Builds the Dockerfile for real with buildah, without a container engine or an image registry, and leaves a container of
# the final image, whose name it prints last. Exit 77 where the tools for it are missing.
#   build_and_run.sh build            -> prints the name of the container
#   build_and_run.sh exec NAME ...    -> runs the gateway in it as its own user
#   build_and_run.sh remove NAME
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../../.."
image=localhost/sluice:test

case ${1:?build, exec or remove} in
    build)
        for tool in buildah debootstrap; do
            command -v "$tool" >/dev/null || { echo "container: $tool is not installed" >&2; exit 77; }
        done
        [ "$(id -u)" = 0 ] || { echo "container: building without an engine needs root" >&2; exit 77; }
        bash tests/integration/container/base_image.sh >&2
        cache=${CCACHE_DIR:-$HOME/.cache/ccache}
        mkdir -p "$cache"
        buildah bud --isolation chroot --pull-never --format docker --layers \
            --volume "$cache:/root/.cache/ccache" \
            --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
            --tag "$image" . >&2
        buildah from --pull-never "$image"
        ;;
    exec)
        container=$2
        shift 2
        exec buildah run --isolation chroot "$container" -- /usr/bin/sluice "$@"
        ;;
    remove) buildah rm "$2" >/dev/null ;;
esac
