"""Photos that a record names, found only where the people that it was measured on are still there.

A record may be a stranger's. Its folder and file names alone would put any picture of this computer into a page that is
handed on. Therefore the annotations file whose sha256 the record holds must lie near the folder, and list the photo.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path, PurePosixPath

from poseport.bench.record import Data
from poseport.data import coco_json
from poseport.files import safe_path


def find(data: Data, file_name: str) -> Path:
    """The photo of a measured person.

    Args:
        data: The people that were measured.
        file_name: Name of the photo, inside the folder of the images.

    Returns:
        Its path, which need not exist.

    Raises:
        ValueError: if the annotations file is not beside the images, in a folder above, or in `annotations`, or does
            not list such a photo.
    """
    path = safe_path.inside(Path(data.images_dir), file_name)
    if path.name not in _listed(data.images_dir, data.file, data.sha256):
        raise ValueError(f"{path}: is not listed in {data.file}")
    return path


@lru_cache(maxsize=8)
def _listed(images_dir: str, file: str, sha256: str) -> frozenset[str]:
    """Names of the photos in the annotations file with this digest."""
    if safe_path.file_name(file) != file:
        raise ValueError(f"{file!r:.80}: is not the name of a file")
    folder = Path(images_dir)
    for place in (folder, *folder.parents[:2]):
        for path in (place / file, place / "annotations" / file):
            if not path.is_file():
                continue
            found, digest = coco_json.read(path)
            if digest == sha256:
                return frozenset(PurePosixPath(str(entry["file_name"])).name for entry in found["images"])
    raise ValueError(f"{file}: the annotations that were measured are no longer near {images_dir}")
