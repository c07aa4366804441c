"""A small real training that can be one of several workers; `test_workers.py` starts it in processes of its own.

Everything that has a state is on: weights of another bundle, a trunk that is frozen for one epoch, the average of
the weights; with JAX also clipped gradients, and patience, which ends the run after the third epoch. With
--regressor it is one with dropout, which begins at random.

python training_worker.py PEOPLE INIT OUT [--resume] [--die-at BATCH]: with --die-at worker 1 dies there by kill -9.
python training_worker.py PEOPLE INIT OUT --devices N: one run that shares its batches and one that does not,
in OUT/N and OUT/1.
"""

import argparse
import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import click
import numpy as np

from poseport import pose
from poseport.architecture import DeepPoseArchitecture, HourglassArchitecture
from poseport.command.options import guarded
from poseport.data import batches, coco
from poseport.spec import CoordsOutput, HeatmapOutput, PoseSpec
from poseport.train.config import TrainConfig
from poseport.train.workers import jax_launcher

SETTINGS = TrainConfig(
    loss="softmax", epochs=3, batch=8, learning_rate=0.002, optimizer="sgd", freeze_epochs=1, ema=0.5, eval_every=3
)
DROPPED = replace(SETTINGS, loss="laplace", epochs=2, learning_rate=2e-4, freeze_epochs=0)
STOPPED = replace(SETTINGS, epochs=5, clip_norm=1.0, eval_every=1, patience=2)


def some_unlabelled(people):
    """Of every third person only the upper half: parts of a batch then differ in how much is labelled."""
    persons = list(people.persons)
    for i in range(0, len(persons), 3):
        keypoints = persons[i].keypoints.copy()
        keypoints[9:] = 0
        persons[i] = replace(persons[i], keypoints=keypoints)
    return replace(people, persons=tuple(persons))


def out_of_reach(people):
    """Labels that no crop holds: every epoch scores 0, and none is better than the one before."""
    return replace(
        people, persons=tuple(replace(p, keypoints=p.keypoints + np.array([9999, 0, 0])) for p in people.persons)
    )


@guarded
def train(arguments):
    """Train; worker 0 also leaves what its network makes of eight people, to be compared with a converted file."""
    import keras

    from poseport.train import evaluate, fit
    from poseport.train.networks import models
    from poseport.train.request import Reporting, Start, TrainingData
    from poseport.train.samples.training_batches import TrainingBatches
    from poseport.train.workers import strategy
    from poseport.train.workers import team as teams

    people = some_unlabelled(coco.load(Path(arguments.people)))
    network = HourglassArchitecture(stacks=arguments.devices, width=16, depth=1, block="separable")
    spec = PoseSpec("team", network, people.skeleton, (32, 32), HeatmapOutput(values="logits"))
    if arguments.regressor:
        network = DeepPoseArchitecture(width=0.25, dense_units=32, dropout=0.5)
        spec = PoseSpec("team", network, people.skeleton, (64, 64), CoordsOutput(score="sigma"))
    batch_of = TrainingBatches.__getitem__

    def mortal(data, index):
        if data.first_epoch * data.steps + index == arguments.die_at and data.shard.index == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return batch_of(data, index)

    TrainingBatches.__getitem__ = mortal
    init, out = Path(arguments.init), Path(arguments.out)
    with strategy.joined(arguments.devices) as team:
        if arguments.devices > 1:
            for some in (teams.ALONE, team):
                fit.fit(
                    spec,
                    SETTINGS,
                    TrainingData(people, people),
                    out / str(some.devices),
                    start=Start(init=init),
                    reporting=Reporting(pictures=1),
                    team=some,
                )
            return
        if arguments.regressor:
            fit.fit(spec, DROPPED, TrainingData(people, people), out, team=team)
            return
        say, resume = click.echo, arguments.resume
        fit.fit(
            spec,
            STOPPED,
            TrainingData(people, out_of_reach(people)),
            out,
            start=Start(init=init, resume=resume),
            reporting=Reporting(echo=say),
            team=team,
        )
    if team is teams.ALONE:
        crops = next(batches.batches(spec, people.persons[:8])).crops
        images = pose.normalise(spec, crops)
        outputs = evaluate.predict_outputs(models.load(out, keras)[1], images)
        np.savez(out / "outputs.npz", images=images, outputs=outputs)


if __name__ == "__main__":
    jax_launcher.end_with_launcher()
    if os.environ["KERAS_BACKEND"] == "jax":
        sys.modules["tensorflow"] = None  # JAX trains where no TensorFlow is installed
    parser = argparse.ArgumentParser()
    parser.add_argument("people")
    parser.add_argument("init")
    parser.add_argument("out")
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--regressor", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--die-at", type=int, default=-1)
    try:
        train(parser.parse_args())
    except click.ClickException as error:
        error.show()
        sys.exit(1)
