"""Installs the other gateways, in pinned versions, into build/peers of this checkout and nowhere else."""

import filecmp
import os
import pathlib
import shutil
import subprocess

HERE = pathlib.Path(__file__).resolve().parent
FOLDER = HERE.parents[1] / "build/peers"
BIFROST = "github.com/maximhq/bifrost/transports/bifrost-http@v1.4.0"


class Unavailable(Exception):
    """Why a gateway cannot be measured here."""


def run(command, seconds, **options):
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=seconds, check=False, **options)
    except FileNotFoundError as missing:
        raise Unavailable(f"{command[0]} is not on this machine") from missing
    except subprocess.TimeoutExpired as late:
        raise Unavailable(f"{' '.join(map(str, command[:3]))} ... was not done after {seconds} s") from late
    if done.returncode != 0:
        last = [line for line in done.stdout.splitlines() if line.strip()][-1:] or ["no output"]
        raise Unavailable(f"{pathlib.Path(command[0]).name} failed: {last[0][:200]}")
    return done.stdout


def installed(lock, mark):
    return mark.exists() and filecmp.cmp(lock, mark, shallow=False)


def litellm():
    """The command's first words, and the version."""
    lock, folder = HERE / "litellm.txt", FOLDER / "litellm"
    if not installed(lock, folder / "installed"):
        run(["python3", "-m", "venv", "--clear", str(folder)], 240)
        run([str(folder / "bin/pip"), "install", "-q", "--disable-pip-version-check", "-r", str(lock)], 400)
        shutil.copy(lock, folder / "installed")
    pinned = [line.split("==")[1].strip() for line in lock.read_text().splitlines() if line.startswith("litellm==")]
    return [str(folder / "bin/litellm")], pinned[0]


def portkey():
    folder = FOLDER / "portkey"
    lock = HERE / "portkey/package-lock.json"
    if not installed(lock, folder / "installed"):
        folder.mkdir(parents=True, exist_ok=True)
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / "portkey" / name, folder)
        run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"], 300, cwd=folder)
        shutil.copy(lock, folder / "installed")
    package = folder / "node_modules/@portkey-ai/gateway"
    version = run(["node", "-p", "require('./package.json').version"], 20, cwd=package).strip()
    return ["node", str(package / "build/start-server.js")], version


def bifrost():
    program = FOLDER / "bifrost/bifrost-http"
    if not program.exists():
        program.parent.mkdir(parents=True, exist_ok=True)
        environment = os.environ | {"GOBIN": str(program.parent), "GOFLAGS": "-mod=mod"}
        try:
            run(["go", "install", BIFROST], 400, env=environment)
        except Unavailable as why:
            raise Unavailable(f"does not build from the Go module proxy ({BIFROST.rsplit('@', 1)[1]}): "
                              + ("it does not serve this module" if "not available" in str(why) else str(why))) from why
    return [str(program)], BIFROST.rsplit("@", 1)[1]


INSTALLERS = {"litellm": litellm, "portkey": portkey, "bifrost": bifrost}
