"""LiteRT.js, which runs .tflite files in browsers. npm downloads it once, pinned by the digests of a lock file."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

PAGE = Path(__file__).parent / "page"
_LOCKED = ("package.json", "package-lock.json")
# plain; for browsers without relaxed SIMD, as iPhones have them; for WebGPU together with WebAssembly
_BUILDS = ("litert_wasm_internal", "litert_wasm_compat_internal", "litert_wasm_jspi_internal")
_IMPORT = b'from "@litertjs/wasm-utils"'


def files() -> dict[str, bytes]:
    """Read the files that a page needs, downloading them the first time.

    The one import between the two packages is made relative, so that a page needs no bundler.

    Returns:
        Name in the page's folder `litert` -> content.

    Raises:
        ValueError: if npm is missing or fails, or if the packages hold other files than expected.
    """
    packages = _installed() / "node_modules" / "@litertjs"
    try:
        found = {
            "index.js": (packages / "core/dist/index.js").read_bytes(),
            "wasm-utils.js": (packages / "wasm-utils/dist/index.js").read_bytes(),
        }
        for build in _BUILDS:
            for name in (f"{build}.js", f"{build}.wasm"):
                found[name] = (packages / "core/wasm" / name).read_bytes()
    except OSError as error:
        raise ValueError(f"{error.filename}: cannot be read ({error.strerror}); delete {packages.parents[1]}") from None
    if found["index.js"].count(_IMPORT) != 1:
        raise ValueError(f"{packages / 'core/dist/index.js'}: is not the pinned version; delete {packages.parents[1]}")
    found["index.js"] = found["index.js"].replace(_IMPORT, b'from "./wasm-utils.js"')
    return found


def _installed() -> Path:
    """The folder in the user's cache that holds `node_modules`; its name changes with the lock file."""
    digest = hashlib.sha256((PAGE / "package-lock.json").read_bytes()).hexdigest()[:12]
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "poseport"
    folder = cache / f"litert-js-{digest}"
    if folder.is_dir():
        return folder
    npm = shutil.which("npm")
    if npm is None:
        raise ValueError(
            "npm was not found; `poseport web` needs it once to download LiteRT.js (20 MB): install Node.js 18 or newer"
        )
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as made:
        work = Path(made) / "work"
        work.mkdir()
        for name in _LOCKED:
            shutil.copyfile(PAGE / name, work / name)
        command = [npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        done = subprocess.run(command, cwd=work, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode:
            lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            why = lines[0].strip()[:200] if lines else f"exit code {done.returncode}"
            raise ValueError(f"npm could not download LiteRT.js ({why}); check the network and npm's registry")
        try:
            os.rename(work, folder)
        except OSError:
            if not folder.is_dir():  # another command was faster
                raise
    return folder
