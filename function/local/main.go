// Command local is the local cloud behind `make run`: it starts the function as deployed between an emulated Function
// Compute runtime and an emulated AnalyticDB, delivers an event, and shows what happens. README.md lists the faults, and what is
// not emulated.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr, environ: os.Environ()})
	stop()
	os.Exit(code)
}
