"""What the tests of the page share: the page of a shipped network, a server, and a film of a drawn person."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import fake_camera
import numpy as np
import pytest
from chromium import Browser, executable

from poseport.tflite import shipped
from poseport.web import litert_js, server, site

NODE_AT_LEAST = 18


@pytest.fixture(scope="session")
def node() -> str:
    """Node.js of a version that the page's tools run on."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("Node.js is not installed")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").partition(".")[0]) < NODE_AT_LEAST:
        pytest.skip(f"Node.js {version.strip()} is older than {NODE_AT_LEAST}")
    return program


@pytest.fixture(scope="session")
def litert(node: str) -> dict[str, bytes]:
    """LiteRT.js, downloaded by npm."""
    try:
        return litert_js.files()
    except ValueError as error:
        if "npm" not in str(error):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def page(litert: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of tiny-float32, to which `site.write` adds the decoder."""
    folder = tmp_path_factory.mktemp("page") / "site"
    assert site.write(shipped.model("tiny-float32"), folder)["decoder_added"]
    return folder


@pytest.fixture
def served() -> Iterator:
    """A function: folder to its address on this machine."""
    running = []

    def serve(folder: Path) -> str:
        running.append(server.server(folder, 0))
        threading.Thread(target=running[-1].serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{running[-1].server_port}/"

    yield serve
    for one in running:
        one.shutdown()
        one.server_close()


@pytest.fixture(scope="session")
def drawn_frames() -> list[np.ndarray]:
    """A drawn person who moves to the right and back: RGB pictures."""
    return fake_camera.frames()


@pytest.fixture(scope="session")
def film(drawn_frames: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same as a file that Chromium takes for its camera."""
    return fake_camera.write_film(tmp_path_factory.mktemp("film") / "film.y4m", drawn_frames)


@pytest.fixture
def chromium(tmp_path: Path) -> Iterator:
    """A function that opens a browser (see `Browser`); all are closed at the end."""
    if executable() is None:
        pytest.skip("no Chromium or Chrome is installed (CHROME=path names one)")
    opened = []

    def open_browser(**how: object) -> Browser:
        opened.append(Browser(tmp_path / str(len(opened)), **how))
        return opened[-1]

    yield open_browser
    for one in opened:
        one.close()
