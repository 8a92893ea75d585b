package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"adb-backup/function/credentials"
	"adb-backup/function/local/fakeadb"
	"adb-backup/function/terminal"
)

// screen is what the person sees, line by line. Several goroutines write to it.
type screen struct {
	w     io.Writer
	all   bool // show every event, however many there are
	began time.Time

	mu     sync.Mutex
	events int
}

// mostEvents are shown: 5,000 clusters make tens of thousands.
const mostEvents = 300

// print writes a text beside a head that stands on its first line alone. On a terminal lines are folded between words to its width,
// elsewhere to the width that is given; 0 is no end.
func (s *screen) print(colour terminal.Colour, head, text string, width int) {
	indent := len(head)
	if width = cmp.Or(terminal.Width(s.w), width); width > 0 {
		width = max(40, width-indent)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range terminal.Wrap(text, width) {
		if terminal.Colourful(s.w) {
			line = colour.Paint(line)
		}
		fmt.Fprintf(s.w, "%-*s%s\n", indent, head, line)
		head = ""
	}
}

// raw writes a line as it is.
func (s *screen) raw(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.w, line)
}

// text writes a paragraph.
func (s *screen) text(colour terminal.Colour, text string) { s.print(colour, "", text, 80) }

// field writes a label and a paragraph beside it.
func (s *screen) field(label, text string) {
	s.print(terminal.Plain, fmt.Sprintf("%-10s", label), text, 80)
}

// event writes what happens, with the time since the start. In a file it is one line, so that a search finds the whole.
func (s *screen) event(colour terminal.Colour, what, text string) {
	s.mu.Lock()
	s.events++
	n := s.events
	s.mu.Unlock()
	if n == mostEvents && !s.all {
		text = "… there is more; VERBOSE=1 shows all of it"
	}
	if n <= mostEvents || s.all || what == "answer" || what == "chat" {
		s.print(colour, fmt.Sprintf("%7.2fs  %-7s  ", time.Since(s.began).Seconds(), what), text, 0)
	}
}

func (r *run) introduce() {
	cloud, function, except := "the local cloud: nothing leaves this machine, and it costs nothing", r.binary+" in "+r.invocation.Region, localOnly
	if r.real() {
		cloud, except = "the real AnalyticDB, with your credentials "+credentials.Hide(r.invocation.AccessKeyID), nil
	} else {
		function += fmt.Sprintf("; a backup takes %v here, so\n%s", r.takes, strings.Join(settings(r.takes), " "))
	}
	event := r.event + " (" + cmp.Or(r.in.Trigger, "no event") + ")"
	if r.in.replaced != "" {
		event += "; its time, " + r.in.replaced + ", is replaced by now"
	}
	r.screen.field("Cloud", cloud)
	if r.fault.name != "" {
		r.screen.field("Fault", r.fault.name+": "+r.fault.says)
	}
	r.screen.field("Event", event)
	r.screen.field("Request", strings.Join(r.in.describe(), "\n"))
	r.screen.field("Function", function)
	if own := ownSettings(r.std.environ, except...); len(own) > 0 {
		r.screen.field("", "your own settings: "+strings.Join(own, " "))
	}
}

// showCall shows a call to AnalyticDB when it is over, with the first part of its request id, which the function's log and answer
// also name.
func (r *run) showCall(c fakeadb.Call) {
	which, colour, ending := "", terminal.Cyan, fmt.Sprintf("%d listed", c.Listed)
	if !r.in.single() {
		which = fmt.Sprintf("%-20s", cmp.Or(c.Cluster, c.Region))
	}
	if c.Running > 0 {
		ending += fmt.Sprintf(", %d running", c.Running)
	}
	switch {
	case c.Code == "" && c.Action == create:
		ending = "accepted"
	case c.Code != "" && c.Effect:
		colour, ending = terminal.Yellow, c.Code+", yet it took effect"
	case c.Code != "":
		colour, ending = terminal.Yellow, fmt.Sprint(c.Code, " (HTTP ", c.Status, ")")
	}
	r.screen.event(colour, "api", fmt.Sprintf("%-18s  %s%.8s  %s", c.Action, which, c.RequestID, ending))
}

