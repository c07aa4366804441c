"""The page in headless Chromium, with a film of a drawn person for a camera."""

from __future__ import annotations

import base64
import json
import os
import shutil
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import cv2
import numpy as np
import pytest

from poseport.people.follow import Follower
from poseport.tflite import model_file, shipped
from poseport.tflite.runner import load
from poseport.web import site

pytestmark = [pytest.mark.browser, pytest.mark.timeout(300)]
STATE = "document.documentElement?.dataset.state"
ROWS = "[...document.querySelectorAll('#rows tr')].map(r => [...r.cells].map(c => c.textContent))"
MESSAGE = "document.getElementById('message').textContent"
SCREENSHOTS = os.environ.get("POSEPORT_SCREENSHOTS")  # a folder, for those who look at the page
# LiteRT.js instantiates 36 bytes to find out
NO_RELAXED_SIMD = """const real = WebAssembly.instantiate;
WebAssembly.instantiate = (code, ...more) =>
    code.byteLength === 36 ? Promise.reject(new Error("no")) : real(code, ...more);"""
WIDTHS = {"phone": (390, 844), "laptop": (1280, 800)}


def opened(browser, address):
    browser.open(address)
    browser.wait(STATE)
    assert browser.run(STATE) == "ready", browser.run(MESSAGE)
    browser.run("document.querySelector('details').open = true")


def keypoints(browser, names=None):
    rows = browser.run(ROWS)
    if names is not None:
        assert [row[0] for row in rows] == list(names)
    return np.array([[float(v) for v in row[1:]] for row in rows])


def picture(browser):
    """The pixels that the page gave to the network, RGB."""
    data = base64.b64decode(browser.run("document.getElementById('frame').toDataURL()").partition(",")[2])
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)


def check_layout(browser, name):
    """Nothing is cut off at the sides, fingers hit the buttons, and everything that can be used has a name."""
    for width, height in (*WIDTHS.values(), (320, 640)):
        for dark in (False, True):
            browser.resize((width, height), dark)
            assert browser.run("document.documentElement.scrollWidth <= innerWidth")
            used = browser.run("""[...document.querySelectorAll('button, select, summary, a')]
                .filter(e => e.checkVisibility()).map(e => [e.id, e.innerText, e.getBoundingClientRect().toJSON()])""")
            for identity, label, box in used:
                assert label.strip(), identity
                assert box["left"] >= 0, identity
                assert box["right"] <= width, identity
                assert box["height"] >= 44 or identity == "", (identity, box)
            found = [key for key, size in WIDTHS.items() if size == (width, height)]
            if SCREENSHOTS and found:
                browser.screenshot(Path(SCREENSHOTS) / f"{name}.{found[0]}.{'dark' if dark else 'light'}.png")


def test_camera_and_photo_give_the_keypoints_of_python(page, served, chromium, film, drawn_frames, tmp_path) -> None:
    model = load(page / "model.tflite")
    browser = chromium(film=film)
    address = served(page)
    opened(browser, address)
    check_layout(browser, "empty")
    browser.run("document.getElementById('camera').click()")
    browser.wait(f"{STATE} === 'camera' && document.getElementById('frame').dataset.box")
    browser.wait("Number(document.getElementById('rate').textContent) > 0")
    check_layout(browser, "camera")
    browser.run("document.getElementById('pause').click()")
    browser.wait(f"{STATE} === 'paused'")
    found, seen = keypoints(browser, model.spec.skeleton.names), picture(browser)
    box = np.array([float(v) for v in browser.run("document.getElementById('frame').dataset.box").split()])
    # it follows the person in the film's own pictures
    assert min(np.abs(seen.astype(int) - frame).mean() for frame in drawn_frames) < 6
    assert (box[2:] < 0.9 * np.array(seen.shape[1::-1])).any()
    expected = model(seen, box[None])[0]
    assert (expected[:, 2] > 0.2).sum() >= 12
    assert np.abs(found[:, :2] - expected[:, :2]).max() < 0.5
    assert np.abs(found[:, 2] - expected[:, 2]).max() < 0.02
    assert browser.run("document.getElementById('ran').textContent").startswith(("Wasm", "WebGPU"))

    photo = tmp_path / "photo.png"
    cv2.imwrite(str(photo), drawn_frames[0][..., ::-1])
    browser.choose("#file", photo)
    browser.wait(f"{STATE} === 'photo'")
    assert (picture(browser) == drawn_frames[0]).all()
    expected = Follower(model)(drawn_frames[0])[0]
    found = keypoints(browser)
    assert np.abs(found[:, :2] - expected[:, :2]).max() < 0.5
    check_layout(browser, "photo")

    (tmp_path / "text.png").write_text("no picture")
    browser.choose("#file", tmp_path / "text.png")
    browser.wait(f"{STATE} === 'failed'")
    assert "not a picture" in browser.run(MESSAGE)

    outside = {url for url in browser.requests if not url.startswith((address, "about:", "blob:"))}
    assert outside == set()
    assert not any(url.endswith("LICENSE.txt") for url in browser.requests)
    assert not [line for line in browser.console if line.startswith("exception")]


