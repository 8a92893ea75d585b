package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"adb-backup/function/terminal"
)

// state is what a line of a checkup means.
type state string

const (
	stateRight   state = "right"
	stateNote    state = "note"    // worth knowing, and no reason to act
	stateMissing state = "missing" // is to be done, or is not as s.yaml says
	stateUnread  state = "unread"  // nobody can say
	stateWrong   state = "wrong"   // in s.yaml
)

var stateColours = map[state]terminal.Colour{stateRight: terminal.Green, stateMissing: terminal.Red, stateUnread: terminal.Yellow, stateWrong: terminal.Red}

// finding is one line of a checkup.
type finding struct {
	About string // s.yaml, this machine, the account
	State state
	Text  string // what there is, and what to do
}

// checkup is all that doctor finds.
type checkup struct {
	about    string // what the next findings are about
	findings []finding
}

func (c *checkup) add(s state, format string, a ...any) {
	c.findings = append(c.findings, finding{c.about, s, fmt.Sprintf(format, a...)})
}

func (c *checkup) right(format string, a ...any)   { c.add(stateRight, format, a...) }
func (c *checkup) note(format string, a ...any)    { c.add(stateNote, format, a...) }
func (c *checkup) missing(format string, a ...any) { c.add(stateMissing, format, a...) }
func (c *checkup) unread(format string, a ...any)  { c.add(stateUnread, format, a...) }

func (c *checkup) wrong(format string, a ...any) { c.add(stateWrong, format, a...) }

// faults adds a line for each line of several errors.
func (c *checkup) faults(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			c.wrong("%s", line)
		}
	}
}

// count returns how many findings there are of a state.
func (c *checkup) count(s state) int {
	n := 0
	for _, f := range c.findings {
		if f.State == s {
			n++
		}
	}
	return n
}

// print writes the findings for a person.
func (c *checkup) print(w io.Writer) {
	about, width := "", terminal.Width(w)
	for _, f := range c.findings {
		if f.About != about {
			about = f.About
			fmt.Fprintln(w, about)
		}
		label := fmt.Sprintf("%-8s", f.State)
		if terminal.Colourful(w) {
			label = stateColours[f.State].Paint(label)
		}
		for i, line := range terminal.Wrap(f.Text, max(0, width-11)) {
			if i > 0 {
				label = "        "
			}
			fmt.Fprintf(w, "  %s %s\n", label, line)
		}
	}
}

// verdict sums the findings up in one sentence, as an error unless all is right.
func (c *checkup) verdict(offline bool) (text string, err error) {
	wrongs, unread, missing := c.count(stateWrong), c.count(stateUnread), c.count(stateMissing)
	switch {
	case wrongs > 0:
		return "", wrong("s.yaml is wrong in %s: correct that first", things(wrongs))
	case unread > 0:
		return "", fmt.Errorf("nobody can say whether the clusters are protected: %s could not be read", things(unread))
	case missing > 0 && offline:
		return "", no("s.yaml is right, but it cannot be deployed from here: %s missing", things(missing))
	case missing > 0:
		return "", no("not protected: %s missing, or not as s.yaml says", things(missing))
	case offline:
		return "s.yaml is right. What is online was not looked at.", nil
	}
	return "Protected: what is online is as s.yaml says, and each cluster has the backup that was due.", nil
}

func things(n int) string {
	if n == 1 {
		return "1 thing"
	}
	return fmt.Sprintf("%d things", n)
}
