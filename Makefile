# `make demo` and `make test` do all the set-up themselves.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
SOURCES := $(shell find core train convert bench models web_demo -type f -not -path '*/__pycache__/*')
DEMO := demo

.PHONY: help install dev docs test test-slow fuzz lock lint bench arm-parity demo apk test-android pictures-android bench-android test-web bench-web starter tiny deeppose accurate clean

help:
	@echo "make demo       the whole line on drawn people: train, convert, measure, gate, report (under 15 minutes)"
	@echo "make test       the tests, against the installed package"
	@echo "make test-slow  the tests that take minutes each"
	@echo "make fuzz       damaged and hostile files of every kind that is read, for five minutes"
	@echo "make lint       ruff and mypy"
	@echo "make lock       constraints.txt again: every package that is installed, with the sha256 of its files"
	@echo "make docs       the site in site/: documents, a page for every command, the Python reference"
	@echo "make dev        an editable installation that editors and type checkers can follow"
	@echo "make apk        the Android app, without Google's SDK; with the starter model, or MODEL=m.tflite, inside"
	@echo "make test-android  the app's tests on this machine"
	@echo "make test-web   the tests of the page in headless Chromium"
	@echo "make starter    trains a shipped network again: DATA=annotations COCO=annotations ENCODERS=folder, hours; make tiny, deeppose"
	@echo "make accurate   and accurate the others: hours; after starter, whose relabelled people they take"
	@echo "make arm-parity an emulated Arm processor in .arm/, for poseport verify --arm .arm"
	@echo "make bench      this toolkit's own speed, as ratios; make bench-android and bench-web: the app's and the page's code beside the network"

# dependencies once; the package itself whenever a source changed
$(VENV)/.dependencies: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(0 if (3, 11) <= sys.version_info[:2] <= (3, 13) else "Python %d.%d cannot run TensorFlow here: install 3.11 to 3.13 and run make PYTHON=python3.11" % sys.version_info[:2])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r constraints.txt
	@touch $@

$(VENV)/.installed: $(VENV)/.dependencies setup.py $(SOURCES)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --force-reinstall .
	@rm -rf build
	@touch $@

install: $(VENV)/.installed

# the links of a strict editable installation lie in build/; mypy and editors follow them
dev: $(VENV)/.dependencies
	@rm -rf build $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --config-settings editable_mode=strict -e .

docs: install
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --quiet --strict
	@echo "open site/index.html; the search needs a server: $(BIN)/python -m http.server -d site"

test: install
	$(BIN)/python -m pytest -m "not slow and not browser" -n 2 --dist loadfile
	@echo "the app's tests need a JDK and take a few minutes more: make test-android"

test-slow: install
	$(BIN)/python -m pytest -m slow

# minutes; `make test` has a short form. SEED: where the random faults begin
SEED ?= 0
fuzz: install
	$(BIN)/python tests/fuzz.py --minutes 5 --seed $(SEED)

# constraints.txt anew, from the versions in it where pyproject.toml allows them, with the sha256 of every file
# backports-strenum 1.3 is for Python up to 3.10 only, which uv does not look at and pip does
lock:
	$(PYTHON) -m venv .lock
	.lock/bin/python -m pip install --quiet --disable-pip-version-check uv
	printf 'setuptools\nbackports-strenum<1.3\n' | .lock/bin/uv pip compile pyproject.toml - --extra dev --extra docs --universal --python-version 3.11 \
	  --generate-hashes --no-emit-index-url --quiet --custom-compile-command "make lock" --output-file constraints.txt
	rm -rf .lock

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy -p poseport

bench: install
	$(BIN)/python tests/speed.py

arm-parity: install
	PYTHON=$(BIN)/python sh tests/arm_environment.sh .arm constraints.txt

