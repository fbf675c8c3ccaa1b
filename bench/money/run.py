#!/usr/bin/env python3
"""What keys, limits, budgets and the ledger cost: the same gateway with and without them, in turns.

    bench/money/run.py --rounds 5 --seconds 2        after deploy/build.sh release sluice sluice_load

One worker, a thousand clients in a closed loop, answers of 1 KB from an upstream that takes 20 ms for each: what is
short is CPU, not the time that a disk takes. Prints requests a second (which the machine's other work disturbs) and CPU
time of the gateway for each request (which it disturbs less), and the ratio.
"""
import argparse
import json
import os
import pathlib
import socket
import statistics
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
KEY = "a-key-for-the-benchmark"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def start(command, port, folder, name):
    with open(folder / f"{name}.log", "wb") as log:
        process = subprocess.Popen([str(part) for part in command], stdout=log, stderr=log, cwd=folder)
    until = time.monotonic() + 15
    while not listens(port):
        if process.poll() is not None or time.monotonic() > until:
            raise SystemExit(f"{name} did not start: {(folder / f'{name}.log').read_text()[-2000:]}")
        time.sleep(0.05)
    return process


def gateway(build, folder, upstream, name, more):
    port = free_port()
    settings = {
        "version": 1,
        "server": {"listen": f"127.0.0.1:{port}", "admin_listen": f"127.0.0.1:{free_port()}", "workers": 1},
        "providers": {"upstream": {"type": "openai", "base_url": f"http://127.0.0.1:{upstream}/v1", "api_key": "none",
                                   "pool": {"max_open": 10000, "max_idle": 10000}}},
        "models": {"fast": "upstream/later"},
        "prices": {"upstream/later": {"input": 1, "output": 10}},
        "telemetry": {"access_log": "none"},
        **more,
    }
    path = folder / f"{name}.yaml"
    path.write_text(json.dumps(settings))
    return start([build / "sluice", "run", "-c", path], port, folder, name), port


def measure(options, process, port, seconds):
    before, begun = cpu_seconds(process.pid), time.monotonic()
    done = subprocess.run([str(options.build / "sluice_load"), "json", "--port", str(port), "-c", str(options.clients), "-t",
                           str(seconds), "--header", f"authorization: Bearer {KEY}"],
                          capture_output=True, text=True, check=True, timeout=seconds + 60)
    result = json.loads(done.stdout.strip().splitlines()[-1])
    count = result["statuses"].get("200", 0)
    assert count and set(result["statuses"]) == {"200"}, result["statuses"]
    return {"rps": count / (time.monotonic() - begun), "cpu_us": (cpu_seconds(process.pid) - before) * 1e6 / count}


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=5)
    arguments.add_argument("--seconds", type=float, default=2)
    arguments.add_argument("--clients", type=int, default=1000)
    arguments.add_argument("--delay", default="20ms", help="of the upstream")
    arguments.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    arguments.add_argument("--json", action="store_true")
    options = arguments.parse_args()
    key = {"name": "bench", "value": KEY}
    limited = {**key, "team": "all", "rate": {"rpm": "100M", "tpm": "100G", "concurrent": 100000},
               "budget": [{"usd": 900000, "per": "day"}, {"usd": 9000000, "per": "month"}]}
    with tempfile.TemporaryDirectory(prefix="sluice-bench-") as name:
        folder = pathlib.Path(name)
        upstream_port = free_port()
        scenarios = folder / "scenarios.yaml"
        scenarios.write_text(json.dumps({"scenarios": {"later": {"header_delay": options.delay, "answer_bytes": "1KB"}}}))
        running = [start([options.build / "sluice", "lab", "--listen", f"127.0.0.1:{upstream_port}", "--scenario", scenarios],
                         upstream_port, folder, "lab")]
        variants = {
            "keys alone": {"keys": [key]},
            "limits and budgets": {"keys": [limited], "teams": {"all": {"budget": {"usd": 900000, "per": "week"}}},
                                   "storage": {"database": f"sqlite://{folder}/ledger.db"}},
        }
        sides = {}
        try:
            for variant, more in variants.items():
                process, port = gateway(options.build, folder, upstream_port, variant.replace(" ", "-"), more)
                running.append(process)
                sides[variant] = (process, port, [])
                measure(options, process, port, 0.5)
            for _ in range(options.rounds):
                for process, port, results in sides.values():
                    results.append(measure(options, process, port, options.seconds))
        finally:
            for process in running:
                process.kill()
    figures = {variant: {what: statistics.median(result[what] for result in results) for what in ("rps", "cpu_us")}
               for variant, (_, _, results) in sides.items()}
    plain, full = figures.values()
    ratio = {"throughput": full["rps"] / plain["rps"], "cpu": full["cpu_us"] / plain["cpu_us"]}
    if options.json:
        return print(json.dumps({"figures": figures, "ratio": ratio}))
    for variant, figure in figures.items():
        print(f"{variant:20} {figure['rps']:9.0f} requests/s {figure['cpu_us']:7.1f} us of CPU each")
    print(f"{'ratio':20} {ratio['throughput']:9.2f}            {ratio['cpu']:7.2f}")


if __name__ == "__main__":
    main()
