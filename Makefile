# `make` alone lists what there is. Works with GNU make 3.81 (macOS) and later.
.PHONY: help go run faults test race fuzz simulate bench lint build package dist here local tool doctor role policy deploy logs remove invoke gate drill status clean
.DEFAULT_GOAL := help

# Values reach the programs through the environment, as "$$EVENT" in a recipe, so that no shell runs what is in them. On its own
# command line make expands a $; EVENT=... before the word make is taken as it is.
S ?= s.yaml
FUZZTIME ?= 5s
SEEDS ?= 1000
export EVENT FAULT TAKES CLOUD VERBOSE YES IDS HTML S ARGS FUZZTIME SEEDS VERSION

# Everything is compiled the same way, so that no module is compiled twice. Nothing here speaks HTTP/2 (NewTransport in
# function/adb/endpoint.go), so Go leaves it out: a twentieth of what is uploaded. A reachable template engine would double the command.
export CGO_ENABLED = 0
export GOFLAGS := $(GOFLAGS) -trimpath -tags=nethttpomithttp2,urfave_cli_no_template

# -v names what is compiled, because the first time takes a minute or two.
BUILD = go build -v -buildvcs=false -ldflags "-s -w"

# 1, y, yes and true mean yes, and nothing else does.
yes = $$(case "$$YES" in 1|[yY]|[yY][eE][sS]|[tT][rR][uU][eE]) echo -yes;; esac)

help:
	@echo "make TARGET [NAME=value ...]"
	@awk -F ':[^#]*## ' '/^##@/ { print "\n" substr($$0, 5) } \
		/^[a-z-]+:.*## / { n = split($$2, text, " [|] "); printf "  %-9s %s\n", $$1, text[1]; for (i = 2; i <= n; i++) printf "  %-9s   %s\n", "", text[i] }' Makefile

go:
	@command -v go >/dev/null || { echo "Go is missing: install the version in go.mod, or a later one, from https://go.dev/dl/" >&2; exit 1; }
	@[ -e dist ] || echo "The first time takes a minute or two: Go fetches modules, and names what it compiles." >&2

##@ On this machine: they need only Go
run: here local ## deliver an event to the function in a local cloud | EVENT=FILE or a cluster id, FAULT=NAME TAKES=20s VERBOSE=1 | CLOUD=real asks AnalyticDB itself, YES=1 does not ask before
	@dist/local -binary dist/here/main

faults: local ## list the faults that FAULT= can name
	@dist/local -faults

##@ Checks
test: go ## every test | ARGS='./FOLDER -run NAME -v': only these
	@go build -v ./...
	@go test -vet=off -p 4 $${ARGS:-./...} || { echo "make test ARGS='./FOLDER -run NAME -v' repeats one test alone" >&2; exit 1; }

race: go ## what has goroutines, with Go's race detector (needs a C compiler)
	CGO_ENABLED=1 GORACE=atexit_sleep_ms=0 go test -vet=off -race ./function/backup ./function/adb ./function/alarm ./function ./function/local/... ./function/cli

# Go's fuzzer fails now and then when its time ends ("context deadline exceeded"). Then there is no failing input, and it tries again.
fuzz: go ## every fuzz target for a while: FUZZTIME=5s
	@grep -r --include='*_test.go' '^func Fuzz' . | sed -E 's,/[^/]*:func (Fuzz[A-Za-z0-9_]*).*, \1,' | while read -r folder name; do \
		echo "fuzz $$folder $$name for $$FUZZTIME"; \
		go test "$$folder" -run '^$$' -fuzz "^$$name\$$" -fuzztime "$$FUZZTIME" || { [ ! -e "$$folder/testdata/fuzz/$$name" ] && \
			echo "once more" && go test "$$folder" -run '^$$' -fuzz "^$$name\$$" -fuzztime "$$FUZZTIME"; } || exit 1; \
	done || { echo "a failing input is now a file under testdata/fuzz: go test repeats it; keep it with the fix" >&2; exit 1; }