demo: install
	rm -rf $(DEMO)
	$(BIN)/poseport data synth $(DEMO)/train --count 3000 --seed 0
	$(BIN)/poseport data synth $(DEMO)/unseen --count 400 --seed 1
	$(BIN)/poseport train --preset mobile-hourglass --input-size 128 --data $(DEMO)/train --val $(DEMO)/unseen \
	  --epochs 12 --eval-every 6 --out $(DEMO)/run
	$(BIN)/poseport convert $(DEMO)/run --recipe float32 --calib $(DEMO)/train --out $(DEMO)/hourglass.float32.tflite
	$(BIN)/poseport convert $(DEMO)/run --recipe int8 --calib $(DEMO)/train --calib-count 300 --exclude $(DEMO)/unseen \
	  --out $(DEMO)/hourglass.int8.tflite
	$(BIN)/poseport bench accuracy $(DEMO)/hourglass.float32.tflite $(DEMO)/hourglass.int8.tflite \
	  --data $(DEMO)/unseen --out $(DEMO)/results
	$(BIN)/poseport bench latency $(DEMO)/hourglass.float32.tflite $(DEMO)/hourglass.int8.tflite \
	  --threads 1,2 --out $(DEMO)/results
	$(BIN)/poseport bench report $(DEMO)/results --out $(DEMO)/report.md
	$(BIN)/poseport bench report $(DEMO)/results --out report.html --models $(DEMO)
	@cat $(DEMO)/report.md
	@echo "--- gate: may int8 lose 1.0 point?"
	@$(BIN)/poseport bench gate $(DEMO)/results --baseline hourglass.float32 --candidate hourglass.int8 --max-ap-drop 1.0; \
	  echo "gate: exit code $$? (0 within, 1 beyond, 2 cannot tell with this many people)"
	@echo "open report.html"

# needs Python's standard library only; what else it needs it installs (Debian, as root) or names
MODEL ?= models/starter.mixed-float32.tflite
# finds everyone in the camera and in photos; DETECTOR= builds an app that looks for one person
DETECTOR ?= models/person.int8.tflite
apk:
	$(PYTHON) android_demo/tools/apk.py $(MODEL) $(DETECTOR)

android_demo/build/models/frames.json: $(wildcard tests/android/write_*.py) $(VENV)/.installed
	rm -rf $(@D)
	mkdir -p $(@D)
	$(BIN)/python tests/android/write_models.py $(@D)
	$(BIN)/python tests/android/write_mutants.py $(@D)
	$(BIN)/python tests/android/write_frames.py $(@D)
	$(BIN)/python tests/android/write_people.py $(@D)
	@touch $@

test-android: apk android_demo/build/models/frames.json
	$(PYTHON) android_demo/tools/host.py android_demo/build/models
	$(PYTHON) android_demo/tools/arm64.py android_demo/build/models

# the pictures of docs/android.md. PHOTOS: a folder with astronaut.png and camera.png of scikit-image (skimage/data)
pictures-android: apk android_demo/build/models/frames.json
	PHOTOS=$(abspath $(PHOTOS)) $(PYTHON) android_demo/tools/host.py android_demo/build/models org.poseport.demo.Pictures
	cp android_demo/build/host/screens/app*.jpg docs/images/

bench-android: apk android_demo/build/models/frames.json
	$(PYTHON) android_demo/tools/host.py android_demo/build/models org.poseport.demo.core.Speed

# Node.js and Chromium: without them the tests skip with a line
test-web: install
	$(BIN)/python -m pytest tests/web

bench-web: install
	PYTHONPATH=tests $(BIN)/python tests/web/speed.py

# The shipped networks again, into runs/. DATA: LSP Extended's 9,000 training people in COCO form; COCO: people of COCO 2017's training
# set (its own annotations file does, too); ENCODERS: a folder with MoveNet Lightning (int8) and Thunder (float16), the latter with its
# spec beside it (docs/models says where these come from).
LIGHTNING = $(ENCODERS)/movenet_lightning_int8_4.tflite
THUNDER = $(ENCODERS)/movenet_thunder_fp16.tflite
TAUGHT = --data $(DATA) --teacher $(THUNDER) --teacher-cache runs/teacher.npz --augment docs/models/encoder.augment.json
# both sets as `make starter` relabels them, with the first layers of the encoder held
BOTH = --data $(COCO:.json=_relabelled.json) --data $(DATA:.json=_relabelled.json) --data-share 1,0.5 \
  --augment docs/models/both.augment.json --set train.freeze_first=20
