package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/terminal"

	"github.com/urfave/cli/v3"
)

// gate lets a pipeline pass only when the backup is there. It asks the deployed function, and asks again while the answer is
// that another question goes on with the same backup.
type gate struct {
	timeout time.Duration // for all of it
	ask     time.Duration // for one question

	invoke   func(ctx context.Context, payload []byte) (reply, error) // asks once, until ctx ends
	progress io.Writer

	start time.Time
	last  reply // the last failure that another question continues; its Answer is nil if there was none

	unanswered int // questions in a row without an answer
	unknown    int // answers OutcomeUnknown: each question after one may create another backup
}

const (
	// pause follows BackupPending or an unanswered question. It is short, because the function itself has waited.
	pause = 5 * time.Second
	// longPause follows Throttled and OutcomeUnknown: the service needs time to recover, and to list what it created.
	longPause = 20 * time.Second
	// maxUnknown is how many answers OutcomeUnknown end the gate.
	maxUnknown = 3
	// leastAsk is the shortest time in which a question is worth asking.
	leastAsk = time.Second
	// outage is how long a gate that has never reached the function tries to reach it.
	outage = time.Minute
)

func gateCommand() *cli.Command {
	return &cli.Command{
		Name: "gate", Usage: "ask the deployed function until the backup is there; for pipelines", ArgsUsage: "[ID|FILE|JSON]",
		Description:  "A backup counts that starts after the gate does, unless -max-age or the request says otherwise. The function's last answer is printed as one line of JSON.",
		ArgValidator: atMost(1),
		Flags: append(targetFlags(),
			&cli.StringFlag{Name: "event", Usage: "the cluster id, the request or the `FILE` that holds one, instead of the argument"},
			&cli.StringFlag{Name: "wait", Usage: "how far the backup must be: Requested, Completed or DDLAllowed, as WaitFor of the request"},
			&cli.StringFlag{Name: "max-age", Validator: isDuration, Usage: "how old a backup may be and still serve, such as 1h, as MaxAge of the request"},
			durationFlag("timeout", 30*time.Minute, "how long to go on in all"),
			// Networks between a hosted runner and the cloud drop a connection that is silent for four minutes.
			durationFlag("ask", 200*time.Second, "how long to wait for one answer before asking again")),
		Action: passGate,
	}
}

func isDuration(text string) (err error) {
	if text != "" { // as make gives what nobody set
		_, err = time.ParseDuration(text)
	}
	return err
}

func passGate(ctx context.Context, c *cli.Command) error {
	timeout, ask, progress := c.Duration("timeout"), c.Duration("ask"), c.Root().ErrWriter
	if timeout < leastAsk || ask < leastAsk {
		return wrong("-timeout and -ask must be at least %s", leastAsk)
	}
	d, err := target(c)
	if err != nil {
		return err
	}
	m, err := messageOf(c, d, map[string]string{"WaitFor": c.String("wait"), "MaxAge": c.String("max-age")})
	if err != nil {
		return err
	}
	if m.fields == nil || m.event.Drill {
		return wrong("the gate asks for a backup with a cluster id or a request, such as events/request.json; this is another event, which adb-backup invoke sends")
	}
	if _, err := d.find(ctx); err != nil {
		return err
	}
	fmt.Fprintf(progress, "gate: asking %s, %s for each answer and %s in all\n", d, short(ask), short(timeout))
	g := gate{timeout: timeout, ask: ask, invoke: d.invoke, progress: progress}
	r, err := g.pass(ctx, m)
	if err != nil {
		return err
	}
	return r.conclude(c, m)
}

// pass asks until there is an answer that asking again would not change, or time is up, and returns the last answer. An
// error means that the function could not be asked.
func (g *gate) pass(ctx context.Context, m message) (reply, error) {
	g.start = time.Now()
	for n := 1; ; n++ {
		g.say("question %d", n)
		r, err := g.question(ctx, m.fixed(n > 1))
		if ctx.Err() != nil {
			return reply{}, errAskInterrupted
		}
		var wait time.Duration
		var done bool
		if err != nil {
			wait, done = g.noteError(err)
		} else {
			wait, done = g.noteAnswer(r)
		}
		if done {
			return r, err
		}
		if time.Since(g.start)+wait > g.timeout-leastAsk {
			return g.timeUp(m, err)
		}
		select {
		case <-ctx.Done():
			return reply{}, errAskInterrupted
		case <-time.After(wait):
		}
	}
}

// question asks once, and says now and then that it still waits.
func (g *gate) question(ctx context.Context, m message) (reply, error) {
	patience := min(g.ask, g.timeout-time.Since(g.start))
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer terminal.Progress(g.progress, func(time.Duration) string { return g.line("waiting for the answer") })()
	return g.invoke(ctx, m.within(patience).payload)
}

// noteAnswer returns how long to wait after an answer before the next question, or that the gate is done.
func (g *gate) noteAnswer(r reply) (wait time.Duration, done bool) {
	g.unanswered = 0
	if !r.ErrorType.Continues() {
		return 0, true
	}
	g.last = r
	g.say("%s", r.failed())
	switch r.ErrorType {
	case backup.ErrorBackupPending:
		return pause, false
	case backup.ErrorOutcomeUnknown:
		g.unknown++
	}
	return longPause, g.unknown == maxUnknown
}

// noteError is noteAnswer for a question without an answer.
func (g *gate) noteError(err error) (wait time.Duration, done bool) {
	e := new(askError)
	if !errors.As(err, &e) || e.why == noAnswerRefused {
		return 0, true
	}
	g.say("%s", e.message)
	g.unanswered++
	switch {
	case e.why == noAnswerHung:
		if g.last.Answer == nil {
			g.last = hung("the function has not answered yet")
		}
		return pause, false
	case e.why == noAnswerThrottled:
		return longPause, false
	case e.why == noAnswerUnreachable && g.last.Answer == nil && time.Since(g.start) >= outage:
		return 0, true
	}
	return min(pause<<min(g.unanswered-1, 3), longPause), false
}

// timeUp ends the gate when there is no time for another question.
func (g *gate) timeUp(m message, err error) (reply, error) {
	if g.last.Answer == nil {
		return reply{}, fmt.Errorf("could not ask the function within %s: %w", short(g.timeout), err)
	}
	g.say("no time for another question within %s", short(g.timeout))
	g.say(`to go on with the same backup, run it again with this in the request: "NotBefore": %s`, m.fixed(true).fields["NotBefore"])
	return g.last, nil
}

// say tells what happened.
func (g *gate) say(format string, a ...any) {
	fmt.Fprintln(g.progress, g.line(fmt.Sprintf(format, a...)))
}

func (g *gate) line(text string) string {
	return fmt.Sprintf("gate: %5s  %s", time.Since(g.start).Round(time.Second), text)
}
