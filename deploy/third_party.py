#!/usr/bin/env python3
"""Lists what a binary is made of beside our own code: libraries it links, and code that is compiled in.

    deploy/third_party.py build/release/sluice > docs/reference/third-party.md

Versions and licences are those of the installed Debian packages (`Files: *` of /usr/share/doc/PACKAGE/copyright). The
notices themselves are in the container image, in the same place (Boost's licence asks for none with a program).
"""
import os
import re
import subprocess
import sys

# Packages whose copyright file is prose, or has the library apart from `Files: *`: what it says about the library itself.
IN_PROSE = {
    "libgnutls30": "LGPL-2.1+",
    "libgssapi-krb5-2": "MIT Kerberos",
    "libidn2-0": "LGPL-3+ or GPL-2+",
    "libk5crypto3": "MIT Kerberos",
    "libkeyutils1": "LGPL-2+",
    "libkrb5-3": "MIT Kerberos",
    "libkrb5support0": "MIT Kerberos",
    "libtasn1-6": "LGPL-2.1+",
    "libc6": "LGPL-2.1+",
    "libgcc-s1": "GPL-3.0+ with GCC Runtime Library Exception",
    "libstdc++6": "GPL-3.0+ with GCC Runtime Library Exception",
}
COMPILED_IN = [
    ("Boost.Asio, Boost.Beast, Boost.System", "libboost1.81-dev"),
    ("nlohmann/json", "nlohmann-json3-dev"),
    ("CLI11", "libcli11-dev"),
    ("SQLite", "libsqlite3-dev"),  # its archive, not only headers
]
# Loaded only where a PostgreSQL URL is configured (docs/decisions/0012).
LOADED_WHEN_NEEDED = "libpq.so.5"


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def package_of(path):
    """Debian 12 knows some files below /lib and finds them below /usr/lib."""
    real = os.path.realpath(path)
    for name in (real, real.removeprefix("/usr")):
        said = subprocess.run(["dpkg", "-S", name], capture_output=True, text=True)
        if said.returncode == 0:
            return said.stdout.split(":")[0]
    sys.exit(f"no package has {path}")


def version_of(package):
    return output_of("dpkg-query", "-W", "-f", "${Version}", package)


def licence_of(package):
    if package in IN_PROSE:
        return IN_PROSE[package]
    text = open(f"/usr/share/doc/{package}/copyright").read()
    for stanza in re.split(r"\n\s*\n", text):
        if re.search(r"^Files:\s*\*\s*$", stanza, re.M):
            return re.search(r"^License:\s*(.+)$", stanza, re.M)[1].strip()
    sys.exit(f"{package}: no licence for `Files: *`; write what its copyright file says into IN_PROSE")


def libraries_of(path):
    """Name -> place, of all that the loader brings with it."""
    return dict(re.findall(r"^\s*(\S+) => (\S+)", output_of("ldd", path), re.M))


def place_of(library):
    found = re.search(rf"=> (/\S+/{re.escape(library)})$", output_of("/sbin/ldconfig", "-p"), re.M)
    return found[1] if found else sys.exit(f"{library} is not installed")


def print_libraries(places):
    print("| library | package | version | licence |\n|---|---|---|---|")
    for name, place in places.items():
        package = package_of(place)
        print(f"| `{name}` | {package} | {version_of(package)} | {licence_of(package)} |")


def main():
    binary = sys.argv[1]
    needed = re.findall(r"\(NEEDED\)\s+Shared library: \[([^]]+)\]", output_of("readelf", "-d", binary))
    places = libraries_of(binary)
    print("# Third-party code in the release\n")
    print("Written by `deploy/third_party.py build/release/sluice`; do not edit. Versions are those of Debian 12 at the time:")
    print("its security updates replace the libraries without a new build of the gateway.\n")
    print("## Libraries that the binary links\n")
    print_libraries({name: places[name] for name in needed})
    print("\n## Libraries that are loaded where a PostgreSQL URL is configured\n")
    client = place_of(LOADED_WHEN_NEEDED)
    brought = {name: place for name, place in libraries_of(client).items() if name not in places}
    print_libraries({LOADED_WHEN_NEEDED: client, **brought})
    print("\n## Code that is compiled in\n")
    print("Of the last one the whole library, of the others headers. A fix of theirs needs a new build.\n")
    print("| code | package | version | licence |\n|---|---|---|---|")
    for code, package in COMPILED_IN:
        print(f"| `{code}` | {package} | {version_of(package)} | {licence_of(package)} |")


if __name__ == "__main__":
    main()
