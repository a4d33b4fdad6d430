# What a person does with this repository. `make demo` needs Rust, make and a C compiler; `make test` says what it needs.

SHELL := /bin/bash
TARGET := $(or $(CARGO_TARGET_DIR),target)
export PATH := $(CURDIR)/target/tools/bin:$(PATH)

.PHONY: help demo setup test test-long bench lint deny

help:
	@printf '%s\n' \
	  'make demo       builds the program and shows the whole walk against a sandbox' \
	  'make test       formatting, lints, docs, licences and every test' \
	  'make test-long  the same tests with many more rounds (kills, seeds, faults)' \
	  'make bench      speed and memory, as ratios; written to $(TARGET)/bench.json' \
	  'make lint       formatting, lints, docs, licences'

demo:
	@echo '== build (a first build takes some minutes)'
	cargo build --release --locked -p tenure
	@"$(TARGET)/release/tenure" demo

setup:
	@echo '== setup'
	@scripts/setup

lint: setup
	@echo '== formatting'
	cargo fmt --all --check
	@echo '== lints'
	cargo clippy --workspace --all-targets --locked -- -D warnings
	@echo '== documentation'
	RUSTDOCFLAGS='-D warnings' cargo doc --workspace --no-deps --document-private-items --locked --quiet
	@$(MAKE) --no-print-directory deny

# The advisory database is not asked for here: it needs a network that a build machine may not have.
deny:
	@echo '== licences, bans, sources'
	@if command -v cargo-deny >/dev/null; then cargo deny --locked check licenses bans sources; \
	else echo 'no cargo-deny; tests/supply.rs checks the same lists'; fi

test: lint
	@echo '== tests'
	@scripts/run-tests

test-long: setup
	@echo '== tests, long'
	@TENURE_LONG=1 scripts/run-tests

bench:
	@echo '== bench'
	cargo build --release --locked -p tenure -p tenure-bench
	@"$(TARGET)/release/tenure-bench" --out "$(TARGET)/bench.json"
