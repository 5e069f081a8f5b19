# Entry points for people and for continuous integration. Every target works on a fresh clone with Go alone;
# bench-deps is the only one that installs something outside the module cache.

GO       ?= go
FUZZTIME ?= 10s

# Bounded, so that a deadlock is reported with its stacks instead of hanging the run.
TEST_TIMEOUT ?= 170s
RACE_TIMEOUT ?= 300s

# What the race detector has nothing to say about: benchmarks measure, lint reads source text.
RACE_SKIP = -e '/bench$$' -e /bench/ -e '/internal/lint$$'

.DEFAULT_GOAL := help
.PHONY: help demo test race check bench bench-deps fuzz

help: ## list the targets
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## count the words of the Go source tree with a few hundred lines of actors
	$(GO) run ./examples/wordcount

test: ## run every test
	$(GO) test -timeout $(TEST_TIMEOUT) ./...

race: ## run the concurrent packages' tests under the race detector, in random order
	@packages=$$($(GO) list ./...) || exit 1; set -x; \
	$(GO) test -race -shuffle=on -timeout $(RACE_TIMEOUT) $$(echo "$$packages" | grep -v $(RACE_SKIP))

check: ## vet, gofmt, staticcheck and the rules of internal/lint
	$(GO) vet ./...
	@unformatted=$$(gofmt -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then echo "gofmt -w these files:"; echo "$$unformatted"; exit 1; fi
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	$(GO) test -count=1 ./internal/lint

bench: ## measure the hot path beside a Go channel, protoactor-go and (if erl is there) Erlang
	$(GO) run ./bench

bench-deps: ## install Erlang for the comparison in make bench (Debian or Ubuntu)
	@if command -v erl >/dev/null; then echo "erl is already installed"; else \
	sudo=$$(command -v sudo || true); [ "$$(id -u)" = 0 ] && sudo=; \
	$$sudo apt-get update -q && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends erlang-base; fi

fuzz: ## run each fuzz target for FUZZTIME
	@set -e; packages=$$($(GO) list ./...); for pkg in $$packages; do \
	  listed=$$($(GO) test -list '^Fuzz' $$pkg); \
	  for target in $$(echo "$$listed" | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done