simulate: go ## many random days in the cloud's life: SEEDS=1000
	ADB_SIMULATION_SEEDS="$$SEEDS" go test ./function -run Simulation -count=1

bench: go ## the figures of function/README.md: four minutes of a quiet machine
	go test -run '^$$' -bench . ./function/bench/...

lint: go ## gofmt, go vet, staticcheck, gocyclo, no template engine
	@test -z "$$(gofmt -l .)" || { echo "make lint: run gofmt -w on" $$(gofmt -l .) >&2; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go tool gocyclo -over 12 -ignore _test .
	@! go list -deps ./function ./function/cli | grep -x text/template || { echo "make lint: the template engine above doubles the command" >&2; exit 1; }

##@ To the cloud: S=prod.yaml names another s.yaml, ARGS= has more flags
build: go ## dist/main, the function as it is deployed: linux/amd64, static
	@GOOS=linux GOARCH=amd64 GOAMD64=v1 $(BUILD) -o dist/main ./function && chmod 755 dist/main

package: build tool ## dist/function.zip, what is deployed
	@dist/adb-backup package

doctor: package ## whether everything is as s.yaml says, and the clusters protected
	@dist/adb-backup doctor -s "$$S" $$ARGS

role: tool ## make the function's RAM role, or bring it up to date with s.yaml | YES=1 does not ask
	@dist/adb-backup role -s "$$S" $(yes) $$ARGS

policy: tool ## the RAM policies to grant, filled in from s.yaml | ARGS=trust prints one of them alone
	@dist/adb-backup policy -s "$$S" $$ARGS

deploy: package ## check s.yaml, then create or update the function and its triggers | YES=1 does not ask
	@dist/adb-backup deploy -s "$$S" $(yes) $$ARGS

logs: tool ## the deployed function's log of the last hour | ARGS=-tail follows it
	@dist/adb-backup logs -s "$$S" $$ARGS

remove: tool ## take the function and its triggers out of the cloud; backups stay | YES=1 does not ask
	@dist/adb-backup remove -s "$$S" $(yes) $$ARGS

##@ Asking the deployed function
invoke: tool ## once: EVENT=FILE or a cluster id
	@dist/adb-backup invoke -s "$$S" -event "$$EVENT" $$ARGS

gate: tool ## until the backup is there: EVENT=FILE or a cluster id | ARGS='-timeout 30m -max-age 1h'
	@dist/adb-backup gate -s "$$S" -event "$$EVENT" $$ARGS

drill: tool ## for a test alarm
	@dist/adb-backup drill -s "$$S" $$ARGS

status: tool local ## what backups the clusters of s.yaml have | IDS="amv-1 amv-2": others, HTML=status.html: a page | ARGS='-max-age 26h': a check | CLOUD=local: the clusters of a made-up account
	@if [ "$$CLOUD" = local ]; then \
		dist/local -exec sh -c 'dist/adb-backup status $${HTML:+-html "$$HTML"} $$ARGS $${IDS:-$$LOCAL_CLUSTERS}'; \
	else dist/adb-backup status -s "$$S" $${HTML:+-html "$$HTML"} $$ARGS $$IDS; fi

##@ Besides
tool: go ## dist/adb-backup, the command behind those above
	@$(BUILD) -o dist/adb-backup ./function/cli

dist: go ## the command for linux, macOS and Windows, amd64 and arm64 | VERSION=v1.2.3
	@for target in linux-amd64 linux-arm64 darwin-amd64 darwin-arm64 windows-amd64.exe windows-arm64.exe; do \
		echo "dist/adb-backup-$$target"; name=$${target%.exe}; \
		GOOS=$${name%-*} GOARCH=$${name#*-} go build -buildvcs=false -ldflags "-s -w -X main.version=$$VERSION" -o "dist/adb-backup-$$target" ./function/cli || exit 1; \
	done

here: go
	@GOOS= GOARCH= $(BUILD) -o dist/here/main ./function

local: go
	@GOOS= GOARCH= $(BUILD) -o dist/local ./function/local

clean: ## delete dist
	rm -rf dist
