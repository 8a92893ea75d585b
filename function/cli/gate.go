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
	name    string        // of the command
	once    bool          // it asks one question
	timeout time.Duration // for all of it
	ask     time.Duration // for one question

	invoke   func(ctx context.Context, payload []byte) (reply, error) // asks once, until ctx ends
	progress io.Writer

	start   time.Time
	last    reply // the last failure that another question continues; its Answer is nil if there was none
	unknown int   // answers OutcomeUnknown: each question after one may create another backup
}

const (
	// pause comes before most questions. It is short, because the function itself has waited.
	pause = 5 * time.Second
	// longPause comes after Throttled and OutcomeUnknown: the service needs time to recover, and to list what it created.
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
		Description: "A backup counts that starts after the gate does, unless -max-age or the request says otherwise. The function's last answer is printed as one line of JSON.",
		Flags: append(targetFlags(), eventFlag(),
			&cli.StringFlag{Name: "wait", Usage: "how far the backup must be: Requested, Completed or DDLAllowed, as WaitFor of the request"},
			&cli.StringFlag{Name: "max-age", Usage: "how old a backup may be and still serve, such as 1h, as MaxAge of the request"},
			durationFlag("timeout", 30*time.Minute, "how long to go on in all"),
			// Networks between a hosted runner and the cloud drop a connection that is silent for four minutes.
			durationFlag("ask", 200*time.Second, "how long to wait for one answer before asking again")),
		Action: ask,
	}
}

// pass asks until there is an answer that asking again would not change, or time is up, and returns the last answer. An
// error means that the function could not be asked.
func (g *gate) pass(ctx context.Context, m message) (reply, error) {
	g.start = time.Now()
	for n := 1; ; n++ {
		sent := m
		if !g.once {
			g.say("question %d", n)
			sent = m.fixed(n > 1)
		}
		r, err := g.question(ctx, sent)
		if ctx.Err() != nil {
			return reply{}, errAskInterrupted
		}
		wait := g.note(r, err)
		switch {
		case wait == 0, g.once && (g.last.Answer == nil || m.event.Drill):
			return r, err
		case g.once:
			return g.last, nil
		case err != nil:
			g.say("%v", err)
		default:
			g.say("%s", r.failed())
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
	return g.invoke(ctx, m.within(patience))
}

// note remembers what came of a question, and returns how long to wait before the next one; 0: another one is of no use.
func (g *gate) note(r reply, err error) time.Duration {
	e := new(askError)
	switch {
	case err == nil && r.ErrorType.Continues():
		return g.noteAnswer(r)
	case !errors.As(err, &e), e.why == noAnswerRefused:
		return 0
	case e.why == noAnswerUnreachable && g.last.Answer == nil && time.Since(g.start) >= outage:
		return 0
	case e.why == noAnswerHung && g.last.Answer == nil:
		g.last = failure(backup.ErrorBackupPending, "the function has not answered yet; a backup that was requested goes on in AnalyticDB")
	}
	return pause
}

// noteAnswer is note for an answer that another question continues.
func (g *gate) noteAnswer(r reply) time.Duration {
	g.last = r
	switch r.ErrorType {
	case backup.ErrorBackupPending:
		return pause
	case backup.ErrorOutcomeUnknown:
		if g.unknown++; g.unknown == maxUnknown {
			return 0
		}
	}
	return longPause
}

// timeUp ends the gate when there is no time for another question.
func (g *gate) timeUp(m message, err error) (reply, error) {
	if g.last.Answer == nil {
		return reply{}, fmt.Errorf("%w; there is no time for another question within %s", err, short(g.timeout))
	}
	g.say("no time for another question within %s", short(g.timeout))
	g.say(`to go on with the same backup, run it again with this in the request: "NotBefore": %q`, m.fixed(true).request.NotBefore)
	return g.last, nil
}

// say tells what happened.
func (g *gate) say(format string, a ...any) {
	fmt.Fprintln(g.progress, g.line(fmt.Sprintf(format, a...)))
}

func (g *gate) line(text string) string {
	return fmt.Sprintf("%s: %5s  %s", g.name, time.Since(g.start).Round(time.Second), text)
}
