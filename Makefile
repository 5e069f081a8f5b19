# Entry points for people and for continuous integration. Every target works on a fresh clone with Go alone;
# bench-deps and e2e-deps install programs of Debian; e2e-deps and e2e keep a Consul server in the user's cache.

GO       ?= go
FUZZTIME ?= 10s
N        ?= 10000

# Bounded, so that a deadlock is reported with its stacks instead of hanging the run.
TEST_TIMEOUT ?= 170s
RACE_TIMEOUT ?= 300s
E2E_TIMEOUT  ?= 300s

# How long each test of make soak goes on.
SOAK         ?= 30m
SOAK_TIMEOUT ?= 6h

# What the race detector has nothing to say about: benchmarks measure, lint reads source text.
RACE_SKIP = -e '/bench$$' -e /bench/ -e '/internal/lint$$'

# The Consul server is built once for a version, from the module that names it. The tests look for it at the same place.
CONSUL_VERSION = $(shell awk '$$1 == "github.com/hashicorp/consul" { print $$2 }' tools/consul/go.mod)
CONSUL = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/foundation-tools/consul-$(CONSUL_VERSION)

.DEFAULT_GOAL := help
.PHONY: help demo demo-cluster demo-handoff test race check bench bench-deps sim e2e e2e-short soak e2e-deps fuzz

help: ## list the targets
	@grep -E '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

demo: ## count the words of the Go source tree with a few hundred lines of actors
	$(GO) run ./examples/wordcount

demo-cluster: ## start three nodes as three processes, kill one, and account for every message
	$(GO) run ./examples/democluster

demo-handoff: ## count on three nodes while one leaves with its counters, one joins and one is killed
	$(GO) run ./examples/counters

test: ## run every test
	$(GO) test -timeout $(TEST_TIMEOUT) ./...

race: ## run the concurrent packages' tests under the race detector, in random order
	@sh internal/race.sh $(GO) test -race -shuffle=on -timeout $(RACE_TIMEOUT) \
	$$($(GO) list ./... | grep -v $(RACE_SKIP))

check: ## vet, gofmt, staticcheck and the rules of internal/lint
	$(GO) vet ./...
	$(GO) vet -tags e2e ./internal/e2e/...
	@unformatted=$$(gofmt -l .) || exit 1; \
	if [ -n "$$unformatted" ]; then echo "gofmt -w these files:"; echo "$$unformatted"; exit 1; fi
	$(GO) tool -modfile=tools/go.mod staticcheck ./...
	$(GO) tool -modfile=tools/go.mod staticcheck -tags e2e ./internal/e2e/...
	$(GO) test -count=1 ./internal/lint

bench: ## measure the hot path beside a Go channel, protoactor-go and (if erl is there) Erlang
	$(GO) run ./bench

bench-deps: ## install Erlang for the comparison in make bench (Debian or Ubuntu)
	@if command -v erl >/dev/null; then echo "erl is already installed"; else \
	sudo=$$(command -v sudo || true); [ "$$(id -u)" = 0 ] && sudo=; \
	$$sudo apt-get update -q && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends erlang-base; fi

sim: ## run N seeded simulations of each decision and N histories of each structure (seeds are printed on failure)
	VIEW_SEEDS=$(N) $(GO) test -count=1 -timeout 3600s -run Chaos ./cluster/view
	RELATION_RUNS=$(N) $(GO) test -count=1 -timeout 3600s -run RelationsAreToldOnce ./actor
	CRDT_HISTORIES=$(N) $(GO) test -count=1 -timeout 3600s ./registry/crdt

# Most of what the tests do is wait, so many run beside each other. FIGURES=path writes what they measured there.
e2e: ## run the tests with real processes, servers and a cut network (as root, on Linux)
	@if [ "$$(id -u)" = 0 ] && [ ! -x $(CONSUL) ]; then \
	$(MAKE) --no-print-directory $(CONSUL) || echo "there is no Consul server: its tests will be skipped"; fi
	E2E_FIGURES=$(abspath $(FIGURES)) $(GO) test -v -tags e2e -count=1 -parallel 8 -timeout $(E2E_TIMEOUT) ./internal/e2e/...

# What does not depend on how busy the machine is.
E2E_SHORT = 'Consul|DNS|MDNS|Gossip|File|RestartInPlace|Leave|Found|SecuredCluster|UselessDirectory'

e2e-short: ## run those of make e2e that are quick and ask for no exact time
	@if [ "$$(id -u)" = 0 ] && [ ! -x $(CONSUL) ]; then \
	$(MAKE) --no-print-directory $(CONSUL) || echo "there is no Consul server: its tests will be skipped"; fi
	$(GO) test -v -tags e2e -count=1 -parallel 8 -timeout $(E2E_TIMEOUT) -run $(E2E_SHORT) ./internal/e2e/...

soak: ## run the long versions of the end-to-end tests of the cluster, each for SOAK (as root, on Linux)
	E2E_FIGURES=$(abspath $(FIGURES)) SOAK=$(SOAK) $(GO) test -v -tags e2e -count=1 -parallel 8 -timeout $(SOAK_TIMEOUT) \
	-run 'Kill|RestartInPlace|Partition|Conservation|FalseDeaths' ./internal/e2e

e2e-deps: $(CONSUL) ## install dnsmasq and iproute2 (Debian or Ubuntu) and build a Consul server (5 minutes)
	@if command -v dnsmasq >/dev/null && command -v ip >/dev/null; then echo "dnsmasq and ip are already installed"; else \
	sudo=$$(command -v sudo || true); [ "$$(id -u)" = 0 ] && sudo=; \
	$$sudo apt-get update -q && \
	$$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends dnsmasq-base iproute2; fi

# Linked under another name, so that what is there is whole.
$(CONSUL):
	@mkdir -p $(dir $@)
	cd tools/consul && CGO_ENABLED=0 nice -n 19 $(GO) build -ldflags='-s -w' -o $@.$$$$ github.com/hashicorp/consul && mv $@.$$$$ $@

fuzz: ## run each fuzz target for FUZZTIME
	@set -e; packages=$$($(GO) list ./...); for pkg in $$packages; do \
	  listed=$$($(GO) test -list '^Fuzz' $$pkg); \
	  for target in $$(echo "$$listed" | grep '^Fuzz' || true); do \
	    echo "== $$pkg $$target"; \
	    $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
	  done; \
	done
