package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/terminal"

	"github.com/urfave/cli/v3"
)

func gateCommand() *cli.Command {
	return askingCommand("gate [ID|FILE|JSON]", "ask the deployed function until the backup is there; for pipelines",
		"A backup counts that starts after the gate does, unless -max-age or the request says otherwise. The function's last answer is printed as one line of JSON.",
		&cli.StringFlag{Name: "wait", Usage: "how far the backup must be: Requested, Completed or DDLAllowed, as WaitFor of the request"},
		&cli.StringFlag{Name: "max-age", Usage: "how old a backup may be and still serve, such as 1h, as MaxAge of the request"},
		durationFlag("timeout", 30*time.Minute, "how long to go on in all"),
		// Networks between a hosted runner and the cloud drop a connection that is silent for four minutes.
		durationFlag("ask", 200*time.Second, "how long to wait for one answer before asking again"))
}

func invokeCommand() *cli.Command {
	return askingCommand("invoke [ID|FILE|JSON]", "ask the deployed function once", "The function's answer is printed as one line of JSON.",
		durationFlag("timeout", 65*time.Minute, "how long to wait for the answer"))
}

func drillCommand() *cli.Command {
	return askingCommand("drill", "let the deployed function send a test alarm", "Exit code 0 says that the chat robot took it.",
		durationFlag("timeout", time.Minute, "how long to wait for the answer"))
}

// askingCommand is a command that asks the deployed function. Its argument stands behind its name, as help shows it, and may also be
// given as a flag.
func askingCommand(name, usage, description string, flags ...cli.Flag) *cli.Command {
	name, args, event := strings.Cut(name, " ")
	if event {
		about := "the cluster id, the request, the event or the file that holds one, instead of the argument"
		flags = append([]cli.Flag{&cli.StringFlag{Name: "event", Usage: about}}, flags...)
	}
	return &cli.Command{Name: name, ArgsUsage: args, Usage: usage, Description: description, Action: ask, Flags: append([]cli.Flag{
		fileFlag("the file that names region and function, unless -region and -function do"),
		&cli.StringFlag{Name: "region", Usage: "the function's region, instead of s.yaml's"},
		&cli.StringFlag{Name: "function", Usage: "the function's name, instead of s.yaml's"},
		&cli.StringFlag{Name: "qualifier", Usage: "a version or an alias of the function; the latest code without it"},
		&cli.StringFlag{Name: "endpoint", Usage: "Function Compute's host, host:port or URL, instead of the region's; http only to a loopback address"},
	}, flags...)}
}

// ask is what gate, invoke and drill do. The last two ask one question. It prints the function's answer, or what stands in for it.
func ask(ctx context.Context, c *cli.Command) error {
	g := gate{name: c.Name, timeout: c.Duration("timeout"), ask: c.Duration("ask"), progress: c.Root().ErrWriter}
	pass, text := g.pass, short(g.ask)+" for each answer and "+short(g.timeout)+" in all"
	if c.Name != "gate" {
		g.ask, pass, text = g.timeout, g.question, "at most "+short(g.timeout)+" for the answer"
	}
	if g.timeout < leastAsk || g.ask < leastAsk {
		return wrong("%s: a time is shorter than %s", c.FullName(), leastAsk)
	}
	d, err := target(c)
	if err != nil {
		return err
	}
	m, err := messageOf(c, d.Region)
	if err != nil {
		return err
	}
	if _, err := d.find(ctx); err != nil {
		return err
	}
	fmt.Fprintf(g.progress, "%s: asking %s, %s\n", c.Name, d, text)
	g.start, g.invoke = time.Now(), d.invoke
	answer, err := pass(ctx, m)
	if f := new(failure); err == nil || errors.As(err, &f) {
		fmt.Fprintln(c.Root().Writer, cmp.Or(answer, f.answer, shown(f)))
	}
	return err
}

// target returns the function that the flags and s.yaml name.
func target(c *cli.Command) (d deployed, err error) {
	d = deployed{Region: c.String("region"), Name: c.String("function"), Qualifier: c.String("qualifier"), find: new(credentials.Source).Get}
	if d.Region == "" || d.Name == "" {
		s, err := readSettings(c.String("s"), d.Region)
		if err != nil {
			return d, wrong("which function? Give -region and -function, or run this beside s.yaml: %w", err)
		}
		d.Region, d.Name = s.Region, cmp.Or(d.Name, s.FunctionName)
	}
	if err := backup.CheckRegion(d.Region); err != nil { // which becomes part of a host name
		return d, wrong("-region: %w", err)
	}
	if !functionName.MatchString(d.Name) {
		return d, wrong("-function: %s is not the name of a function", backup.Quote(d.Name))
	}
	d.Endpoint, err = parseEndpoint(c.String("endpoint"))
	return d, err
}

