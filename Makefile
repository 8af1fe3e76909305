# The commands of this repository. `make help` lists them.

GO        ?= go
TOOLS     := $(CURDIR)/.tools
FUZZTIME  ?= 30s
PACKAGES  ?= ./...

# The tools that tests and linter need are ours, pinned, and come before what the machine has.
export PATH := $(TOOLS)/bin:$(PATH)

.DEFAULT_GOAL := help
.PHONY: help build plugin test lint test-race test-alloc test-plugin bench trials dashboards demo torture fuzz tools tools-bench clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

build: ## build bin/belfry, one static binary
	CGO_ENABLED=0 $(GO) build -trimpath -o bin/belfry ./cmd/belfry

plugin: ## build the plugin of Grafana: grafana-plugin/dist and the archive in grafana-plugin/artifacts
	@scripts/with-node scripts/plugin-packages
	@cd grafana-plugin && ../scripts/with-node npm run --silent package

test: ## everything a change must pass: tools, linter, tests with the race detector, allocation tests, the plugin of Grafana
	@scripts/step tools      scripts/install-test-tools
	@scripts/step lint       $(MAKE) --no-print-directory run-lint
	@scripts/step test-race  $(MAKE) --no-print-directory test-race
	@scripts/step test-alloc $(MAKE) --no-print-directory test-alloc
	@scripts/step plugin     $(MAKE) --no-print-directory test-plugin

lint: tools run-lint ## run the linter (PACKAGES=./collector/... for a part)

.PHONY: run-lint
run-lint:
	golangci-lint run --allow-parallel-runners $(PACKAGES)
	cd grafana-plugin && golangci-lint run --allow-parallel-runners ./...

# go vet is among the linters, so the tests do not run it again.
test-race: ## all tests with the race detector (PACKAGES=... for a part)
	$(GO) test -race -vet=off -timeout 20m $(PACKAGES)

# The race detector allocates on its own, so tests with Alloc in their names are run without it.
test-alloc: ## the tests that count allocations, without the race detector
	$(GO) test -vet=off -count=1 -run Alloc $$(scripts/packages-with 'Test[A-Za-z0-9_]*Alloc')

# The archive is checked for one platform only, as building for all takes minutes; `make plugin` checks all.
test-plugin: ## the plugin of Grafana: tests of the backend against a real Belfry, types, linter and tests of the frontend, the rules for archives
	cd grafana-plugin && $(GO) test -race -vet=off -timeout 15m ./...
	@scripts/with-node scripts/plugin-packages
	@cd grafana-plugin && ../scripts/with-node npm run --silent check
	@cd grafana-plugin && ../scripts/with-node npm run --silent package -- --platforms linux/amd64

bench: tools-bench ## side by side with VictoriaMetrics: writes, memory, disk, queries, pages
	$(GO) run ./loadtest/bench

trials: ## how well the models of anomalies do, as Markdown (ARGS="--skab DIR --air FILE --parking FILE"; --help lists more)
	@$(GO) run ./alerting/anomaly/trial/report $(ARGS)

dashboards: ## write the Grafana dashboards in dashboards/en and dashboards/zh-CN anew
	$(GO) generate ./dashboards

demo: ## the whole thing in a terminal, with a simulated district and replayed data
	$(GO) run ./cmd/belfry demo

torture: ## kill -9 under load, again and again (longer than in `make test`)
	BELFRY_TORTURE=1 $(GO) test -vet=off -count=1 -v -timeout 2h -run '^TestTorture' $$(scripts/packages-with TestTorture)

fuzz: ## every fuzz target for FUZZTIME (default 30s)
	scripts/fuzz $(FUZZTIME)

tools: ## install what tests and linter need into .tools (quick when it is there)
	@scripts/install-test-tools

tools-bench: ## install what the benchmark compares with into .tools
	@scripts/install-bench-tools

clean: ## remove what was built; .tools stays
	rm -rf bin bench-results grafana-plugin/dist grafana-plugin/artifacts
