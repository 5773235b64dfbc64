# Everything a developer or CI does has a target here; `.ci/run` calls these and nothing else.
# `make demo` and `make test` need only a Rust toolchain.

CARGO ?= cargo
PYTHON ?= python3
# Dependencies compiled once serve every clone, where the folder is kept.
ifdef AFLUENTE_CACHE
export CARGO_TARGET_DIR = $(AFLUENTE_CACHE)/target
VENV = $(AFLUENTE_CACHE)/venv
else
VENV = target/venv
endif

.PHONY: demo test fmt clippy docs lint interop bench fuzz golden

demo: ## export all tables of the simulated vendors into ./lake
	$(CARGO) run --locked -- demo

test: ## everything that needs nothing but a Rust toolchain
	$(CARGO) test --locked

fmt:
	$(CARGO) fmt --check

clippy:
	$(CARGO) clippy --locked --all-targets -- -D warnings

docs:
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --document-private-items

lint: $(VENV)/lint ## spelling; licences, sources and duplicates of the dependencies
	$(VENV)/bin/typos
	$(PYTHON) tests/interop/deny.py

interop: $(VENV)/interop $(VENV)-oldest/readers $(VENV)-newest/readers ## real readers, the oldest and the newest, and a real S3 server over what was written
	# Not `cargo build`: what the tests are compiled with also makes the binary, and nothing is compiled twice.
	$(CARGO) test --locked --no-run --lib --test it
	$(VENV)/bin/python -m pytest -q tests/interop

bench: ## ratios against peers on the same input in the same run
	$(CARGO) bench --locked

fuzz: ## the scanner and the decoder against mutated pages, ten minutes or so
	AFLUENTE_FUZZ_ROUNDS=20000000 $(CARGO) test --release --locked fuzz -- --nocapture

golden: ## record pages from the sandbox and accept the batches decoded from them; read the diff before committing it
	AFLUENTE_ACCEPT=1 $(CARGO) test --locked --quiet

$(VENV)/lint: tests/interop/requirements-lint.txt
$(VENV)/interop: tests/interop/requirements.txt
$(VENV)/lint $(VENV)/interop:
	$(PYTHON) -m venv $(VENV)
	$(VENV)/bin/pip install --quiet -r $<
	touch $@

# The readers of docs/readers.md: each age has an environment of its own, since their versions exclude each other.
$(VENV)-oldest/readers $(VENV)-newest/readers: $(VENV)-%/readers: tests/interop/requirements-%.txt
	$(PYTHON) -m venv $(VENV)-$*
	$(VENV)-$*/bin/pip install --quiet -r $<
	touch $@