# people who are not much enlarged, twice, with little blur: for the last stages of `starter` and `accurate`
SHARP = --data $(COCO:.json=_large.json) --data $(DATA:.json=_relabelled.json) --data-share 2,0.5 --augment docs/models/sharp.augment.json
# the same people, whose keypoints two networks moved
TWICE = --data $(COCO:.json=_twice.json) --data $(DATA:.json=_twice.json) --data-share 2,0.5 --augment docs/models/sharp.augment.json
# what stays in float32 of `starter`: 5 % of its multiply-adds
PYRAMID = depthwise69 conv70 depthwise73 conv74 depthwise77 conv78 depthwise79 conv80 heatmaps
starter: install
	$(BIN)/poseport import $(LIGHTNING) --spec docs/specs/movenet_lightning_heatmaps.json --until kpt_heatmap_0/conv2d_5 --out runs/lightning
	$(BIN)/poseport data relabel $(COCO) --teacher $(THUNDER) --cache runs/coco.npz --smallest 64 --out $(COCO:.json=_relabelled.json)
	$(BIN)/poseport data relabel $(DATA) --teacher $(THUNDER) --cache runs/lspet.npz --weight 1 --drop 0.4 --out $(DATA:.json=_relabelled.json)
	$(BIN)/poseport train --init runs/lightning --data $(COCO:.json=_relabelled.json) --data $(DATA:.json=_relabelled.json) --data-share 2,1 \
	  --epochs 6 --warmup 0.35 --set train.freeze_first=16 --out runs/starter-1
	$(BIN)/poseport data relabel $(COCO) --teacher $(THUNDER) --cache runs/coco-flip.npz --smallest 100 --flip --out $(COCO:.json=_large.json)
	$(BIN)/poseport train --init runs/starter-1 $(SHARP) --epochs 1 --learning-rate 1.4e-4 --schedule constant --warmup 0.3 \
	  --set train.freeze_first=16 --out runs/starter-2
	$(BIN)/poseport train --init runs/starter-2 $(SHARP) --epochs 3 --learning-rate 1.5e-4 --warmup 0.2 \
	  --set train.freeze_first=16 --set spec.padding=1.12 --seed 1 --out runs/starter-3
	$(BIN)/poseport train --init runs/starter-3 $(SHARP) --epochs 4 --learning-rate 2e-4 --warmup 0.2 \
	  --set train.freeze_first=8 --seed 2 --out runs/starter-4
	$(BIN)/poseport data relabel $(COCO:.json=_large.json) --teacher accurate --cache runs/coco-2.npz --weight 0.33 --flip --out $(COCO:.json=_twice.json)
	$(BIN)/poseport data relabel $(DATA:.json=_relabelled.json) --teacher accurate --cache runs/lspet-2.npz --flip --out $(DATA:.json=_twice.json)
	$(BIN)/poseport train --init runs/starter-4 $(TWICE) --epochs 9 --learning-rate 2.5e-4 --warmup 0.2 \
	  --set train.freeze_first=8 --set train.ema=0.998 --seed 3 --out runs/starter-5
	$(BIN)/python docs/models/average.py runs/starter-4 runs/starter-5 0.75 runs/starter-6
	$(BIN)/poseport train --init runs/starter-6 $(TWICE) --epochs 6 --learning-rate 2.2e-4 --warmup 0.2 --set 'spec.input_hw=[224,192]' --decoder oks \
	  --set train.freeze_first=8 --set train.ema=0.998 --seed 6 --out runs/starter-7
	$(BIN)/python docs/models/average.py runs/starter-6 runs/starter-7 0.5 runs/starter
	$(BIN)/poseport convert runs/starter --recipe mixed-float32 $(addprefix --keep ,$(PYRAMID)) --calib $(COCO:.json=_twice.json) --calib $(DATA:.json=_twice.json) \
	  --calib-share 1,1 --calib-count 400 --out runs/starter.mixed-float32.tflite

