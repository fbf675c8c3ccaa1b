"""A sanitizer that is not looked at finds nothing: what the harness does with each report (R18)."""

import pytest
from harness import BINARY, Process

PLANTED = BINARY.parent / "tests/sanitizers/planted"
FAULTS = {"asan": ["leak", "freed", "overflow"], "tsan": ["race"]}.get(BINARY.parent.name, [])

pytestmark = pytest.mark.skipif(not FAULTS or not PLANTED.exists(), reason="this is not a build with a sanitizer")


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_that_a_sanitizer_finds_fails_the_test(tmp_path, fault):
    process = Process([PLANTED, fault], tmp_path, "planted")
    assert process.wait() != 0
    with pytest.raises(AssertionError, match="planted: .*Sanitizer|planted: .*runtime error"):
        process.stop()


def test_a_process_without_a_fault_passes(tmp_path):
    process = Process([PLANTED], tmp_path, "planted")
    assert process.wait() == 0
    process.stop()
