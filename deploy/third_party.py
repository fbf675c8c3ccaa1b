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

# Packages whose copyright file is prose: what it says about the library itself.
IN_PROSE = {
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


def main():
    binary = sys.argv[1]
    needed = re.findall(r"\(NEEDED\)\s+Shared library: \[([^]]+)\]", output_of("readelf", "-d", binary))
    places = dict(re.findall(r"^\s*(\S+) => (\S+)", output_of("ldd", binary), re.M))
    print("# Third-party code in the release\n")
    print("Written by `deploy/third_party.py build/release/sluice`; do not edit. Versions are those of Debian 12 at the time:")
    print("its security updates replace the libraries without a new build of the gateway.\n")
    print("## Libraries that the binary links\n")
    print("| library | package | version | licence |\n|---|---|---|---|")
    for name in needed:
        package = package_of(places[name])
        print(f"| `{name}` | {package} | {version_of(package)} | {licence_of(package)} |")
    print("\n## Code that is compiled in\n")
    print("Of the last one the whole library, of the others headers. A fix of theirs needs a new build.\n")
    print("| code | package | version | licence |\n|---|---|---|---|")
    for code, package in COMPILED_IN:
        print(f"| `{code}` | {package} | {version_of(package)} | {licence_of(package)} |")


if __name__ == "__main__":
    main()
