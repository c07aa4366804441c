"""The Gradle project, which only Android Studio runs, and the tools that build the APK here say the same."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

DEMO = Path(__file__).parents[2] / "android_demo"
ANDROID = "{http://schemas.android.com/apk/res/android}"
sys.path.insert(0, str(DEMO / "tools"))

import apk  # noqa: E402
import fetch  # noqa: E402
import project  # noqa: E402

GRADLE = (DEMO / "app" / "build.gradle.kts").read_text()
SOURCES = [path for path in (DEMO / "app" / "src").rglob("*.kt") if "test" not in path.relative_to(DEMO).parts]
MANIFEST = ElementTree.parse(project.MAIN / "AndroidManifest.xml").getroot()


def test_gradle_takes_every_value_from_the_one_place() -> None:
    asked = set(re.findall(r'value\("(\w+)"\)', GRADLE))
    asked |= set(re.findall(r'gradleProperty\("poseport\.(\w+)"\)', (DEMO / "settings.gradle.kts").read_text()))
    known = set(project.values())
    assert asked <= known
    # a version or a level that is written down a second time could differ
    assert not re.search(r'(Sdk|versionCode|versionName|jvmTarget)\s*=\s*["\d]', GRADLE)
    assert int(project.values()["targetSdk"]) >= 35
    assert project.values()["minSdk"] == "26"


def test_the_jars_are_of_the_versions_that_gradle_takes() -> None:
    known = project.values()
    jars = {tuple(coordinates.split(":")[:2]): coordinates.split(":")[2] for coordinates in fetch.wanted({"build"})}
    wanted = re.findall(r'"(org\.tensorflow):([\w-]+):\$\{value\("(\w+)"\)\}"', GRADLE)
    assert sorted(name for _, name, _ in wanted) == sorted(apk.AARS)
    for group, name, version in wanted:
        assert jars[group, name] == known[version]
    assert jars["org.jetbrains.kotlin", "kotlin-stdlib"] == known["kotlin"]
    tests = {coordinates.split(":")[1]: coordinates.split(":")[2] for coordinates in fetch.wanted({"test"})}
    assert tests["robolectric"] == known["robolectric"]


def test_every_flavour_has_its_libraries_sources_and_engines() -> None:
    flavours = re.findall(r'create\("(\w+)"\)', GRADLE)
    assert flavours == ["tflite", "litert", "litert2"]
    group = {"tflite": "org.tensorflow", "litert": "com.google.ai.edge.litert", "litert2": "com.google.ai.edge.litert"}
    # no library is every flavour's: two runtimes would bring classes of one name
    assert set(re.findall(r"(\w*[iI]mplementation)\W", GRADLE)) == {f"{f}Implementation" for f in flavours}
    for flavour in flavours:
        found = re.findall(rf'"{flavour}Implementation"\("([\w.]+):([\w-]+):(.*)"\)', GRADLE)
        assert {where for where, _, _ in found} == {group[flavour]}
        versions = {re.fullmatch(r'\$\{value\("(\w+)"\)\}', version)[1] for _, _, version in found}  # type: ignore[index]
        assert versions == {flavour, *({"tfliteGpuApi"} if flavour == "tflite" else ())}
        engines = (project.APP / "src" / flavour / "kotlin/org/poseport/demo/PhoneEngines.kt").read_text()
        assert "internal fun phoneEngines(context: Context): Engines = " in engines
    assert project.values()["litert"].startswith("1.4.")
    assert project.values()["litert2"].startswith("2.")


def test_versions_stand_in_one_place() -> None:
    for path in (DEMO / "app" / "build.gradle.kts", DEMO / "settings.gradle.kts", *SOURCES):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"[:\"'](\d+\.\d+\.\d+)", text), path
        for key in ("agp", "kotlin", "tflite", "tfliteGpuApi", "litert", "litert2"):
            assert project.values()[key] not in text, f"{path}: {key}"


def test_the_core_names_no_runtime() -> None:
    main = [path for path in SOURCES if path.is_relative_to(project.MAIN)]
    assert len(main) > 40
    for path in main:
        assert not re.search(r"org\.tensorflow|com\.google\.ai\.edge", path.read_text(encoding="utf-8")), path
    for folder, others in {"interpreter": "com.google.ai.edge", "litert2": "org.tensorflow"}.items():
        for path in (project.APP / "src" / folder).rglob("*.kt"):
            assert others not in path.read_text(encoding="utf-8"), path


def test_both_build_the_same_sources() -> None:
    # Gradle's plugin looks in app/src/{main,tflite}/{kotlin,res,assets} and app/src/main/AndroidManifest.xml by itself
    assert re.findall(r'srcDir\("([^"]+)"\)', GRADLE) == ["src/interpreter/kotlin"]
    assert 'for (flavor in listOf("tflite", "litert")) getByName(flavor).kotlin.srcDir' in GRADLE
    folders = (project.MAIN, project.APP / "src" / "interpreter", project.APP / "src" / "tflite")
    assert tuple(folder / "kotlin" for folder in folders) == project.KOTLIN
    assert (DEMO / "app" / "src" / "main") == project.MAIN
    assert 'proguardFiles("keep.pro")' in GRADLE
    assert (project.APP / "keep.pro").is_file()
    for path in SOURCES:
        parts = path.relative_to(project.APP / "src").parent.parts
        assert parts[1] == "kotlin"
        package = ".".join(parts[2:])
        assert path.read_text().startswith(f"package {package}\n")


def test_the_sources_are_as_wide_as_the_toolkits_own_and_add_nothing_to_tflite() -> None:
    for path in (project.APP / "src").rglob("*.kt"):
        assert max(map(len, path.read_text(encoding="utf-8").splitlines())) <= 120, path
        assert "org/tensorflow" not in path.as_posix()


def test_the_manifest_leaves_to_gradle_what_is_gradles() -> None:
    assert "package" not in MANIFEST.attrib
    application = MANIFEST.find("application")
    assert application is not None
    assert f"{ANDROID}extractNativeLibs" not in application.attrib
    assert "useLegacyPackaging = true" in GRADLE  # which is what the tools write into it
    assert MANIFEST.find("uses-sdk") is None
    provider = application.find("provider")
    assert provider is not None
    assert provider.attrib[f"{ANDROID}authorities"] == project.values()["applicationId"] + ".pictures"


def test_every_text_of_the_screen_is_a_resource() -> None:
    """So that it can be translated, and grows with the phone's text size."""
    for path in (project.MAIN / "res" / "layout").glob("*.xml"):
        for element in ElementTree.parse(path).iter():
            text = element.attrib.get(f"{ANDROID}text")
            assert text is None or text.startswith("@string/")
            assert not any(value.endswith("sp") for value in element.attrib.values())


