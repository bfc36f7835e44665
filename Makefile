# SPDX-License-Identifier: Apache-2.0
# Each target sets up all that it needs, in .venv of this folder. The first one takes some minutes:
# it downloads lerobot with its torch: about 4 GB, 10 GB on disk.

VENV ?= .venv
PYTHON ?=
DURATION ?= 30
OUT ?= out/demo
HEADLESS ?= 1
POLICY ?= act
PYTEST_ARGS ?=
BENCH_ARGS ?=
SIDECAR_SECONDS ?= 600
KILLS ?= 100
MINUTES ?= 60
RUNS ?= 0

BIN := $(VENV)/bin
READY := $(VENV)/.ready

# All of it runs in $(VENV) on the embedded runtime, also in a shell where ROS 2 is sourced (its
# Python may be another); the tests marked ros2 find that ROS 2 by its setup file.
SOURCED := $(wildcard $(lastword $(subst :, ,$(AMENT_PREFIX_PATH)))/setup.bash)
PAM_ROS_ROS2_SETUP ?= $(SOURCED)
export PAM_ROS_ROS2_SETUP
unexport AMENT_PREFIX_PATH ROS_DISTRO PYTHONPATH

.PHONY: help setup demo test lint docs bench bench-gpu sidecar kills faults fuzz soak evaluate train-demo train-demo-vla clean

help:
	@echo 'make demo        the robot arm, the policy and its heatmaps; writes to $(OUT)'
	@echo '                 POLICY=smolvla: one that does what you type'
	@echo 'make test        the tests'
	@echo 'make lint        ruff, mypy, and the pages' English'
	@echo 'make docs        the pages of docs/ as HTML, in build/docs/html'
	@echo 'make bench       times ticks beside lerobot; writes docs/benchmarks.md (half an hour)'
	@echo 'make bench-gpu   the same on an NVIDIA GPU; writes docs/benchmarks_gpu.md'
	@echo 'make sidecar     sparse features at 30 Hz for $(SIDECAR_SECONDS) s: lost ticks, delay, CPU share'
	@echo 'make kills       ends $(KILLS) recorders by kill -9 and repairs their bags'
	@echo 'make faults      does to the real node what goes wrong on robots; writes docs/faults.md'
	@echo 'make fuzz        fuzzes every parser, RUNS inputs each (0: a million); writes docs/fuzzing.md'
	@echo 'make soak        the demo for MINUTES=$(MINUTES): latency, memory, descriptors; docs/soak.md'
	@echo 'make evaluate    success of the demo policy in 100 unseen scenes, sighted and blind'
	@echo 'make train-demo  trains the demo policy anew, on a GPU or slowly on two cores'
	@echo 'make train-demo-vla  the same for the policy that reads words'

setup: $(READY)

# A current pip first: that of Python 3.10 does not come to an end with lerobot's dependencies.
$(READY): pyproject.toml requirements.txt setup.py scripts/setup_machine.sh
	sh scripts/setup_machine.sh $(VENV) $(PYTHON)
	$(BIN)/python -m pip install --quiet --progress-bar off --upgrade pip
	$(BIN)/python -m pip install --quiet --progress-bar off -e '.[embedded,sim,video,int8,smolvla,live,test]'
	touch $(READY)

demo: $(READY)
	$(BIN)/pam_ros demo --policy $(POLICY) --duration $(DURATION) --out $(OUT) \
		--headless $(HEADLESS)

test: $(READY)
	$(BIN)/python scripts/run_tests.py $(PYTEST_ARGS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/python scripts/prose.py

docs: $(READY)
	$(BIN)/python -m pip install --quiet -e '.[docs]'
	$(BIN)/python -m sphinx -q -W --keep-going -b html docs build/docs/html
	@echo 'build/docs/html/index.html'

# The library that ticks are timed beside, out of $(VENV): its pins clash with lerobot's. Where it
# cannot be had, its rows say so.
build/bench: $(READY)
	-$(BIN)/python -m pip install --quiet --no-deps --upgrade --target build/bench \
		physical-ai-interpretability==0.1.4

bench: $(READY) build/bench
	$(BIN)/python -m pip install --quiet -e '.[int8]'
	$(BIN)/python -m bench $(BENCH_ARGS)

bench-gpu: $(READY)
	$(BIN)/python -m bench --device cuda $(BENCH_ARGS)

sidecar: $(READY)
	$(BIN)/python -m bench.sidecar --seconds $(SIDECAR_SECONDS)

kills: $(READY)
	$(BIN)/python -m bench.kills --kills $(KILLS)

faults: $(READY)
	$(BIN)/python test/faults --write

# atheris, out of $(VENV): it has wheels for some Pythons only, and without it the inputs are mutated
# blindly.
build/fuzz: $(READY)
	-$(BIN)/python -m pip install --quiet --no-deps --upgrade --target build/fuzz atheris

fuzz: $(READY) build/fuzz
	$(BIN)/python test/fuzz --runs $(RUNS) $(if $(filter 0,$(RUNS)),--write)

soak: $(READY)
	$(BIN)/python test/faults soak --minutes $(MINUTES) --write

evaluate: $(READY)
	$(BIN)/pam_ros sim evaluate --episodes 100 --seed 1000
	$(BIN)/pam_ros sim evaluate --episodes 100 --seed 1000 --blind

train-demo: $(READY)
	$(BIN)/pam_ros sim train

train-demo-vla: $(READY)
	$(BIN)/pam_ros sim train --policy smolvla

clean:
	rm -rf $(VENV) out build dist *.egg-info
