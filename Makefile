# `make` alone lists what there is. Works with GNU make 3.81 (macOS) and later.
.PHONY: help need-go first run faults test race fuzz simulate bench lint build package build-here local tool ready role policy deploy invoke gate status logs remove clean
.DEFAULT_GOAL := help

FUZZTIME ?= 5s
SEEDS ?= 1000
GATE_TIMEOUT ?= 30m
GATE_ASK ?= 200s

# Nothing here speaks HTTP/2 (newTransport in function/adb/client.go), so Go leaves it out: a twentieth of what is uploaded.
# A reachable template engine would double the command.
TAGS = -tags=nethttpomithttp2,urfave_cli_no_template

# The same binary from the same source and Go version, in any folder and on any machine.
BUILD = CGO_ENABLED=0 GOOS=linux GOARCH=amd64 GOAMD64=v1 go build -trimpath -buildvcs=false $(TAGS) -ldflags "-s -w"

# Go as it compiles that binary, for everything else as well: then no module is compiled twice.
GO = CGO_ENABLED=0 GOFLAGS="$$GOFLAGS -trimpath $(TAGS)" go

# Go's race detector needs cgo and a C compiler on Linux. At the end of each process it would wait for a second.
RACE ?= $(shell [ "$$(go env CGO_ENABLED)" = 1 ] && command -v $$(go env CC | cut -d' ' -f1) >/dev/null && echo -race)

# `command || $(hint) "what to do next"`
hint = sh -c 'echo "make $@: $$0" >&2; exit 1'

# `@$(call passed,TEXT)` at a recipe's end says how the target went, if somebody named it.
passed = $(if $(filter $@,$(MAKECMDGOALS)),echo "make $@: $(1)" >&2,:)

# What `make run` starts: the binary as it is deployed where it can start, else the same source for this machine.
ifeq ($(shell go env GOHOSTOS GOHOSTARCH 2>/dev/null | tr '\n' /),linux/amd64/)
HERE = build
BINARY = dist/main
else
HERE = build-here
BINARY = dist/here/main
endif

help:
	@echo "make TARGET [NAME=value ...]"
	@awk -F ':[^#]*## ' '/^##@/ { print "\n" substr($$0, 5) } \
		/^[a-z-]+:.*## / { n = split($$2, text, " [|] "); printf "  %-9s %s\n", $$1, text[1]; for (i = 2; i <= n; i++) printf "  %-9s   %s\n", "", text[i] }' Makefile

need-go:
	@command -v go >/dev/null || { echo "Go is missing: install the version in go.mod, or a later one, from https://go.dev/dl/" >&2; exit 1; }

# Names of variables have capitals: `make run event=x` would pass over the event without a word.
misspelt := $(strip $(foreach name,event fault takes cloud verbose yes ids,$(if $(filter command,$(firstword $(origin $(name)))),$(name))))
ifneq ($(misspelt),)
$(error $(misspelt): write $(shell echo '$(misspelt)' | tr a-z A-Z), in capitals)
endif

##@ On this machine: they need only Go
run: first $(HERE) local ## deliver an event to the function in a local cloud | EVENT=FILE or a cluster id, FAULT=NAME TAKES=20s VERBOSE=1 | CLOUD=real asks AnalyticDB itself, YES=1 does not ask before
	@dist/local -binary '$(BINARY)' $(if $(EVENT),-event '$(EVENT)') $(if $(FAULT),-fault '$(FAULT)') \
		$(if $(TAKES),-takes '$(TAKES)') $(if $(CLOUD),-cloud '$(CLOUD)') $(if $(YES),-yes) $(if $(VERBOSE),-verbose)

first: need-go
	@[ -e dist/local ] || echo "The first time takes a minute or two: modules are fetched and compiled."

faults: first local ## list the faults that FAULT= can name
	@dist/local -faults

##@ Checks
test: need-go ## every test, the fast ones first
	@echo "The first time takes a minute or two: modules are fetched and compiled."
	@$(GO) test -vet=off -p 4 ./events ./function/backup ./function/config ./function/local/fake... ./... || $(hint) "the first failure above says what broke; go test ./FOLDER -run NAME -v repeats it alone"
	@$(call passed,every test passed; make race looks for data races)

race: need-go ## the tests of what has goroutines, with Go's race detector
	$(if $(RACE),,$(error the race detector needs cgo and a C compiler))
	@echo "The first time takes two minutes: modules are compiled anew."
	@GORACE=atexit_sleep_ms=0 go test -vet=off $(RACE) ./function/backup ./function/local/fake... ./function/adb ./function ./function/local ./function/cli || $(hint) "the first failure above says what broke"
	@$(call passed,no data race)

