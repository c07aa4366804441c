"""What the page adds to its network, in this machine's browser: `make bench-web`.

A camera of 640x480 (a film of a drawn person), 120 pictures, medians of one page.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path

import fake_camera
from chromium import Browser, executable

from poseport.tflite import shipped
from poseport.web import server, site

NAMES = ("tiny-float32", "deeppose-float32")
BUDGET = 0.20


def measured(name: str, folder: Path, film: Path) -> tuple[float, float, str]:
    """Median ms of the network and of everything else from the camera's picture to the skeleton, and the browser."""
    site.write(shipped.model(name), folder / "site")
    with server.server(folder / "site", 0) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        browser = Browser(folder, film=film)
        try:
            browser.open(f"http://127.0.0.1:{running.server_port}/")
            browser.wait("document.documentElement?.dataset.state === 'ready'")
            browser.run("document.getElementById('camera').click()")
            browser.wait("document.getElementById('frame').dataset.box")
            # WebAssembly is compiled a second time, faster, while it runs: those pictures leave the window of 120
            browser.wait("Number(document.getElementById('frame').dataset.looks) >= 240", 300)
            p50 = [
                float(browser.run(f"document.getElementById('{key}').textContent").split()[0])
                for key in ("network", "rest")
            ]
            return *p50, browser.call("Browser.getVersion")["product"]
        finally:
            browser.close()
            running.shutdown()


def main() -> None:
    """One line per network."""
    if executable() is None:
        sys.exit("no Chromium or Chrome is installed (CHROME=path names one)")
    with tempfile.TemporaryDirectory() as made:
        film = fake_camera.write_film(Path(made) / "film.y4m", fake_camera.frames((480, 640)))
        for name in NAMES:
            folder = Path(made) / name
            folder.mkdir()
            network, rest, program = measured(name, folder, film)
            print(
                f"page, {name}: network {network:.1f} ms, crop to skeleton {rest:.1f} ms: {rest / network:.0%}"
                f" (budget {BUDGET:.0%}; {program}, Wasm, one thread)"
            )


if __name__ == "__main__":
    main()
