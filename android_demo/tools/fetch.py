"""Bring what the build needs: Debian's packages where we are root on Debian, jars through the Maven client.

usage: fetch.py [build|test]     jars.txt says which jars, each with the sha256 that it must have
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from project import BUILD, JARS, ROOT, run, stop

PROGRAMS = {
    "javac": "default-jdk-headless", "mvn": "maven", "aapt2": "aapt", "zipalign": "zipalign",
    "apksigner": "apksigner", "dexdump": "dexdump",
}  # fmt: skip


def programs(extra: dict[str, str] | None = None) -> None:
    """Install missing programs, or say which are missing."""
    missing = {program: package for program, package in (PROGRAMS | (extra or {})).items() if not shutil.which(program)}
    if not missing:
        return
    command = ["apt-get", "install", "-y", "-q", *sorted(set(missing.values()))]
    if os.geteuid() or not shutil.which("apt-get"):
        stop(f"missing: {', '.join(missing)}; on Debian or Ubuntu: sudo {' '.join(command)}")
    subprocess.run(["apt-get", "update", "-q"], check=False)
    subprocess.run(command, check=True)


def wanted(scopes: set[str]) -> dict[str, str]:
    """Coordinates -> sha256 of the jars of some scopes."""
    rows = (line.split() for line in (ROOT / "jars.txt").read_text().splitlines() if not line.startswith("#"))
    return {coordinates: sha256 for scope, sha256, coordinates in rows if scope in scopes}


def file_name(coordinates: str) -> str:
    """The name of the file that Maven makes of coordinates group:name:version[:type]."""
    _, name, version, *kind = coordinates.split(":")
    return f"{name}-{version}.{kind[0] if kind else 'jar'}"


def sha256(path: Path) -> str:
    """sha256 of a file, hex."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def jars(scopes: set[str]) -> None:
    """Fetch what is not there yet, and check all: what came now and what lies there since an earlier build."""
    missing = {}
    for coordinates, expected in wanted(scopes).items():
        path = JARS / file_name(coordinates)
        if not path.is_file():
            missing[coordinates] = expected
        elif (found := sha256(path)) != expected:
            stop(f"{path} has sha256 {found}, jars.txt expects {expected}; remove it, and the build fetches it again")
    if not missing:
        return
    ((plugin, plugin_sha256),) = wanted({"plugin"}).items()
    pom, beside = BUILD / "fetch" / "pom.xml", BUILD / "fetch" / "jars"
    shutil.rmtree(pom.parent, ignore_errors=True)
    beside.mkdir(parents=True)
    pom.write_text(_pom(missing))
    print(f"fetching {len(missing)} jars", flush=True)
    repository = pom.parent / "repository"  # an empty one: what Maven runs is what it fetches now
    command = ("mvn", "-q", "-B", "-f", pom, f"-Dmaven.repo.local={repository}")
    run(*command, f"{plugin}:copy-dependencies", f"-DoutputDirectory={beside}")
    group, name, version = plugin.split(":")
    found = sha256(repository.joinpath(*group.split("."), name, version, file_name(plugin)))
    if found != plugin_sha256:
        stop(f"{plugin} has sha256 {found}, jars.txt expects {plugin_sha256}; nothing was kept of what it fetched")
    for coordinates, expected in missing.items():
        found = sha256(beside / file_name(coordinates))
        if found != expected:
            stop(f"{coordinates} has sha256 {found}, jars.txt expects {expected}; nothing was kept of it")
    JARS.mkdir(parents=True, exist_ok=True)
    for coordinates in missing:
        os.replace(beside / file_name(coordinates), JARS / file_name(coordinates))
    shutil.rmtree(pom.parent)


def _pom(coordinates: dict[str, str]) -> str:
    """A Maven project that depends on exactly these jars and on none that they depend on."""
    alone = "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
    rows = []
    for group, name, version, *kind in (one.split(":") for one in coordinates):
        place = f"<groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>"
        rows.append(f"<dependency>{place}<type>{kind[0] if kind else 'jar'}</type>{alone}</dependency>")
    google = "<repository><id>google</id><url>https://maven.google.com</url></repository>"
    return (
        '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion><groupId>org.poseport'
        f"</groupId><artifactId>jars</artifactId><version>1</version><repositories>{google}</repositories>"
        f"<dependencies>{''.join(rows)}</dependencies></project>"
    )


if __name__ == "__main__":
    programs()
    jars({"build", *sys.argv[1:]})
