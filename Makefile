# The text after a target's `##` is its line in `make help`.
.DEFAULT_GOAL := help
.PHONY: help serve test fuzz install wheel npm bench bench-sdk bench-ledger lint fmt clean

# What `make serve` hands to `behest serve`: make serve ARGS="--port 9000"
ARGS ?=
# What `make wheel` and `make npm` build with: `dist` makes the smallest and takes the longest.
PROFILE ?= release

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

serve: ## Build the gateway and start it on its built-in settings (ARGS="--port 9000")
	@scripts/serve $(ARGS)

test: ## Install what the tests need and run all of them: Rust, Python, Node, real clients
	@scripts/without-providers scripts/test

fuzz: ## Feed arbitrary bytes to the readers of streams and requests (FUZZ_SECONDS=60 for each)
	@scripts/fuzz

install: ## Put the behest command on the path (PREFIX=/usr/local for another place than cargo's)
	@scripts/install "$(PREFIX)"

wheel: ## Build the Python packages that would be published, into target/wheels (PROFILE=dist)
	@scripts/wheel "$(PROFILE)"

npm: ## Build the npm packages that would be published, into target/npm (PROFILE=dist)
	@scripts/npm "$(PROFILE)"

bench: ## Measure the gateway beside nginx and a direct connection
	@scripts/without-providers benches/run

bench-sdk: ## Measure the Python and Node SDKs beside openai's packages, httpx and fetch
	@scripts/without-providers benches/run-sdk

bench-ledger: ## Measure reports over a ledger of a million records (some minutes, 1 GB of disk)
	@scripts/without-providers benches/run-ledger

lint: ## Check formatting, lints, licences and sources
	@scripts/lint

fmt: ## Format the code
	cargo fmt --all
	@if [ -x .venv/bin/ruff ]; then .venv/bin/ruff check --quiet --fix . && .venv/bin/ruff format --quiet .; fi

clean: ## Remove what was built and installed inside this folder
	cargo clean
	rm -rf .venv bindings-node/dist bindings-node/node_modules examples/node_modules examples/node-express/node_modules tests/clients/node_modules fuzz/target fuzz/corpus bindings-python/python/behest/_native.abi3.so bindings-node/behest.node