def test_nothing_else_can_be_loaded(page, served, chromium) -> None:
    reached = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            reached.append(self.path)
            self.send_response(204)
            self.send_header("Access-Control-Allow-Origin", "*")
            self.end_headers()

    with HTTPServer(("127.0.0.1", 0), Handler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        elsewhere = f"http://127.0.0.1:{other.server_port}"
        browser = chromium()
        # as on an iPhone, whose WebAssembly has no relaxed SIMD: LiteRT.js takes its build for such browsers
        browser.call("Page.addScriptToEvaluateOnNewDocument", source=NO_RELAXED_SIMD)
        opened(browser, served(page))
        assert any("litert_wasm_compat_internal.wasm" in url for url in browser.requests)
        tries = [f"fetch('{elsewhere}/fetch', {{mode: 'no-cors'}})", f"import('{elsewhere}/import.js')"]
        for one in tries:
            assert browser.run(f"{one}.then(() => 'reached', () => 'refused')") == "refused"
        browser.run(f"navigator.sendBeacon('{elsewhere}/beacon', 'x')")
        image = f"const i = new Image(); i.onload = i.onerror = () => done(1); i.src = '{elsewhere}/image'"
        browser.run(f"new Promise(done => {{ {image} }})")
        other.shutdown()
    assert reached == []
    # and without a camera, the page says what to do
    browser.run("document.getElementById('camera').click()")
    browser.wait(f"{STATE} === 'failed'")
    assert "choose a photo" in browser.run(MESSAGE).lower()


def test_a_gpu_runs_what_it_can_and_is_compared_with_the_cpu(served, chromium, drawn_frames, tmp_path) -> None:
    site.write(shipped.model("deeppose-float32"), tmp_path / "site")
    browser = chromium(gpu=True)
    browser.open(served(tmp_path / "site"))
    if not browser.run("navigator.gpu?.requestAdapter().then(Boolean)"):
        pytest.skip("this Chromium emulates no GPU")
    browser.wait(f"{STATE} === 'ready'")
    browser.run("document.querySelector('details').open = true")
    assert browser.run("document.getElementById('ran').textContent").startswith("WebGPU")
    cv2.imwrite(str(tmp_path / "photo.png"), drawn_frames[0][..., ::-1])
    browser.choose("#file", tmp_path / "photo.png")
    browser.wait(f"{STATE} === 'photo'")
    found = keypoints(browser)
    assert browser.run("document.getElementById('ran').textContent").startswith("WebGPU")
    # the user takes the CPU instead
    browser.run("const s = document.getElementById('backend'); s.value = 'wasm'; s.dispatchEvent(new Event('change'))")
    browser.wait("document.getElementById('ran').textContent === 'Wasm (CPU)'")
    model = load(tmp_path / "site/model.tflite")
    expected = Follower(model)(drawn_frames[0])[0]
    assert np.abs(found[:, :2] - expected[:, :2]).max() < 5  # WebGPU computes in float16
    # a GPU that answers wrongly is told from the CPU
    wrong = """import('./network.js').then(n => {
        const right = Float64Array.from([10, 10, 1, 90, 90, 1]);
        const box = {x: 0, y: 0, width: 100, height: 100};
        const moved = right.map((v, i) => i === 0 ? v + 30 : v), broken = right.map((v, i) => i === 4 ? NaN : v);
        return [right, moved, broken].map(other => n.agreement(right, other, box)); })"""
    assert browser.run(wrong) == [True, False, False]


def test_hostile_text_in_a_card_stays_text_and_a_damaged_file_is_refused(
    page, served, chromium, drawn_frames, tmp_path
):
    data, card = model_file.read(page / "model.tflite")
    skeleton = card.spec.skeleton
    attack = "<img src=x onerror='window.pwned=1'>"
    names = tuple(f"{attack}{k}" for k in range(len(skeleton)))
    renamed = dict(zip(skeleton.names, names, strict=True))
    pairs = {
        field: tuple(tuple(renamed[name] for name in pair) for pair in getattr(skeleton, field))
        for field in ("flip_pairs", "limbs", "pcp_limbs")
    }
    hostile = replace(skeleton, name=attack, names=names, torso=None, head=None, **pairs)
    spec = replace(card.spec, name="</title><script>window.pwned=1</script>", skeleton=hostile)
    flatbuffer = data[: data.index(b"PK\x03\x04")]
    model_file.write(tmp_path / "hostile.tflite", flatbuffer, replace(card, spec=spec))
    folder = tmp_path / "site"
    site.write(tmp_path / "hostile.tflite", folder)
    browser = chromium()
    address = served(folder)
    opened(browser, address)
    cv2.imwrite(str(tmp_path / "photo.png"), drawn_frames[0][..., ::-1])
    browser.choose("#file", tmp_path / "photo.png")
    browser.wait(f"{STATE} === 'photo'")
    keypoints(browser, names)
    assert browser.run("document.getElementById('name').textContent") == spec.name
    assert browser.run("typeof window.pwned") == "undefined"
    assert browser.run("document.querySelectorAll('main img, aside img').length") == 1  # the page's own

    damaged = bytearray(data)
    damaged[len(damaged) // 2] ^= 1
    (folder / "model.tflite").write_bytes(damaged)
    browser.open(address)
    browser.wait(f"{STATE} === 'failed'")
    assert "model.tflite is damaged" in browser.run(MESSAGE)
    shutil.copy(page / "model.tflite", folder)
    about = json.loads((folder / "model.json").read_text())
    (folder / "model.json").write_text(json.dumps({**about, "file": "absent.tflite"}))
    browser.open(address)
    browser.wait(f"{STATE} === 'failed'")
    assert "absent.tflite could not be loaded" in browser.run(MESSAGE)
