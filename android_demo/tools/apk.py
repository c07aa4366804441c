"""Sources -> signed, aligned, reproducible APK, without Google's SDK and without Gradle.

usage: apk.py [MODEL.tflite ...]     the models become the app's own; the APK is build/poseport-demo.apk
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from pathlib import Path

import fetch
import verify
from project import APK, APP, BUILD, MAIN, jar, java_home, run, stop, values

AARS = ("tensorflow-lite", "tensorflow-lite-api", "tensorflow-lite-gpu", "tensorflow-lite-gpu-api")
WORK = BUILD / "work"
BASE = WORK / "base.apk"
MANIFEST = WORK / "AndroidManifest.xml"
ASSETS = WORK / "assets"
CLASSES = WORK / "classes"
SHRUNK = WORK / "shrunk.jar"
# short runs: the second compiler of the virtual machine would cost more than it gains
JAVA = ("java", "-Xmx1500m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
EPOCH = (2009, 1, 1, 0, 0, 0)


def libraries() -> list[Path]:
    """The unpacked AARs."""
    known = values()
    found = []
    for name in AARS:
        version = known["tfliteGpuApi" if name.endswith("gpu-api") else "tflite"]
        found.append(WORK / "aar" / name)
        with zipfile.ZipFile(jar(f"{name}-{version}.aar")) as archive:
            archive.extractall(found[-1])
    return found


def android_jar() -> Path:
    """Android's classes and resources: what the app is compiled and linked against."""
    return jar("android-all-14-robolectric")


def class_path(parts: list[Path]) -> str:
    """Paths as Java wants them."""
    return os.pathsep.join(map(str, parts))


def kotlinc(sources: Path, classpath: list[Path], into: Path, *more: object) -> None:
    """Compile Kotlin sources; warnings are errors."""
    names = ("compiler-embeddable", "daemon-embeddable", "reflect", "script-runtime", "stdlib")
    compiler = [*(jar(f"kotlin-{name}") for name in names), jar("kotlinx-"), jar("trove4j"), jar("annotations-13")]
    run(
        *JAVA, "-cp", class_path(compiler), "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-stdlib",
        "-no-reflect", "-jvm-target", values()["kotlinTarget"], "-Werror", "-module-name", "app", *more,
        "-cp", class_path([*classpath, jar("kotlin-stdlib")]), "-d", into, sources,
    )  # fmt: skip


def resources(models: list[Path]) -> None:
    """Manifest, resources and models to an APK without code, and `R` in Java."""
    known = values()
    package = known["applicationId"]
    # a Gradle build takes these three from its own settings
    head = f'<manifest package="{package}" '
    text = (MAIN / "AndroidManifest.xml").read_text().replace("<manifest ", head, 1)
    MANIFEST.write_text(text.replace("<application", '<application android:extractNativeLibs="true"', 1))
    ASSETS.mkdir()
    for path in [*sorted((MAIN / "assets").glob("*.tflite")), *models]:
        if not path.is_file():
            stop(f"{path}: no such model; expected a .tflite that poseport convert wrote")
        shutil.copyfile(path, ASSETS / path.name)
    run("aapt2", "compile", "--dir", MAIN / "res", "-o", WORK / "res.zip")
    run(
        # Debian's aapt2 does not know <uses-native-library> yet, and says so
        "aapt2", "link", "--warn-manifest-validation", "-o", BASE, "-I", android_jar(), "--manifest", MANIFEST,
        "-A", ASSETS, "-0", ".tflite", "--java", WORK / "gen", "--min-sdk-version", known["minSdk"],
        "--target-sdk-version", known["targetSdk"], "--version-code", known["versionCode"],
        "--version-name", known["versionName"], WORK / "res.zip",
    )  # fmt: skip