// sdkLine are the runtime SDK's own lines: when an invocation begins and ends, and its error, which is also in the answer.
var sdkLine = regexp.MustCompile(`^(FC Invoke .*|.* \[ERROR\] \{|\s+"(errorMessage|errorType|stackTrace)":.*|\s*[\]}]?,?|)$`)

// showLog shows a line of the function's output, without what the screen shows elsewhere.
func (r *run) showLog(what, line string) {
	if strings.Contains(line, `"msg":"backup requested"`) {
		r.requested.Store(true)
	}
	var entry map[string]json.RawMessage
	switch {
	case r.verbose:
		r.screen.raw(line)
	case json.Unmarshal([]byte(line), &entry) == nil && entry["msg"] != nil:
		text, level := inShort(entry, r.in.single())
		r.screen.event(map[string]terminal.Colour{"WARN": terminal.Yellow, "ERROR": terminal.Red}[level], what, text)
	case !sdkLine.MatchString(line):
		r.screen.event(terminal.Plain, what, line)
	}
	if strings.HasPrefix(line, "FC Invoke End ") {
		select {
		case r.logged <- struct{}{}:
		default:
		}
	}
}

var uuid = regexp.MustCompile(`\b([0-9A-F]{8})-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}\b`)

// inShort is an entry of the function's log in one line: level, message, and the other fields by name.
func inShort(entry map[string]json.RawMessage, single bool) (text, level string) {
	var message string
	json.Unmarshal(entry["level"], &level)
	json.Unmarshal(entry["msg"], &message)
	for _, name := range slices.Sorted(maps.Keys(entry)) {
		switch name {
		case "time", "level", "msg", "requestId", "trigger", "RegionId", "Backups", "Skipped", "omitted":
			continue
		case "DBClusterId", "error":
			if single || entry["errorType"] != nil && name == "error" { // the answer has it
				continue
			}
		}
		value := uuid.ReplaceAllString(string(entry[name]), "$1")
		if word := strings.Trim(value, `"`); !strings.ContainsAny(word, ` "=`) {
			value = word
		}
		if value != "" {
			text += " " + name + "=" + value
		}
	}
	return strings.TrimSpace(strings.TrimPrefix(level+" ", "INFO ") + message + " " + text), level
}

// conclude shows the answers, says in the last line what became of the event, and returns the exit code.
func (r *run) conclude() int {
	r.screen.text(terminal.Plain, "")
	for i, result := range r.results {
		label := "Answer"
		if len(r.results) > 1 {
			label = fmt.Sprint("Answer ", i+1)
		}
		text := fmt.Sprint(result.Err())
		if result.Err() == nil {
			text = r.indented(result.Payload)
		}
		r.screen.field(label, text)
	}
	last := r.results[len(r.results)-1]
	var answer struct{ Status string }
	json.Unmarshal(last.Payload, &answer)
	text, colour, code := "Success: "+answer.Status, terminal.Green, exitDone
	switch {
	case slices.Contains(r.fault.ends, last.ErrorType):
		text, colour = last.ErrorType+": this is how the fault "+r.fault.name+" ends", terminal.Yellow
	case last.ErrorType != "":
		text, colour, code = "The invocation failed: "+last.ErrorType, terminal.Red, exitFailed
	}
	if !r.real() {
		text += fmt.Sprintf("; backups made: %d, deliveries: %d", r.made(), len(r.results))
	} else if last.ErrorType == "PermissionDenied" {
		text += ". A run from here works with your own credentials, not with the function's role"
	}
	r.screen.text(colour, "\n"+text+".")
	return code
}

// indented is an answer with its fields on lines of their own.
func (r *run) indented(answer []byte) string {
	var indented bytes.Buffer
	if json.Indent(&indented, answer, "", "  ") != nil {
		return string(answer)
	}
	const most = 40
	lines := strings.Split(indented.String(), "\n")
	if more := len(lines) - most; more > 1 && !r.verbose {
		lines = append(lines[:most], fmt.Sprintf("… %d more lines; VERBOSE=1 shows them", more))
	}
	return strings.Join(lines, "\n")
}
