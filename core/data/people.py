"""People with labelled keypoints, whatever file they came from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from poseport.data.images import image_digest
from poseport.skeleton import Skeleton


@dataclass(frozen=True, eq=False)
class Person:
    """One annotated person.

    Attributes:
        image_id: Id of the image in the annotations file.
        annotation_id: Id of the annotation.
        image_path: The image file.
        image_hw: Height and width of the image in pixels, as annotated.
        box_xywh: Left, top, width and height of the person's box in image pixels.
        keypoints: (K, 3) float64: x and y in image pixels, and COCO's visibility (0 unlabelled, 1 hidden, 2 visible).
        area: Area of the person's segment in square pixels, which OKS divides by.
        crowd: Whether the annotation stands for a group of people.
        photo_digest: Digest of the photo that the image was cut from (`pack`); None where the image is the photo.
    """

    image_id: int
    annotation_id: int
    image_path: Path
    image_hw: tuple[int, int]
    box_xywh: tuple[float, float, float, float]
    keypoints: np.ndarray
    area: float
    crowd: bool = False
    photo_digest: str | None = None

    def digest(self) -> str:
        """Digest of the photo that shows the person (`images.image_digest`), packed or not, wherever it is."""
        return self.photo_digest or image_digest(self.image_path)

    @property
    def labelled(self) -> np.ndarray:
        """Which keypoints have a label, (K,) bool."""
        return self.keypoints[:, 2] > 0

    @property
    def num_labelled(self) -> int:
        """The number of labelled keypoints."""
        return int(np.count_nonzero(self.labelled))


@dataclass(frozen=True, eq=False)
class Source:
    """One of the files of a merged set.

    Attributes:
        path: The annotations file.
        sha256: Digest of that file, in hex.
        share: How often its people appear per epoch.
        image_ids: Ids, in the merged set, of the images that come from it.
    """

    path: Path
    sha256: str
    share: float
    image_ids: frozenset[int]


@dataclass(frozen=True, eq=False)
class People:
    """A data set: the annotated people of a file.

    Attributes:
        path: The annotations file.
        sha256: Digest of that file, in hex.
        images_dir: The folder that holds the images.
        skeleton: The keypoint set of every person.
        persons: The people, in the order of the file.
        problems: What must be corrected, one line each, when the file was read with `strict=False`.
        unusable: How many annotations cannot be used; each has a line among the problems.
        category_id: Id of the category that the people have in the file.
        left_out: Kind of annotations that are not among the people -> their number.
        notes: What was read differently from how it is written, one line each.
        sources: The files of a set that was merged (`merge`); empty for the set of one file.
    """

    path: Path
    sha256: str
    images_dir: Path
    skeleton: Skeleton
    persons: tuple[Person, ...]
    problems: tuple[str, ...] = ()
    unusable: int = 0
    category_id: int = 1
    left_out: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    sources: tuple[Source, ...] = ()

    def __len__(self) -> int:
        return len(self.persons)

    def by_source(self) -> list[tuple[Source, int]]:
        """Each file of a merged set, and the number of people from it; a person who appears twice counts twice."""
        return [(s, sum(p.image_id in s.image_ids for p in self.persons)) for s in self.sources]

    def for_training(self, min_keypoints: int = 5, *, require_all_visible: bool = False) -> People:
        """Remove crowds and people who have too few labels.

        Args:
            min_keypoints: The fewest labelled keypoints of a person who is kept. Five is the number of Lee et al.,
                section 3.2.1.
            require_all_visible: Keep only people whose keypoints are all labelled as visible (Gupta and Gritton,
                section 3.2).

        Returns:
            The other people.

        Raises:
            ValueError: If nobody is left.
        """
        kept = tuple(p for p in self.persons if not p.crowd and p.num_labelled >= max(1, min_keypoints))
        if require_all_visible:
            kept = tuple(p for p in kept if (p.keypoints[:, 2] == 2).all())
        if require_all_visible and not kept:
            raise ValueError(
                f"{self.path}: none of {len(self)} people has all {len(self.skeleton)} keypoints visible; "
                "give another set or --set train.require_all_visible=false"
            )
        if not kept:
            raise ValueError(
                f"{self.path}: none of {len(self)} people has {min_keypoints} labelled keypoints; "
                "give another set or a lower --set train.min_keypoints"
            )
        return replace(self, persons=kept)
