"""The bounds that no golden vector holds are the toolkit's, and the packed detector is the one that the app reads."""

from __future__ import annotations

import re
from pathlib import Path

from poseport.people import everyone, film, similarity, tracks
from poseport.tflite import shipped

ROOT = Path(__file__).parents[2]
SOURCES = ROOT / "android_demo" / "app" / "src" / "main" / "kotlin" / "org" / "poseport" / "demo"


def constants(name: str) -> dict[str, str]:
    return dict(re.findall(r"const val (\w+) = (\S+)", (SOURCES / name).read_text(encoding="utf-8")))


def test_the_bounds_are_the_toolkits() -> None:
    found = {name: float(value) for name, value in constants("core/people/Everyone.kt").items()}
    assert found == {"ONE_PERSON": everyone.ONE_PERSON, "MOST": everyone.MOST_PEOPLE, "UNSURE": everyone.UNSURE}
    of_films = constants("core/people/Film.kt")
    assert float(of_films["EVERY"]) == film.DETECT_EVERY
    assert float(of_films["COVERED"]) == film._COVERED
    assert float(of_films["OVERLOOKED"]) == film._OVERLOOKED
    of_tracks = {name: float(value) for name, value in constants("core/people/Tracks.kt").items()}
    assert of_tracks == {
        name: getattr(tracks, name) for name in ("SURE", "CONTINUES", "LEAST_ALIKE", "PATIENCE", "AREAS", "NEWEST")
    }
    assert float(constants("core/people/Similarity.kt")["SURE"]) == similarity.SURE


def test_the_packed_detector_is_the_one_that_the_app_reads() -> None:
    [packed] = re.findall(r"^DETECTOR \?= (\S+)$", (ROOT / "Makefile").read_text(), re.M)
    assert Path(packed).name == constants("ModelStore.kt")["DETECTOR"].strip('"')
    assert (ROOT / packed).read_bytes() == shipped.model(shipped.PERSON).read_bytes()