def compile_app(aars: list[Path]) -> None:
    """Kotlin and `R` to one shrunk jar, the code that is shipped and that the tests run."""
    libs = [aar / "classes.jar" for aar in aars]
    generated = sorted((WORK / "gen").rglob("*.java"))
    run("javac", "--release", "11", "-nowarn", "-d", CLASSES, *generated)
    kotlinc(MAIN / "kotlin", [android_jar(), *libs, CLASSES], CLASSES)
    rules = [APP / "keep.pro", *(aar / "proguard.txt" for aar in aars if (aar / "proguard.txt").is_file())]
    known, tool = values(), jar("r8")
    lib = ["--lib", android_jar(), "--lib", java_home()]
    whole = _jar_of(CLASSES, WORK / "app.jar")
    configuration = [part for rule in rules for part in ("--pg-conf", rule)]
    run(
        *JAVA, "-cp", tool, "com.android.tools.r8.R8", "--release", "--classfile", *lib, *configuration,
        "--output", SHRUNK, whole, *libs, jar("kotlin-stdlib"),
    )  # fmt: skip
    run(
        *JAVA, "-cp", tool, "com.android.tools.r8.D8", "--release", "--min-api", known["minSdk"], *lib,
        "--output", WORK / "dex", SHRUNK,
    )  # fmt: skip


def _jar_of(folder: Path, target: Path) -> Path:
    """Class files in the order of their names, without dates."""
    with zipfile.ZipFile(target, "w") as archive:
        for path in sorted(folder.rglob("*.class")):
            archive.writestr(zipfile.ZipInfo(path.relative_to(folder).as_posix(), EPOCH), path.read_bytes())
    return target


def pack(aars: list[Path]) -> None:
    """One zip with a fixed order and no dates. Libraries are compressed (Android unpacks them when it installs);
    models and the resource table are stored, to be mapped where they lie.
    """
    entries: dict[str, bytes] = {path.name: path.read_bytes() for path in (WORK / "dex").glob("*.dex")}
    with zipfile.ZipFile(BASE) as base:
        entries |= {name: base.read(name) for name in base.namelist()}
    for aar in aars:
        for abi in values()["abis"].split(","):
            entries |= {f"lib/{abi}/{so.name}": so.read_bytes() for so in (aar / "jni" / abi).glob("*.so")}
    with zipfile.ZipFile(WORK / "plain.apk", "w") as archive:
        for name in sorted(entries, key=lambda n: (n != "AndroidManifest.xml", n)):
            info = zipfile.ZipInfo(name, EPOCH)
            stored = re.search(r"\.(tflite|arsc|png)$", name)
            info.compress_type = zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, entries[name], compresslevel=9)
    run("zipalign", "-f", "4", WORK / "plain.apk", WORK / "aligned.apk")


def sign() -> None:
    """Sign with the key of KEYSTORE, or with a debug key that is made once and kept in the build folder."""
    key = Path(os.environ.get("KEYSTORE", BUILD / "debug.keystore"))
    word = os.environ.get("KEYSTORE_PASSWORD", "android")
    if not key.is_file():
        if "KEYSTORE" in os.environ:
            stop(f"{key}: no such keystore")
        run(
            "keytool", "-genkeypair", "-keystore", key, "-storepass", word, "-keypass", word, "-alias", "debug",
            "-keyalg", "RSA", "-keysize", "2048", "-validity", "10000", "-dname", "CN=Android Debug,O=Android,C=US",
        )  # fmt: skip
    run(
        "apksigner", "sign", "--ks", key, "--ks-pass", f"pass:{word}", "--min-sdk-version", values()["minSdk"],
        "--v1-signing-enabled", "false", "--out", WORK / "signed.apk", WORK / "aligned.apk",
    )  # fmt: skip
    verify.check(WORK / "signed.apk")
    os.replace(WORK / "signed.apk", APK)


def build(models: list[Path]) -> None:
    """Everything, into an empty folder: what was built before never leaks into what is built now."""
    fetch.programs()
    fetch.jars({"build"})
    shutil.rmtree(WORK, ignore_errors=True)
    for folder in (CLASSES, WORK / "dex", WORK / "gen"):
        folder.mkdir(parents=True)
    aars = libraries()
    resources(models)
    compile_app(aars)
    pack(aars)
    sign()
    print(f"{APK}: {APK.stat().st_size} bytes, sha256 {fetch.sha256(APK)}")


if __name__ == "__main__":
    build([Path(argument) for argument in sys.argv[1:]])
