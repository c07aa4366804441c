"""Which files the page takes, and what it writes; without a browser."""

from __future__ import annotations

import json
import re
import sys
import threading
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import run
from places import ROOT

from poseport.spec import CoordsOutput, Refine
from poseport.tflite import model_file, shipped
from poseport.web import litert_js, server, site

COORDS = shipped.model("deeppose-float32")  # runs as it is: no decoder has to be added


@pytest.fixture
def cut_off(tmp_path: Path) -> Path:
    path = tmp_path / "cut.tflite"
    path.write_bytes(COORDS.read_bytes()[:-100])
    return path


def test_a_file_with_float_ends_is_taken_byte_for_byte() -> None:
    data, card, added = site.runnable(COORDS)
    assert (data, added) == (COORDS.read_bytes(), False)
    assert card.spec.output.kind == "coords"


def test_integer_ends_are_refused_with_the_recipe_to_take() -> None:
    for name, recipe in (
        ("starter", "mixed-float32-floatio"),
        ("tiny", "int8-floatio"),
        ("deeppose", "int8-floatio"),
    ):
        words = run("web", name, "--out", "never", code=1)
        assert "takes or gives int8, and LiteRT.js takes float32 only" in words
        assert f"--recipe {recipe} --head keypoints" in words
        assert not Path("never").exists()


def test_the_recipe_that_is_named_exists(tmp_path: Path) -> None:
    from poseport.convert.recipes import RECIPES

    data, card = model_file.read(shipped.model("deeppose"))
    flatbuffer = data[: data.rindex(b"PK\x03\x04")]
    for name, recipe in RECIPES.items():
        if recipe.io == "float32":
            continue
        path = tmp_path / "m.tflite"
        model_file.write(path, flatbuffer, replace(card, conversion=replace(card.conversion, recipe=name)))
        with pytest.raises(ValueError, match="LiteRT") as refused:
            site.runnable(path)
        named = re.search(r"--recipe (\S+)", str(refused.value))
        assert named
        assert RECIPES[named[1]].io == "float32"


def test_files_that_are_no_pose_network_are_refused_in_the_toolkits_words(tmp_path: Path, cut_off: Path) -> None:
    out = tmp_path / "out"
    text = tmp_path / "text.tflite"
    text.write_text("no network at all")
    bare = tmp_path / "bare.tflite"
    data = COORDS.read_bytes()
    bare.write_bytes(data[: data.rindex(b"PK\x03\x04")])
    assert "not a TFLite file" in run("web", text, "--out", out, code=1)
    assert "carries no poseport.json" in run("web", bare, "--out", out, code=1)
    assert "cut off" in run("web", cut_off, "--out", out, code=1)
    cascade, card = tmp_path / "cascade.tflite", model_file.read(COORDS)[1]
    later = replace(card, spec=replace(card.spec, output=CoordsOutput(), padding=1.0, refine=Refine()))
    model_file.write(cascade, bare.read_bytes(), card, [model_file.pack(bare.read_bytes(), later)])
    assert "is a cascade" in run("web", cascade, "--out", out, code=1)
    assert not out.exists()


def test_heatmaps_without_tensorflow_name_both_ways_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "poseport.convert.graph.decoder_head", None)
    with pytest.raises(ValueError, match=r"--head keypoints.*poseport\[convert\]"):
        site.runnable(shipped.model("tiny-float32"))


def test_nothing_of_the_users_is_overwritten(litert: dict[str, bytes], tmp_path: Path) -> None:
    out = tmp_path / "site"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert "holds other files" in run("web", COORDS, "--out", out, code=1)
    assert [path.name for path in out.iterdir()] == ["mine.txt"]
    (out / "mine.txt").unlink()
    run("web", COORDS, "--out", out)
    (out / "CNAME").write_text("example.org")  # such as a host of static pages wants it
    about = json.loads(run("web", COORDS, "--out", out, "--json"))
    assert about["bytes"] == COORDS.stat().st_size
    assert (out / "CNAME").read_text() == "example.org"
    assert "is a file" in run("web", COORDS, "--out", out / "CNAME", code=1)


def test_a_page_names_no_other_host_and_its_notices_are_complete(litert: dict[str, bytes], tmp_path: Path) -> None:
    site.write(COORDS, tmp_path / "site")
    html = (tmp_path / "site/index.html").read_text()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy
    assert policy[1].startswith("default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; ")
    for name in ("index.html", "style.css", "app.js", "network.js", "drawing.js", "pose.js", "litert/index.js"):
        source = (tmp_path / "site" / name).read_text()
        assert not re.search(r"""(?:from|import\(|fetch\(|src=|href=|url\()\s*["'(]?(?:https?:)?//""", source), name
    assert "LiteRT.js" in (tmp_path / "site/NOTICE.txt").read_text()
    assert (tmp_path / "site/LICENSE.txt").read_text() == (ROOT / "LICENSE").read_text()


def test_every_package_is_pinned_by_its_digest() -> None:
    for folder in (litert_js.PAGE, ROOT / "tests/web"):
        packages = json.loads((folder / "package-lock.json").read_text())["packages"]
        assert len(packages) > 1
        for name, package in packages.items():
            assert not name or package["integrity"].startswith("sha512-"), name
            wanted = {**package.get("dependencies", {}), **package.get("devDependencies", {})}
            assert name or all(re.fullmatch(r"[\d.]+", version) for version in wanted.values())


def test_without_npm_one_line_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    words = run("web", COORDS, "--out", tmp_path / "site", code=1)
    assert "npm was not found" in words
    assert "Node.js 18" in words
    assert not (tmp_path / "site").exists()


def test_the_server_is_reached_from_this_machine_only_and_serves_wasm(tmp_path: Path) -> None:
    (tmp_path / "a.wasm").write_bytes(b"\0asm")
    (tmp_path / "a.js").write_text("1")
    with server.server(tmp_path, 0) as running:
        assert running.server_address[0] == "127.0.0.1"
        threading.Thread(target=running.serve_forever, daemon=True).start()
        for name, kind in (("a.wasm", "application/wasm"), ("a.js", "text/javascript")):
            with urllib.request.urlopen(f"http://127.0.0.1:{running.server_port}/{name}") as answer:
                assert answer.headers["Content-Type"] == kind
        with pytest.raises(ValueError, match="--port"):
            server.server(tmp_path, running.server_port)
        running.shutdown()


def test_serve_needs_a_page(tmp_path: Path) -> None:
    assert "no MODEL was given" in run("web", "--out", tmp_path, code=1)
    assert "--out is missing" in run("web", COORDS, code=1)
    assert "holds no page" in run("web", "--out", tmp_path, "--serve", code=1)
