# What to type; `make` alone lists it.
#
# On a machine without ROS everything lives in .venv: ROS 2, the tools and style_transfer_msgs, built there by plain
# cmake.  In a sourced ROS 2 installation colcon builds both packages into install/ with that installation's ROS, NumPy
# and OpenCV; what rosdep does not know goes into .venv-<distro>, which sees the system's packages, because Debian and
# Ubuntu forbid pip to touch the system's Python.

SHELL := /bin/bash
.SHELLFLAGS := -eo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help install msgs demo live test lint bench evaluate train fuzz soak clean

PYTHON ?= python3
ROS := $(and $(ROS_DISTRO),$(shell command -v ros2))
VENV := $(if $(ROS),.venv-$(ROS_DISTRO),.venv)
BIN := $(VENV)/bin
STAMP := $(VENV)/stamp
STEP = @$(PYTHON) .ci/step.py
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input install --prefer-binary
INTERFACES := $(shell find style_transfer_msgs -type f)
# pip's configuration may say that it installs for the user, which a virtual environment refuses
export PIP_USER := 0

# PRODUCT runs the nodes and tools, RUN is the start of a command line that uses them.
ifdef ROS
PRODUCT := $(STAMP)/runtime $(STAMP)/web $(STAMP)/colcon
RUN := source install/setup.bash && $(BIN)/python
else
PRODUCT := $(STAMP)/ros $(STAMP)/runtime $(STAMP)/web $(STAMP)/package $(STAMP)/msgs
RUN := $(BIN)/python
endif

help:  ## list the targets
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 18
	@echo "Another Python: make PYTHON=python3.12 ...; options of what is run: make train ARGS='--hours 6'"

install: $(PRODUCT)  ## install everything that the nodes need, into .venv
msgs: $(if $(ROS),$(STAMP)/colcon,$(STAMP)/ros $(STAMP)/msgs)  ## build style_transfer_msgs

demo: $(PRODUCT)  ## paint a moving picture for 20 s with real nodes, leave demo_output/
	@$(RUN) -m style_transfer_ros.programs style_transfer_demo $(ARGS)

live: $(PRODUCT)  ## paint a camera and show it on a page: make live ARGS='--source 0'
	@$(RUN) -m style_transfer_ros.programs style_transfer_live $(ARGS)

test: $(PRODUCT) $(addprefix $(STAMP)/,magenta tensorflow train video scale peers $(if $(ROS),,test fuzz))  ## run all tests and linters
ifdef ROS
	@source install/setup.bash && $(COLCON) test --event-handlers console_direct+ --return-code-on-test-failure
else
	@$(RUN) -m pytest $(ARGS)
endif

lint: $(PRODUCT) $(if $(ROS),,$(STAMP)/test)  ## run the linters and the type checker alone
	@$(RUN) -m pytest test/test_lint.py

RUNS ?= 10000
fuzz: $(PRODUCT) $(STAMP)/test $(STAMP)/fuzz  ## try generated inputs, RUNS=10000 of each kind
	@$(RUN) test/fuzz/fuzz.py --runs $(RUNS) $(ARGS)

SECONDS ?= 3600
soak: $(PRODUCT)  ## run the nodes under load and kill them, SECONDS=3600
	@$(RUN) test/soak/soak.py --seconds $(SECONDS) $(ARGS)

bench: $(PRODUCT) $(STAMP)/magenta $(STAMP)/tensorflow $(STAMP)/bench  ## measure speed, leave benchmark_output/
	@$(RUN) -m benchmark.bench $(ARGS)

evaluate: $(PRODUCT) $(STAMP)/magenta $(STAMP)/bench  ## measure quality, leave evaluation_output/
	@$(RUN) -m evaluation $(ARGS)

train: $(PRODUCT) $(STAMP)/magenta $(STAMP)/train  ## train our networks from public pictures, leave training_output/
	@$(RUN) -m training $(ARGS)

clean:  ## remove everything that make has made
	@rm -rf .venv .venv-* build install log *_output *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment.  A stamp is older than its requirements file exactly when that must be installed (again).  Its
# programs hold its path, and what was killed while it wrote left a part: then all is made again.
ifneq ($(filter-out help clean,$(MAKECMDGOALS)),)
$(if $(shell .ci/stale $(VENV)),$(info $(VENV) was made at another place or not to its end; it is made again.)\
$(shell rm -rf $(VENV) $(if $(ROS),build install log)))
endif

$(BIN)/python:
	@.ci/check $(PYTHON)
	@mkdir -p $(VENV) && touch $(VENV)/unfinished
	$(STEP) 'Make $(VENV)' $(PYTHON) -m venv $(if $(ROS),--system-site-packages) $(VENV)
	@rm $(VENV)/unfinished

# By hash where there is a lock; beside the packages of a ROS installation, whose versions are its own, without.
$(STAMP)/%: requirements/%.txt | $(BIN)/python
	@touch $(VENV)/unfinished
	$(STEP) 'Install $<' $(PIP) $(if $(or $(ROS),$(if $(wildcard $(<:.txt=.lock)),,no lock)),-r $<, \
		--require-hashes -r $(<:.txt=.lock)) || { rm -f $(VENV)/unfinished; exit 1; }
	@mkdir -p $(@D) && touch $@ && rm $(VENV)/unfinished

# Editable: an edit in the clone is live.  pip knows nothing of ament's places, so they are links: the package's share
# folder is the clone itself, and `ros2 run` and launch files find the executables in lib/.
$(STAMP)/package: setup.py package.xml $(STAMP)/build
	$(STEP) 'Install style_transfer_ros' $(PIP) --no-build-isolation --no-deps --editable .
	@mkdir -p $(VENV)/share/ament_index/resource_index/packages $(VENV)/lib/style_transfer_ros
	@ln -sfn ../.. $(VENV)/share/style_transfer_ros
	@touch $(VENV)/share/ament_index/resource_index/packages/style_transfer_ros
	@rm -f $(VENV)/lib/style_transfer_ros/*
	@ln -sf $$(grep -ls 'from style_transfer_ros' $(BIN)/* | sed 's|.*/|../../bin/|') $(VENV)/lib/style_transfer_ros/
	@touch $@

$(STAMP)/msgs: export PATH := $(CURDIR)/$(BIN):$(PATH)
$(STAMP)/msgs: $(INTERFACES) $(STAMP)/ros $(STAMP)/build
	$(STEP) 'Configure style_transfer_msgs' cmake -S style_transfer_msgs -B $(VENV)/build -G Ninja --fresh \
		'-DCMAKE_PREFIX_PATH=$(CURDIR)/$(VENV)' '-DCMAKE_INSTALL_PREFIX=$(CURDIR)/$(VENV)' -DBUILD_TESTING=OFF
	$(STEP) 'Build style_transfer_msgs' cmake --build $(VENV)/build --target install
	@touch $@

# Run by the environment's Python, colcon writes it into the executables, so that `ros2 run` finds OpenVINO too.
COLCON = $(BIN)/python $(shell command -v colcon)
$(STAMP)/colcon: $(INTERFACES) setup.py setup.cfg package.xml $(STAMP)/runtime
	$(STEP) 'Build with colcon' $(COLCON) build --symlink-install
	@touch $@
