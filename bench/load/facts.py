"""What a reader of figures must know: machine, versions, method."""

import datetime
import os
import pathlib
import platform
import re
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def output(*command):
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return (done.stdout or done.stderr).strip()
    except OSError:
        return ""


def version(*command):
    found = re.search(r"\d+\.\d[\w.+-]*", output(*command))
    return found.group() if found else None


def facts(options, sluice):
    """`sluice`: the binary, asked for its version."""
    model = [line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")]
    search = {"PATH": os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin"}
    os.environ.update(search)
    versions = {"sluice": version(sluice, "--version"), "nginx": version("nginx", "-v"), "openssl": version("openssl", "version")}
    if "haproxy" in options.peer:
        versions["haproxy"] = version("haproxy", "-v")
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "commit": output("git", "rev-parse", "--short", "HEAD"),
        "changed_files": len(output("git", "status", "--porcelain", "--untracked-files=no", "--", "core", "config",
                                    "providers", "server", "CMakeLists.txt").splitlines()),
        "versions": versions,
        "machine": {"cpu": model[0] if model else platform.machine(), "cpus": os.cpu_count(),
                    "kernel": platform.release(),
                    "memory_mib": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20},
        "method": {"rounds": options.rounds, "seconds": options.seconds, "upstream": options.upstream,
                   "proxy_cpu": options.proxy_cpu, "load_cpu": options.load_cpu,
                   "median": "of the 60 % of the rounds in which others used the least CPU"},
    }
