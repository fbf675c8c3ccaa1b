# syntax=docker/dockerfile:1
# Two stages: Debian 12 with the compilers builds; the final image holds the binary, the shared libraries that it
# links, the CA certificates and nothing else: no shell, no package manager, nothing to write to.
#
#   docker build -t sluice .
#   docker run --rm --network host -e OPENAI_API_KEY sluice
#   docker run --rm -p 8080:8080 -v "$PWD/sluice.yaml:/etc/sluice/sluice.yaml:ro" --read-only --cap-drop ALL sluice

FROM debian:bookworm-slim AS build
WORKDIR /src
COPY deploy/install.sh deploy/
RUN bash deploy/install.sh build && rm -rf /var/lib/apt/lists/*
COPY . .
RUN bash deploy/build.sh release sluice

# The final root: `ldd` lists the libraries, loader included, of the binary and of the client of PostgreSQL, which it
# loads by itself; each keeps its path and brings its package's notices, and so do the headers that are compiled in
# (docs/reference/third-party.md; Boost's licence asks for none with a program).
# dpkg knows some paths only without /usr.
RUN set -eu; \
    root=/image; \
    notices() { install -D -m 644 "/usr/share/doc/$1/copyright" "$root/usr/share/doc/$1/copyright"; }; \
    install -D -m 755 build/release/sluice $root/usr/bin/sluice; \
    strip $root/usr/bin/sluice; \
    libpq=$(/sbin/ldconfig -p | grep -oE '/[^ ]+/libpq\.so\.5$'); \
    { ldd build/release/sluice; ldd "$libpq"; echo "$libpq"; } | grep -oE '/[^ ]+' | sort -u | while read -r library; do \
        file=$(realpath "$library"); \
        install -D -m 755 "$file" "$root$library"; \
        package=$( (dpkg -S "$file" || dpkg -S "${file#/usr}") 2>/dev/null | cut -d: -f1); \
        notices "$package"; \
    done; \
    for package in nlohmann-json3-dev libcli11-dev libsqlite3-dev; do notices "$package"; done; \
    install -D -m 644 /etc/ssl/certs/ca-certificates.crt $root/etc/ssl/certs/ca-certificates.crt; \
    install -D -m 644 LICENSE $root/usr/share/doc/sluice/LICENSE; \
    echo 'sluice:x:65532:65532:Sluice:/:/usr/bin/sluice' >$root/etc/passwd; \
    echo 'sluice:x:65532:' >$root/etc/group; \
    echo 'hosts: files dns' >$root/etc/nsswitch.conf; \
    mkdir -p $root/etc/sluice; \
    $root/usr/bin/sluice version

FROM scratch
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="OpenAI-compatible gateway for language-model APIs" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /image/ /
ENV SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
USER 65532:65532
EXPOSE 8080 9090
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 CMD ["/usr/bin/sluice", "health"]
ENTRYPOINT ["/usr/bin/sluice"]
CMD ["run"]
