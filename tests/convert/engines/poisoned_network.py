"""A network with one bad channel, and people whom it finds exactly before it is int8."""

from dataclasses import replace

from poseport import bundle
from poseport.convert import recipes, to_tflite
from poseport.convert.request import AccuracyBudget, Request
from poseport.predict import predict
from poseport.tflite.runner import load
from poseport.train.progress.callbacks import save_weights

INT8 = recipes.recipe("int8")


def poison(spec, model, norm, reader, directory):
    """A bundle whose fourth channel behind `norm` is a thousand times as large, and taken back by the only
    convolution that reads it: the same function, but no range of 255 steps holds all channels.
    """
    gamma, beta, *moving = model.get_layer(norm).get_weights()
    kernel, *bias = model.get_layer(reader).get_weights()
    gamma[3], beta[3], kernel[:, :, 3] = 1000 * gamma[3], 1000 * beta[3], kernel[:, :, 3] / 1000
    model.get_layer(norm).set_weights([gamma, beta, *moving])
    model.get_layer(reader).set_weights([kernel, *bias])
    bundle.write_spec(directory, spec)
    save_weights(model, directory / bundle.WEIGHTS)
    return directory


def labelled_by(directory, people, folder, larger=1):
    """People labelled with what the network itself finds: its AP is 1, and each loss is int8's. They count as `larger`
    times their area.
    """
    model = load(to_tflite.convert(Request(directory, recipes.recipe("float32"), folder / "m.tflite")).path)
    found = predict(model, people.persons)
    found[..., 2] = 2
    pairs = zip(people.persons, found, strict=True)
    return replace(people, persons=tuple(replace(p, keypoints=k, area=larger * p.area) for p, k in pairs))


def search(poisoned, calib, tune, out, max_ap_drop=40.0, say=lambda line: None, recipe=INT8):
    budget = AccuracyBudget(max_ap_drop, tune, 20, say)
    return to_tflite.convert(Request(poisoned, recipe, out, calib, calib_count=12, budget=budget))
