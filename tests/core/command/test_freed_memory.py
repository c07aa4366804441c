"""A process that keeps what it frees does not ask the system for it again."""

import os
import subprocess
import sys

import pytest

# page faults of making and freeing an array for the second time; 64 MB are 16,384 pages
PROGRAM = """
import resource, sys
import numpy as np
from poseport.command.memory import keep_freed_memory
if sys.argv[1] == "kept":
    keep_freed_memory()
np.ones(8 << 20)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
np.ones(8 << 20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    # without huge pages, of which one fault would fetch 512 pages at once
    environment = {**os.environ, "NUMPY_MADVISE_HUGEPAGE": "0"}
    command = [sys.executable, "-c", PROGRAM, how]
    return int(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="of glibc, which other systems do not have")
def test_freed_memory_is_used_again():
    assert faults("kept") < 100
    if os.confstr("CS_GNU_LIBC_VERSION"):
        assert faults("returned") > 1000
