"""What the release binary brings with it, and what it does before anybody asks for anything (R28)."""

import re
import shutil
import subprocess

import pytest
from harness import BINARY, ROOT, Gateway, config

pytestmark = pytest.mark.release_only

LISTED = ROOT / "docs/reference/third-party.md"
MOST_LIBRARIES = 10


def needed(path):
    said = subprocess.run(["readelf", "-d", path], capture_output=True, text=True, check=True).stdout
    return re.findall(r"\(NEEDED\)\s+Shared library: \[([^]]+)\]", said)


def test_it_links_few_libraries_and_all_of_them_are_listed():
    libraries = needed(BINARY)
    assert 0 < len(libraries) <= MOST_LIBRARIES, libraries
    listed = set(re.findall(r"^\| `(lib[^`]+\.so[^`]*)` \|", LISTED.read_text(), re.M))
    assert set(libraries) <= listed, sorted(set(libraries) - listed)


def test_every_listed_library_has_a_version_and_a_licence():
    rows = re.findall(r"^\| `[^`]+` \|.*$", LISTED.read_text(), re.M)
    assert rows
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 4 and all(cells), row


def test_no_path_of_the_build_machine_is_in_it():
    assert str(ROOT).encode() not in BINARY.read_bytes()


@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_it_starts_without_a_connection_another_program_or_a_file_to_write(tmp_path, lab):
    trace = tmp_path / "trace"
    strace = ["strace", "-D", "-f", "-o", trace, "-e", "trace=connect,execve,open,openat,sendto,sendmsg"]
    if subprocess.run([*strace, "true"], capture_output=True).returncode != 0:
        pytest.skip("strace may not trace here")
    with Gateway(tmp_path, config(lab), under=strace) as gateway:
        at_start = trace.read_text()
        assert gateway.chat().status == 200
        later = trace.read_text()[len(at_start):]
    assert re.findall(r"connect\(.*|send(?:to|msg)\(.*", at_start) == []
    assert at_start.count("execve(") == 1, re.findall(r"execve\(.*", at_start)
    written = [line for line in at_start.splitlines() if re.search(r"O_WRONLY|O_RDWR|O_CREAT", line)]
    assert all("gateway.ports" in line for line in written), written
    # The trace does see connections: the request needed one, to the configured provider and nowhere else.
    ports = set(re.findall(r"sin6?_port=htons\((\d+)\)", "\n".join(re.findall(r"connect\(.*", later))))
    assert ports == {str(lab.port)}, later