tiny: install
	$(BIN)/poseport train --preset mobilenet-hourglass --set architecture.depth=2 $(TAUGHT) --init $(LIGHTNING) \
	  --epochs 4 --freeze-epochs 4 --learning-rate 3e-3 --warmup 0.3 --out runs/tiny-1
	$(BIN)/poseport train --preset mobilenet-hourglass $(TAUGHT) --init runs/tiny-1 \
	  --epochs 8 --freeze-epochs 8 --learning-rate 2e-3 --schedule constant --warmup 0.3 --out runs/tiny-2
	$(BIN)/poseport train --preset mobilenet-hourglass $(TAUGHT) --init runs/tiny-2 \
	  --epochs 4 --freeze-epochs 4 --learning-rate 1e-3 --warmup 0 --out runs/tiny-3
	$(BIN)/poseport train --preset mobilenet-hourglass $(TAUGHT) --init runs/tiny-3 \
	  --epochs 4 --learning-rate 3e-4 --warmup 0 --out runs/tiny-4
	$(BIN)/poseport train --preset mobilenet-hourglass $(BOTH) --init runs/tiny-4 --teacher runs/starter-1 \
	  --teacher-targets heatmaps --epochs 4 --learning-rate 8e-4 --warmup 0.3 --set train.ema=0.998 --set train.clip_norm=1 --out runs/tiny-5
	$(BIN)/poseport train --preset mobilenet-hourglass $(TWICE) --init runs/tiny-5 --teacher runs/starter-5 --teacher-targets heatmaps \
	  --epochs 6 --learning-rate 1e-3 --warmup 0.3 --set train.freeze_first=12 --set spec.padding=1.12 --set train.ema=0.998 --set train.clip_norm=1 \
	  --seed 3 --out runs/tiny
	for recipe in float32 int8; do $(BIN)/poseport convert runs/tiny --recipe $$recipe --calib $(COCO:.json=_twice.json) --calib $(DATA:.json=_twice.json) \
	  --calib-share 1,1 --calib-count 100 --out runs/tiny.$$recipe.tflite || exit 1; done

deeppose: install
	$(BIN)/poseport train --preset mobilenet-deeppose $(BOTH) --init $(LIGHTNING) --epochs 5 --warmup 0.5 --out runs/deeppose-1
	$(BIN)/poseport train --preset mobilenet-deeppose $(BOTH) --init runs/deeppose-1 --epochs 3 --learning-rate 7e-4 --warmup 0.2 \
	  --seed 1 --out runs/deeppose
	for recipe in float32 int8; do $(BIN)/poseport convert runs/deeppose --recipe $$recipe --calib $(COCO) --calib $(DATA) \
	  --calib-share 2,1 --calib-count 300 --out runs/deeppose.$$recipe.tflite || exit 1; done

accurate: install
	$(BIN)/poseport import $(THUNDER) --spec docs/specs/movenet_thunder_heatmaps.json --until kpt_heatmap_0/conv2d_5 --out runs/thunder
	$(BIN)/poseport train --init runs/thunder --data $(COCO:.json=_relabelled.json) --data $(DATA:.json=_relabelled.json) --data-share 1,0.5 \
	  --augment docs/models/encoder.augment.json --learning-rate 2e-4 --epochs 5 --warmup 0.5 --set train.freeze_first=16 --out runs/accurate-1
	$(BIN)/poseport train --init runs/accurate-1 $(SHARP) --epochs 6 --learning-rate 1.8e-4 --warmup 0.2 \
	  --set train.freeze_first=8 --set spec.padding=1.12 --set train.ema=0.998 --out runs/accurate-2
	$(BIN)/poseport train --init runs/accurate-2 $(TWICE) --epochs 4 --learning-rate 1.8e-4 --warmup 0.2 \
	  --set train.freeze_first=8 --set spec.padding=1.12 --set train.ema=0.998 --seed 4 --out runs/accurate-3
	$(BIN)/python docs/models/average.py runs/accurate-2 runs/accurate-3 0.5 runs/accurate-4
	$(BIN)/python docs/models/average.py runs/thunder runs/accurate-4 0.9 runs/accurate-5
	$(BIN)/poseport train --init runs/accurate-5 $(TWICE) --epochs 4 --learning-rate 1.6e-4 --warmup 0.2 --set 'spec.input_hw=[288,224]' --decoder oks \
	  --set train.freeze_first=8 --set spec.padding=1.12 --set train.ema=0.998 --seed 6 --out runs/accurate-6
	$(BIN)/python docs/models/average.py runs/accurate-5 runs/accurate-6 0.5 runs/accurate-7
	$(BIN)/python docs/models/average.py runs/thunder runs/accurate-7 0.9 runs/accurate
	$(BIN)/poseport convert runs/accurate --recipe mixed-float32 $(addprefix --keep ,$(PYRAMID)) --calib $(COCO:.json=_twice.json) --calib $(DATA:.json=_twice.json) \
	  --calib-share 1,1 --calib-count 400 --out runs/accurate.mixed-float32.tflite

clean:
	rm -rf $(VENV) $(DEMO) report.html site build *.egg-info .mypy_cache .ruff_cache .pytest_cache
