"""Run the app's tests on a workstation's virtual machine: the shipped byte code, and the library that phones run.

usage: host.py MODELS [TEST ...]     MODELS: the folder that tests/android/write_models.py wrote

The byte code is the shrinker's output, before it is turned into Android's format. The x86_64 library of the AAR is
made loadable by glibc (see bionic/). Activities run under Robolectric, with the manifest and resources of the APK.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import apk
import fetch
from project import BUILD, JARS, ROOT, TESTS, jar, once, run, stop, values

BIONIC = Path(__file__).parent / "bionic"
NATIVE = BUILD / "native"
OUT = BUILD / "host"
TEST_CLASSES = BUILD / "test-classes"


def native_library(abi: str, folder: Path, compiler: str) -> None:
    """The AAR's library for a processor, and what it needs of Android's C library."""
    folder.mkdir()
    name = "libtensorflowlite_jni.so"
    run(sys.executable, BIONIC / "patch.py", apk.WORK / "aar" / "tensorflow-lite" / "jni" / abi / name, folder / name)
    shared = (compiler, "-O1", "-shared", "-fPIC", "-Wl,--no-as-needed")
    run(*shared, "-Wl,-soname,libc.so", "-o", folder / "libc.so", BIONIC / "shim.c")
    run(*shared, "-o", folder / "libposeport_xnnpack.so", BIONIC / "shim.c")
    empty = folder / "empty.c"
    empty.write_text("")
    for library, more in {"m": ["-l:libm.so.6"], "dl": [], "log": []}.items():
        run(*shared, f"-Wl,-soname,lib{library}.so", "-o", folder / f"lib{library}.so", empty, *more)


def test_jars() -> list[Path]:
    """JUnit and Robolectric; those that come as AAR are unpacked."""
    found = []
    for coordinates in fetch.wanted({"test"}):
        path = JARS / fetch.file_name(coordinates)
        if path.name.startswith("android-all"):
            continue  # Robolectric loads that one by itself
        if path.suffix == ".aar":
            with zipfile.ZipFile(path) as archive:
                path = OUT / f"{path.stem}.jar"
                path.write_bytes(archive.read("classes.jar"))
        found.append(path)
    return found


def robolectric_settings() -> Path:
    """Where Robolectric finds what is shipped: resources and stored models."""
    settings = OUT / "settings" / "com" / "android" / "tools" / "test_config.properties"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        f"android_resource_apk={apk.ALIGNED}\nandroid_merged_manifest={apk.MANIFEST}\n"
        f"android_merged_assets={apk.ASSETS}\nandroid_custom_package={values()['applicationId']}\n"
    )
    return OUT / "settings"


def compile_tests(libs: list[Path]) -> None:
    """The tests see what is internal to the app."""
    friends = f"-Xfriend-paths={apk.CLASSES}"
    apk.kotlinc([TESTS / "kotlin"], [apk.CLASSES, *libs, apk.android_jar()], TEST_CLASSES, friends)


def main(models: Path, chosen: list[str]) -> None:
    """Compile the tests, and run all of them or those that are named."""
    fetch.programs({"gcc": "gcc"})
    fetch.jars({"build", "test"})
    if not apk.SHRUNK.is_file():
        stop("the app is not built; run make apk")
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    jars = test_jars()
    libs = [aar / "classes.jar" for aar in apk.libraries()]
    once(NATIVE, lambda: native_library("x86_64", NATIVE, "gcc"), BIONIC, Path(__file__))
    once(TEST_CLASSES, lambda: compile_tests([*libs, *jars]), TESTS / "kotlin", apk.CLASSES, Path(__file__))
    names = chosen or sorted(
        ".".join(path.relative_to(TESTS / "kotlin").with_suffix("").parts) for path in TESTS.rglob("*Test.kt")
    )
    # Android's own classes last: it brings older copies of some libraries
    path = [TEST_CLASSES, robolectric_settings(), jar("kotlin-stdlib"), apk.SHRUNK, *jars, apk.android_jar()]
    properties = {
        "java.library.path": NATIVE,
        "golden": ROOT.parent / "tests" / "golden",
        "models": models,
        "screens": OUT / "screens",
        "photos": os.environ.get("PHOTOS", ""),
        "robolectric.offline": "true",
        "robolectric.dependency.dir": JARS,
    }
    opened = [f"--add-opens=java.base/java.{package}=ALL-UNNAMED" for package in ("io", "lang", "util")]
    # these run long enough for the second compiler, which a phone has the like of
    settings = [f"-D{key}={value}" for key, value in properties.items()]
    command = ["java", "-Xmx1500m", "-XX:+UseSerialGC", *settings, *opened, "-cp", apk.class_path(path)]
    command.append("org.junit.runner.JUnitCore")
    env = {**os.environ, "LD_LIBRARY_PATH": str(NATIVE)}
    # one virtual machine a class: Robolectric has class loaders of its own, and a native library belongs to one loader
    failed = [name for name in names if subprocess.run([*command, name], env=env).returncode]
    if failed:
        stop(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), sys.argv[2:])