def test_a_jar_of_other_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    coordinates = "org.example:thing:1"
    monkeypatch.setattr(fetch, "BUILD", tmp_path)
    monkeypatch.setattr(fetch, "JARS", tmp_path / "jars")
    digest = hashlib.sha256(b"bytes").hexdigest()
    rows = {"build": {coordinates: digest}, "plugin": {"org.maven:plugin:2": digest}}
    monkeypatch.setattr(fetch, "wanted", lambda scopes: rows[min(scopes)])
    sent = {"jar": b"other bytes", "plugin": b"bytes"}

    def deliver(*command: object) -> str:
        repository = Path(str(command[5]).partition("=")[2]) / "org" / "maven" / "plugin" / "2"
        repository.mkdir(parents=True)
        (repository / "plugin-2.jar").write_bytes(sent["plugin"])
        assert command[6] == "org.maven:plugin:2:copy-dependencies"
        (Path(str(command[-1]).partition("=")[2]) / "thing-1.jar").write_bytes(sent["jar"])
        return ""

    monkeypatch.setattr(fetch, "run", deliver)
    with pytest.raises(SystemExit, match=r"thing:1 has sha256 .*expects "):
        fetch.jars({"build"})
    sent |= {"jar": b"bytes", "plugin": b"other bytes"}
    with pytest.raises(SystemExit, match=r"plugin:2 has sha256 .*nothing was kept"):
        fetch.jars({"build"})
    assert not (tmp_path / "jars").exists()
    sent["plugin"] = b"bytes"
    fetch.jars({"build"})
    fetch.jars({"build"})
    # what lies there since an earlier build is hashed again
    (tmp_path / "jars" / "thing-1.jar").write_bytes(b"changed since")
    with pytest.raises(SystemExit, match=r"thing-1\.jar has sha256 .*remove it"):
        fetch.jars({"build"})


def test_the_password_of_the_key_is_no_argument(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    commands: list[tuple[object, ...]] = []
    monkeypatch.setenv("KEYSTORE_PASSWORD", "a secret")
    monkeypatch.delenv("KEYSTORE", raising=False)
    monkeypatch.setattr(apk, "BUILD", tmp_path)
    monkeypatch.setattr(apk, "run", lambda *command: commands.append(command))
    monkeypatch.setattr(apk.verify, "check", lambda path: None)
    monkeypatch.setattr(apk.os, "replace", lambda source, target: None)
    apk.sign(apk.keystore())
    assert [command[0] for command in commands] == ["keytool", "apksigner"]
    assert not any("a secret" in str(word) for command in commands for word in command)


def test_the_tools_need_the_standard_library_alone() -> None:
    code = f"import sys; sys.path.insert(0, {str(DEMO / 'tools')!r}); import apk, host"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)


def test_a_step_is_repeated_only_when_its_inputs_changed(tmp_path: Path) -> None:
    source, target, made = tmp_path / "in", tmp_path / "out", []
    source.mkdir()
    (source / "a").write_text("1")

    def make() -> None:
        made.append((source / "a").exists())
        target.mkdir()  # fails where the old one was left

    def times(*inputs: object) -> int:
        project.once(target, make, source, *inputs)
        return len(made)

    assert [times(), times()] == [1, 1]
    (source / "a").write_text("2")
    assert [times(), times()] == [2, 2]
    (source / "a").rename(source / "b")
    assert [times(), times()] == [3, 3]
    assert [times("more"), times("more")] == [4, 4]
    target.rmdir()
    assert times("more") == 5

    def cut() -> None:
        target.mkdir()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        project.once(target, cut, source)
    assert times("more") == 6
