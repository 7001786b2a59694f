# make          install if needed, then run the whole pipeline at scale laptop
# make fig1     install if needed, then Figure 1 of the survey alone, in about a minute of one core
# make test     install if needed, then run the tests
# make quick    the tests of the mathematics alone, in a minute of two cores
# make check    lint, format and types, as CI does
VENV ?= .venv
PYTHON ?= python3
CORES ?= all
INSTALLED = $(VENV)/.installed
export PATH := $(abspath $(VENV)/bin):$(PATH)

.PHONY: all fig1 test quick check faults format reference long clean

all: $(INSTALLED)
	snakemake --cores $(CORES)
	@test -f results/laptop/report.html || pdebridge report
	@echo "Figures, tables, verdicts: results/laptop/report.html"

fig1: $(INSTALLED)
	snakemake --cores $(CORES) fig1
	@echo "Figure 1: results/laptop/paper/figures/figure1/figure1.png"

$(INSTALLED): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/python -m pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

test: $(INSTALLED)
	pytest

quick: $(INSTALLED)
	pytest tests/dynamics tests/integrators tests/gradients/test_every_mode.py tests/networks tests/optimisation tests/configuration tests/test_catalogue.py tests/test_imports.py tests/test_face.py

check: $(INSTALLED)
	ruff check .
	ruff format --check .
	mypy
	snakefmt --check Snakefile workflow

# Every operation on files of a training instead of each ninth, under every fault.
faults: $(INSTALLED)
	PDEBRIDGE_FAULTS_EVERY=1 pytest -n 0 -s --timeout=3600 -m faults tests/faults

format: $(INSTALLED)
	ruff check --fix .
	ruff format .
	snakefmt Snakefile workflow
	pdebridge schema

# Make the finished runs of scales laptop and test the reference of later ones, and write RESULTS.md.
reference: $(INSTALLED)
	. .ci/arithmetic && snakemake --cores $(CORES) && snakemake --cores $(CORES) --configfile config/test.yaml
	. .ci/arithmetic && pdebridge repeats && pdebridge repeats --config config/test.yaml
	pdebridge regress --scale test --update
	pdebridge regress --scale laptop --update

# Train what was published at scale workstation, days of one core: in this order, at low priority, where it was left off.
LONG ?= poisson-networks plane-ritz transport-optimum jmiv games-published odenet-mnist mnist-trials discrete-msa
long: $(INSTALLED)
	for name in $(LONG); do \
	  nice -n 19 snakemake --cores 1 --rerun-incomplete --config scale=workstation "experiments=[$$name]" || exit 1; \
	done

clean:
	rm -rf results/laptop results/test .snakemake
