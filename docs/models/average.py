"""Mean of two bundles' weights: python average.py FIRST SECOND SHARE OUT; SHARE is the second one's, 0 to 1.

A network between two of one training's line is often better than either (Wortsman et al. 2022, "Model soups").
"""

import shutil
import sys
from pathlib import Path

import h5py

first, second, out = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[4])
share = float(sys.argv[3])
out.mkdir(parents=True)
for name in ("spec.json", "train.json", "log.csv", "model.weights.h5"):
    shutil.copy(second / name, out / name)
with h5py.File(first / "model.weights.h5") as one, h5py.File(out / "model.weights.h5", "r+") as mean:

    def _mix(path: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            item[...] = (1 - share) * one[path][...] + share * item[...]

    mean.visititems(_mix)