# Go's fuzzer fails now and then when its time ends ("context deadline exceeded"). Then there is no failing input, and it tries again.
fuzz: need-go ## every fuzz target for a while: FUZZTIME=5s
	@grep -r --include='*_test.go' '^func Fuzz' . | sed -E 's,/[^/]*:func (Fuzz[A-Za-z0-9_]*).*, \1,' | while read -r folder name; do \
		echo "fuzz $$folder $$name for $(FUZZTIME)"; \
		try() { $(GO) test "$$folder" -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME); }; \
		try || { [ ! -e "$$folder/testdata/fuzz/$$name" ] && echo "once more: Go's fuzzer failed without an input" && try; } || exit 1; \
	done || $(hint) "the failing input is now a file under testdata/fuzz: go test repeats it; keep it with the fix"
	@$(call passed,nothing found)

simulate: need-go ## many random days in the cloud's life: SEEDS=1000
	@echo "simulating $(SEEDS) seeds"
	@ADB_SIMULATION_SEEDS=$(SEEDS) $(GO) test ./function -run Simulation -count=1 || $(hint) "the seed above repeats the run"
	@$(call passed,$(SEEDS) seeds without a finding)

bench: need-go ## the figures of function/README.md
	@echo "two minutes; on a machine that does nothing else"
	@$(GO) test -run '^$$' -bench . ./function/bench/... ./function

lint: need-go build ## gofmt, go vet, staticcheck, gocyclo
	@echo "gofmt, go vet, staticcheck, gocyclo"
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || $(hint) "run gofmt -w on: $$unformatted"
	@$(GO) vet ./... && $(GO) tool staticcheck ./...
	@$(GO) tool gocyclo -over 15 -ignore _test . || $(hint) "the functions above are too complex: make named questions of their parts"
	@$(call passed,nothing to complain of)

##@ To the cloud: `make deploy` says what is missing
build: need-go ## dist/main, the function as it is deployed: linux/amd64, static
	@$(BUILD) -o dist/main ./function && chmod 755 dist/main || $(hint) "the compiler's errors are above; the function is built with the Go version in go.mod or a later one"
	@$(call passed,dist/main is up to date)

package: build tool ## dist/function.zip, what is deployed
	@dist/adb-backup package

ready: tool ## check s.yaml and this machine; say when the timers fire
	@dist/adb-backup ready || $(hint) "mend what is said above"
	@$(call passed,nothing is missing)

role: tool ## make the function's RAM role, or renew it from s.yaml | YES=1 does not ask
	@dist/adb-backup role $(if $(YES),-yes)

policy: tool ## the RAM policies to grant, filled in from s.yaml | ONLY=trust prints one of them alone
	@dist/adb-backup policy $(ONLY)

deploy: package ## check s.yaml, then create or update the function and its triggers
	@dist/adb-backup deploy || $(hint) "mend what is said above, then run it again"
	@echo "deployed. Next: make invoke EVENT=YOUR-CLUSTER-ID"

invoke: tool ## ask the deployed function once: EVENT=FILE or a cluster id
	@dist/adb-backup invoke -event '$(EVENT)'

gate: tool ## for pipelines: succeed only when the backup is there | EVENT=FILE or a cluster id, GATE_TIMEOUT=30m GATE_ASK=200s
	@dist/adb-backup gate -event '$(EVENT)' -timeout '$(GATE_TIMEOUT)' -ask '$(GATE_ASK)'

status: tool $(if $(filter local,$(CLOUD)),local) ## what backups the clusters of s.yaml have | IDS="amv-1 amv-2": others, MAX_AGE=26h: a check | CLOUD=local: the clusters of a made-up account
	@$(if $(filter local,$(CLOUD)),dist/local -exec sh -c 'dist/adb-backup status "$$@" $(or $(IDS),$$LOCAL_CLUSTERS)' status,dist/adb-backup status $(IDS)) $(if $(MAX_AGE),-max-age '$(MAX_AGE)')

logs: tool ## the deployed function's log of the last hour; TAIL=1 follows it
	@dist/adb-backup logs$(if $(TAIL), -tail) || $(hint) "is the function deployed (make deploy), with a log in s.yaml?"

remove: tool ## take the function and its triggers out of the cloud; backups stay
	@dist/adb-backup remove || $(hint) "what is left can be deleted in the console of Function Compute"

##@ Besides
build-here: need-go
	@$(GO) build -buildvcs=false -o dist/here/main ./function

local: need-go
	@$(GO) build -o dist/local ./function/local

tool: need-go ## dist/adb-backup, the command behind those above
	@$(GO) build -o dist/adb-backup ./function/cli
	@$(call passed,dist/adb-backup is up to date)

clean: ## delete dist
	rm -rf dist
