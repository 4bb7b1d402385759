# The two commands are `make run` and `make test`. Both install what they need.

.PHONY: run test bench lint clean web tools dist
SHELL := bash
DATA ?= data
BAIGONG := target/debug/baigong

run: web ## build everything and start the demo park
	cargo build -p server
	$(BAIGONG) demo --data $(DATA)

test: tools web ## every test: Rust on SQLite and PostgreSQL, web, browser, crash and contract tests
	scripts/test.sh

lint: tools web
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- -D warnings
	cargo run -q -p xtask -- tidy

bench: web ## the figures of docs/performance.md
	cargo build -p server --examples --bins
	scripts/bench.sh

web: web/dist/index.html

# The console is rebuilt when any of its sources changed.
web/dist/index.html: package.json package-lock.json $(shell find web modules/*/web -type f -not -path '*/dist/*' -not -path '*/node_modules/*' 2>/dev/null)
	scripts/npm.sh ci --no-audit --no-fund
	scripts/npm.sh run build
	@touch $@

tools: ## what the tests need from the distribution
	scripts/install-tools.sh

dist: web ## the smallest and fastest binary; takes much longer to build
	cargo build -p server --profile dist

clean:
	cargo clean
	rm -rf web/dist node_modules test-output
