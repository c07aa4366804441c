"""The page's own code in Node.js: the golden vectors, and its types."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from poseport.web import litert_js

HERE = Path(__file__).parent
GOLDEN = HERE.parent / "golden"
TSC = ("--noEmit", "--allowJs", "--checkJs", "--strict", "--skipLibCheck", "--target", "es2022", "--module", "esnext",
       "--moduleResolution", "bundler", "--lib", "es2022,dom,dom.iterable")  # fmt: skip


def test_the_golden_vectors(node: str) -> None:
    command = [node, str(HERE / "golden.mjs"), str(litert_js.PAGE), str(GOLDEN)]
    done = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    worst, counts = done["worst"], done["counts"]
    bounds = {
        "matrix": 1e-9, "crop, values that differ": 0, "crop with a rest, largest difference": 1, "input": 0,
        "crop from its region, values that differ": 0,
        "decode": 1e-4, "track": 1e-3, "track, lost": 0,
    }  # fmt: skip
    assert set(worst) == set(bounds)
    assert {what: value for what, value in worst.items() if not value <= bounds[what]} == {}
    assert counts["crop, values that differ"] >= 4
    assert counts["decode"] >= 100


@pytest.mark.browser
def test_the_types(node: str, litert: dict[str, bytes], tmp_path: Path) -> None:
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, tmp_path)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"npm could not install TypeScript: {done.stderr[:200]}")
    packages = litert_js._installed() / "node_modules/@litertjs"
    for path in litert_js.PAGE.glob("*.js"):
        shutil.copy(path, tmp_path)
    (tmp_path / "litert").mkdir()
    shutil.copy(packages / "core/dist/index.d.ts", tmp_path / "litert")
    (tmp_path / "node_modules/@litertjs").symlink_to(packages)
    checked = [tmp_path / "node_modules/.bin/tsc", *TSC, "app.js"]
    done = subprocess.run(checked, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "")