// messageOf returns what the argument or the flag -event says.
func messageOf(c *cli.Command, region string) (message, error) {
	text := cmp.Or(c.Args().First(), c.String("event"))
	switch {
	case c.Name == "drill":
		text = `{"Action":"Drill"}`
	case c.Args().Present() && c.String("event") != "":
		return message{}, wrong("give -event or the argument %q, not both", text)
	}
	m, err := readMessage(text, region, map[string]string{"WaitFor": c.String("wait"), "MaxAge": c.String("max-age")})
	if err == nil && c.Name == "gate" && m.request == nil {
		return m, wrong("the gate asks for a backup with a cluster id or a request, such as events/request.json; this is another event, which adb-backup invoke sends")
	}
	return m, err
}

// gate lets a pipeline pass only when the backup is there. It asks the deployed function, and asks again while the answer is
// that another question goes on with the same backup.
type gate struct {
	name     string        // of the command
	timeout  time.Duration // for all of it
	ask      time.Duration // for one question
	progress io.Writer
	invoke   func(context.Context, message) (answer string, err error) // asks once, until the context ends

	start   time.Time
	last    *failure // the last one that another question continues
	unknown int      // failures OutcomeUnknown: each question after one may create another backup
}

const (
	pause      = 5 * time.Second  // before most questions: short, because the function itself has waited
	longPause  = 20 * time.Second // after Throttled and OutcomeUnknown: the service must recover, and list what it created
	maxUnknown = 3                // so many answers OutcomeUnknown end the gate
	leastAsk   = time.Second      // the shortest time in which a question is worth asking
	outage     = time.Minute      // how long a gate that has never reached the function tries to reach it
)

// errAskInterrupted ends the commands that ask for a backup.
var errAskInterrupted = errors.New("a backup that was requested already goes on in AnalyticDB")

// pass asks until there is an answer that asking again would not change, or time is up. It returns what the last question did.
func (g *gate) pass(ctx context.Context, m message) (string, error) {
	for n := 1; ; n++ {
		g.say("question %d", n)
		answer, err := g.question(ctx, m.fixed(n > 1))
		wait := g.again(err)
		if wait == 0 {
			return answer, err
		}
		g.say("%v", err)
		switch late := time.Since(g.start)+wait > g.timeout-leastAsk; {
		case late && g.last == nil:
			return "", fmt.Errorf("%w; there is no time for another question within %s", err, short(g.timeout))
		case late:
			g.say("no time for another question within %s", short(g.timeout))
			g.say(`to go on with the same backup, run it again with this in the request: "NotBefore": %q`, m.fixed(true).request.NotBefore)
			return "", g.last
		}
		select {
		case <-ctx.Done():
			return "", errAskInterrupted
		case <-time.After(wait):
		}
	}
}

// question asks once, and says now and then that it still waits.
func (g *gate) question(ctx context.Context, m message) (string, error) {
	patience := min(g.ask, g.timeout-time.Since(g.start))
	asking, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	defer terminal.Progress(g.progress, g.name+":        waiting for the answer")()
	answer, err := g.invoke(asking, m.within(patience))
	if ctx.Err() != nil {
		return "", errAskInterrupted
	}
	return answer, err
}

// again returns how long to wait before another question; 0: it would be of no use. It remembers a failure that goes on.
func (g *gate) again(err error) time.Duration {
	f := new(failure)
	errors.As(err, &f)
	switch {
	case f == silent && g.last != nil: // what the function has said counts for more than its silence
	case f.ErrorType.Continues():
		g.last = f
	case errors.Is(err, errNotNow), errors.Is(err, errUnreached) && (g.last != nil || time.Since(g.start) < outage):
	default:
		return 0
	}
	switch f.ErrorType {
	case "", backup.ErrorBackupPending:
		return pause
	case backup.ErrorOutcomeUnknown:
		if g.unknown++; g.unknown == maxUnknown {
			return 0
		}
	}
	return longPause
}

// say tells what happened.
func (g *gate) say(format string, a ...any) {
	fmt.Fprintf(g.progress, "%s: %5s  %s\n", g.name, time.Since(g.start).Round(time.Second), fmt.Sprintf(format, a...))
}
