package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"time"
)

// gate lets a pipeline pass only when the backup is there. It asks the deployed function, and asks again while the
// function answers that asking again goes on with the same backup.
type gate struct {
	timeout time.Duration // for all of it
	ask     time.Duration // for one question

	// invoke asks once, as the function of that name does.
	invoke func(ctx context.Context, payload []byte, wait time.Duration) (reply, error)
	// progress says what happens.
	progress io.Writer
}

const (
	// pause is the pause after BackupPending or an unanswered question; the function itself has waited before.
	pause = 5 * time.Second
	// longPause is the pause after Throttled and OutcomeUnknown, for the service to recover, and to list what it made.
	longPause = 30 * time.Second
	// attempts is how often in a row a question may go unanswered, and how often in all an outcome may be unknown.
	// Every question after an unknown outcome may create backups anew, so that must end.
	attempts = 3
)

func gateCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("gate", flag.ContinueOnError)
	event := flags.String("event", "", "the request's `file`, or a bare cluster id")
	timeout := flags.Duration("timeout", 30*time.Minute, "how long to go on in all")
	// Networks between a hosted runner and the cloud drop a connection that is silent for four minutes. A question
	// that is given up goes on in the cloud, and the next one finds its backup.
	ask := flags.Duration("ask", 200*time.Second, "how long to wait for one answer before asking again")
	if err := parse(flags, args, stderr, 0); err != nil {
		return err
	}
	if *timeout <= 0 || *ask < time.Second {
		return usage("deploy gate: -timeout must be above 0, and -ask at least 1s")
	}
	payload, err := readEvent(*event)
	if err != nil {
		return err
	}
	request, err := readRequest(payload, time.Now())
	if err != nil {
		return err
	}
	if err := missing(); err != nil {
		return err
	}
	g := gate{timeout: *timeout, ask: *ask, progress: stderr}
	g.invoke = func(ctx context.Context, payload []byte, wait time.Duration) (reply, error) {
		var said bytes.Buffer // by `s`; of use only where the function did not answer
		r, err := invoke(ctx, payload, wait, &said)
		if err != nil {
			said.WriteTo(stderr)
		}
		return r, err
	}
	r, err := g.pass(ctx, request)
	if err != nil {
		return err
	}
	return r.finish(stdout)
}

// pass asks until there is an answer that asking again would not change, or time is up, and returns the last answer. A
// function that has not answered yet has a backup pending. An error means that it could not be asked.
func (g gate) pass(ctx context.Context, request gateRequest) (reply, error) {
	start := time.Now()
	var last reply
	unanswered, unknown := 0, 0
	for n := 1; ; n++ {
		left := g.timeout - time.Since(start)
		asked := time.Now()
		g.say(start, "question %d", n)
		r, err := g.invoke(ctx, request.payload(n > 1), min(g.ask, left))
		if ctx.Err() != nil {
			return reply{}, fmt.Errorf("stopped: what was asked may still go on in the cloud: %w", context.Cause(ctx))
		}
		then := pause
		switch {
		case err != nil && time.Since(asked) >= min(g.ask, left):
			g.say(start, "no answer yet; the function goes on")
			unanswered = 0
			if !last.Failed {
				last = reply{Failed: true, ErrorType: "BackupPending", ErrorMessage: "the function has not answered yet, and goes on"}
			}
		case err != nil:
			g.say(start, "%v", err)
			if unanswered++; unanswered == attempts {
				return reply{}, fmt.Errorf("could not ask the function, %d times in a row: %w", attempts, err)
			}
		case !r.Failed:
			return r, nil
		default:
			last, unanswered = r, 0
			switch r.ErrorType {
			case "BackupPending":
			case "Throttled":
				then = longPause
			case "OutcomeUnknown":
				then = longPause
				if unknown++; unknown == attempts {
					return r, nil
				}
			default:
				return r, nil
			}
			g.say(start, "%s: %s", r.ErrorType, r.ErrorMessage)
		}
		if time.Since(start)+then >= g.timeout {
			if !last.Failed {
				return reply{}, fmt.Errorf("could not ask the function within %s: %w", g.timeout, err)
			}
			g.say(start, "no time for another question within %s", g.timeout)
			if !request.notBefore.IsZero() {
				g.say(start, `to go on with the same backup, run it again with this in the request: "NotBefore": %q`, request.notBefore.UTC().Add(-skew).Format(time.RFC3339))
			}
			return last, nil
		}
		select {
		case <-ctx.Done():
		case <-time.After(then):
		}
	}
}

func (g gate) say(start time.Time, format string, a ...any) {
	fmt.Fprintf(g.progress, "gate: %5s  %s\n", time.Since(start).Round(time.Second), fmt.Sprintf(format, a...))
}
