"""Sources -> signed, aligned, reproducible APK, without Google's SDK and without Gradle.

usage: apk.py [MODEL.tflite ...]     the models become the app's own, person.int8.tflite its person detector; the APK is
                                     build/poseport-demo.apk
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import elf
import fetch
import verify
from project import APK, APP, BUILD, KOTLIN, MAIN, jar, java_home, once, run, stop, values

AARS = ("tensorflow-lite", "tensorflow-lite-api", "tensorflow-lite-gpu", "tensorflow-lite-gpu-api")
WORK = BUILD / "work"
LINKED = WORK / "linked"
BASE = LINKED / "base.apk"
MANIFEST = LINKED / "AndroidManifest.xml"
ASSETS = LINKED / "assets"
GENERATED = LINKED / "java"
CLASSES = WORK / "classes"
SHRUNK = WORK / "shrunk.jar"
DEX = WORK / "dex"
ALIGNED = WORK / "aligned.apk"
# short runs: the second compiler of the virtual machine would cost more than it gains
JAVA = ("java", "-Xmx1500m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
EPOCH = (2009, 1, 1, 0, 0, 0)


def libraries() -> list[Path]:
    """The unpacked AARs."""
    known, whole = values(), WORK / "aar"

    def unpack() -> None:
        for name in AARS:
            version = known["tfliteGpuApi" if name.endswith("gpu-api") else "tflite"]
            with zipfile.ZipFile(jar(f"{name}-{version}.aar")) as archive:
                archive.extractall(whole / name)

    once(whole, unpack)
    return [whole / name for name in AARS]


def android_jar() -> Path:
    """Android's classes and resources: what the app is compiled and linked against."""
    return jar("android-all-14-robolectric")


def class_path(parts: list[Path]) -> str:
    """Paths as Java wants them."""
    return os.pathsep.join(map(str, parts))


def kotlinc(sources: Sequence[Path], classpath: list[Path], into: Path, *more: object) -> None:
    """Compile Kotlin sources; warnings are errors."""
    names = ("compiler-embeddable", "daemon-embeddable", "reflect", "script-runtime", "stdlib")
    compiler = [*(jar(f"kotlin-{name}") for name in names), jar("kotlinx-"), jar("trove4j"), jar("annotations-13")]
    run(
        *JAVA, "-cp", class_path(compiler), "org.jetbrains.kotlin.cli.jvm.K2JVMCompiler", "-no-stdlib",
        "-no-reflect", "-jvm-target", values()["kotlinTarget"], "-Werror", "-module-name", "app", *more,
        "-cp", class_path([*classpath, jar("kotlin-stdlib")]), "-d", into, *sources,
    )  # fmt: skip


def resources(models: list[Path]) -> None:
    """Manifest, resources and models to an APK without code, and `R` in Java."""
    known = values()
    package = known["applicationId"]
    GENERATED.mkdir(parents=True)
    ASSETS.mkdir()
    # a Gradle build takes these three from its own settings
    head = f'<manifest package="{package}" '
    text = (MAIN / "AndroidManifest.xml").read_text().replace("<manifest ", head, 1)
    MANIFEST.write_text(text.replace("<application", '<application android:extractNativeLibs="true"', 1))
    for path in models:
        shutil.copyfile(path, ASSETS / path.name)
    run("aapt2", "compile", "--dir", MAIN / "res", "-o", LINKED / "res.zip")
    run(
        # Debian's aapt2 does not know <uses-native-library> yet, and says so
        "aapt2", "link", "--warn-manifest-validation", "-o", BASE, "-I", android_jar(), "--manifest", MANIFEST,
        "-A", ASSETS, "-0", ".tflite", "--java", GENERATED, "--min-sdk-version", known["minSdk"],
        "--target-sdk-version", known["targetSdk"], "--version-code", known["versionCode"],
        "--version-name", known["versionName"], LINKED / "res.zip",
    )  # fmt: skip


