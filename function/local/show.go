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
	"adb-backup/function/local/fakefc"
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
	for _, line := range terminal.Wrap(text, width) {
		if terminal.Colourful(s.w) {
			line = colour.Paint(line)
		}
		fmt.Fprintf(s.w, "%-*s%s\n", indent, head, line)
		head = ""
	}
}

// text writes a paragraph.
func (s *screen) text(colour terminal.Colour, text string) { s.print(colour, "", text, 80) }

// field writes a label and a paragraph beside it.
func (s *screen) field(label, text string) {
	s.print(terminal.Plain, fmt.Sprintf("%-10s", label), text, 80)
}

// raw writes a line as it is.
func (s *screen) raw(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.w, line)
}

// event writes what happens, with the time since the start. In a file it is one line, so that a search finds the whole.
func (s *screen) event(colour terminal.Colour, what, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events++; s.events == mostEvents && !s.all {
		text = "… there is more; VERBOSE=1 shows all of it"
	}
	if s.events <= mostEvents || s.all || what == "answer" || what == "chat" {
		s.print(colour, fmt.Sprintf("%7.2fs  %-7s  ", time.Since(s.began).Seconds(), what), text, 0)
	}
}

func (r *run) introduce() {
	event := r.in.name + " (" + cmp.Or(r.in.Trigger, "no event") + ")"
	if r.in.replaced != "" {
		event += "; its time, " + r.in.replaced + ", is replaced by now"
	}
	cloud, function := "the real AnalyticDB, with your credentials "+credentials.Hide(r.invocation.AccessKeyID), r.binary+" in "+r.invocation.Region
	if !r.real {
		cloud = "the local cloud: nothing leaves this machine, and it costs nothing"
		function += fmt.Sprintf("; a backup takes %v here, so\n%s", r.takes, strings.Join(settings(r.takes), " "))
	}
	if own := r.ownSettings(); len(own) > 0 {
		function += "\nyour own settings: " + strings.Join(own, " ")
	}
	r.screen.field("Cloud", cloud)
	if r.fault.name != "" {
		r.screen.field("Fault", r.fault.name+": "+r.fault.says)
	}
	r.screen.field("Event", event)
	r.screen.field("Request", r.in.describe())
	r.screen.field("Function", function)
}

// showCall shows a call to AnalyticDB when it is over, with the first part of its request id, which the function's log and answer
// also name.
func (r *run) showCall(c fakeadb.Call) {
	which, colour, ending := "", terminal.Cyan, fmt.Sprintf("%d listed", c.Listed)
	if !r.in.single() {
		which = fmt.Sprintf("%-20s", cmp.Or(c.Cluster, c.Region))
	}
	switch {
	case c.Code != "" && c.Effect:
		colour, ending = terminal.Yellow, c.Code+", yet it took effect"
	case c.Code != "":
		colour, ending = terminal.Yellow, fmt.Sprintf("%s (HTTP %d)", c.Code, c.Status)
	case c.Effect:
		ending = "accepted"
	case c.Running > 0:
		ending += fmt.Sprintf(", %d running", c.Running)
	}
	r.screen.event(colour, "api", fmt.Sprintf("%-18s  %s%.8s  %s", c.Action, which, c.RequestID, ending))
}

// showLog shows a line of the function's output. What is no entry of its log is the runtime SDK's, and is in the answer if it matters:
// only VERBOSE=1 shows it.
func (r *run) showLog(what, line string) {
	var entry map[string]json.RawMessage
	switch {
	case r.verbose:
		r.screen.raw(line)
	case json.Unmarshal([]byte(line), &entry) == nil && entry["msg"] != nil:
		text, level := inShort(entry, r.in.single())
		r.screen.event(map[string]terminal.Colour{"WARN": terminal.Yellow, "ERROR": terminal.Red}[level], what, text)
	}
	if strings.HasPrefix(line, "FC Invoke End ") {
		r.logged <- true // there is room for every delivery
	}
}

var uuid = regexp.MustCompile(`\b([0-9A-F]{8})-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}\b`)

// inShort is an entry of the function's log in one line: level, message, and the other fields by name.
func inShort(entry map[string]json.RawMessage, single bool) (text, level string) {
	var message string
	json.Unmarshal(entry["level"], &level)
	json.Unmarshal(entry["msg"], &message)
	hidden := []string{"time", "level", "msg", "requestId", "trigger", "RegionId", "Backups", "Skipped", "omitted"}
	if single {
		hidden = append(hidden, "DBClusterId")
	}
	if single || entry["errorType"] != nil { // the answer has it
		hidden = append(hidden, "error")
	}
	for _, name := range slices.Sorted(maps.Keys(entry)) {
		value := uuid.ReplaceAllString(string(entry[name]), "$1")
		if word := strings.Trim(value, `"`); !strings.ContainsAny(word, ` "=`) {
			value = word
		}
		if value != "" && !slices.Contains(hidden, name) {
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
		r.screen.field(label, r.answer(result))
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
	if !r.real {
		text += fmt.Sprintf("; backups made: %d, deliveries: %d", r.made(), len(r.results))
	} else if last.ErrorType == "PermissionDenied" {
		text += ". A run from here works with your own credentials, not with the function's role"
	}
	r.screen.text(colour, "\n"+text+".")
	return code
}

// answer is what the function said, with each field on a line of its own.
func (r *run) answer(result fakefc.Result) string {
	var indented bytes.Buffer
	if result.ErrorType != "" || json.Indent(&indented, result.Payload, "", "  ") != nil {
		return result.ErrorType + ": " + result.ErrorMessage
	}
	const most = 40
	lines := strings.Split(indented.String(), "\n")
	if more := len(lines) - most; more > 1 && !r.verbose {
		lines = append(lines[:most], fmt.Sprintf("… %d more lines; VERBOSE=1 shows them", more))
	}
	return strings.Join(lines, "\n")
}
