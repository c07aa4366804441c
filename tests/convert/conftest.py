"""What the tests of compression share: a small network with the record of its training."""

import pytest

from poseport.train.config import TrainConfig


@pytest.fixture(scope="session")
def trained(tiny_bundle, tmp_path_factory):
    """A bundle of a network with random weights that says how to train it."""
    import keras

    from poseport.train import run_folder
    from poseport.train.networks import models
    from poseport.train.record import DataUsed, TrainRecord

    folder = tmp_path_factory.mktemp("trained") / "run"
    made = TrainRecord(TrainConfig("softmax", batch=8), DataUsed("p.json", "0", 3), None, {}, 0, epochs_done=7)
    run_folder.write_bundle(folder, *models.load(tiny_bundle, keras), made)
    return folder