def compile_app(libs: list[Path]) -> None:
    """Kotlin and `R` to class files."""
    CLASSES.mkdir()
    run("javac", "--release", "11", "-nowarn", "-d", CLASSES, *sorted(GENERATED.rglob("*.java")))
    kotlinc(KOTLIN, [android_jar(), *libs, CLASSES], CLASSES)


def shrink(aars: list[Path], libs: list[Path]) -> None:
    """All class files to the one jar that is shipped and that the tests run."""
    rules = [APP / "keep.pro", *(aar / "proguard.txt" for aar in aars if (aar / "proguard.txt").is_file())]
    run(
        *JAVA, "-cp", jar("r8"), "com.android.tools.r8.R8", "--release", "--classfile", *system(),
        *(part for rule in rules for part in ("--pg-conf", rule)),
        "--output", SHRUNK, _jar_of(CLASSES, WORK / "app.jar"), *libs, jar("kotlin-stdlib"),
    )  # fmt: skip


def dex() -> None:
    """The shrunk jar in Android's format."""
    DEX.mkdir()
    run(
        *JAVA, "-cp", jar("r8"), "com.android.tools.r8.D8", "--release", "--min-api", values()["minSdk"], *system(),
        "--output", DEX, SHRUNK,
    )  # fmt: skip


def system() -> tuple[object, ...]:
    """What R8 and D8 find on every phone."""
    return ("--lib", android_jar(), "--lib", java_home())


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
    entries: dict[str, bytes] = {path.name: path.read_bytes() for path in DEX.glob("*.dex")}
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
    run("zipalign", "-f", "4", WORK / "plain.apk", ALIGNED)


def keystore() -> Path:
    """The key of KEYSTORE, or a debug key that is made once and kept in the build folder.

    Its password stays in the environment, because every user of the machine can read the arguments of a process.
    """
    key = Path(os.environ.get("KEYSTORE", BUILD / "debug.keystore"))
    os.environ.setdefault("KEYSTORE_PASSWORD", "android")
    if not key.is_file():
        if "KEYSTORE" in os.environ:
            stop(f"{key}: no such keystore")
        run(
            "keytool", "-genkeypair", "-keystore", key, "-storepass:env", "KEYSTORE_PASSWORD", "-keypass:env",
            "KEYSTORE_PASSWORD", "-alias", "debug",
            "-keyalg", "RSA", "-keysize", "2048", "-validity", "10000", "-dname", "CN=Android Debug,O=Android,C=US",
        )  # fmt: skip
    return key


def sign(key: Path) -> None:
    """Sign, and look whether it is what it should be."""
    run(
        "apksigner", "sign", "--ks", key, "--ks-pass", "env:KEYSTORE_PASSWORD", "--min-sdk-version", values()["minSdk"],
        "--v1-signing-enabled", "false", "--out", WORK / "signed.apk", ALIGNED,
    )  # fmt: skip
    verify.check(WORK / "signed.apk")
    os.replace(WORK / "signed.apk", APK)


def build(models: list[Path]) -> None:
    """Every step whose inputs changed, from an empty folder: nothing that was built before leaks into it."""
    fetch.programs()
    fetch.jars({"build"})
    known = sorted(values().items())
    models = [*sorted((MAIN / "assets").glob("*.tflite")), *models]
    for path in models:
        if not path.is_file():
            stop(f"{path}: no such model; expected a .tflite that poseport convert wrote")
    aars = libraries()
    libs = [aar / "classes.jar" for aar in aars]
    key = keystore()
    once(LINKED, lambda: resources(models), MAIN / "AndroidManifest.xml", MAIN / "res", *models, known)
    once(CLASSES, lambda: compile_app(libs), *KOTLIN, GENERATED, known)
    once(SHRUNK, lambda: shrink(aars, libs), CLASSES, APP / "keep.pro")
    once(DEX, dex, SHRUNK, known)
    once(ALIGNED, lambda: pack(aars), BASE, DEX, known)
    once(APK, lambda: sign(key), ALIGNED, key, known)
    print(f"{APK}: {APK.stat().st_size} bytes, sha256 {fetch.sha256(APK)}")
    print(elf.describe(APK))


if __name__ == "__main__":
    build([Path(argument) for argument in sys.argv[1:]])
