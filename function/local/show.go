package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"adb-backup/function/credentials"
	"adb-backup/function/local/fakeadb"
	"adb-backup/function/terminal"
)

// screen is what the person sees, line by line. Several goroutines write to it.
type screen struct {
	w      io.Writer
	mu     sync.Mutex
	began  time.Time
	all    bool // show every event, however many there are
	events atomic.Int32
}

// print writes a text beside a head that stands on its first line alone. On a terminal lines are folded between words to its width;
// in a file they are not, so that a search finds the whole.
func (s *screen) print(colour terminal.Colour, head, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	indent, width := len(head), terminal.Width(s.w)
	if width > 0 {
		width = max(40, width-indent)
	}
	for _, line := range terminal.Wrap(text, width) {
		fmt.Fprintf(s.w, "%-*s%s\n", indent, head, colour.Paint(s.w, line))
		head = ""
	}
}

// field writes a label and a paragraph beside it: its first 40 lines, because an event may name 5,000 clusters.
func (s *screen) field(label, text string) {
	if lines := strings.Split(text, "\n"); len(lines) > 41 && !s.all {
		text = strings.Join(lines[:40], "\n") + fmt.Sprintf("\n… %d more lines; VERBOSE=1 shows them", len(lines)-40)
	}
	s.print(terminal.Plain, fmt.Sprintf("%-10s", label), text)
}

// What happens, and its colour. The function's log has none.
var colours = map[string]terminal.Colour{"start": terminal.Bold, "deliver": terminal.Bold, "answer": terminal.Bold, "api": terminal.Cyan, "chat": terminal.Yellow}

// event writes what happens, with the time since the start: the first 300 events, because 5,000 clusters make tens of thousands.
func (s *screen) event(what, text string) {
	switch n := s.events.Add(1); {
	case s.all || n < 300 || what == "answer" || what == "chat":
	case n == 300:
		text = "… there is more; VERBOSE=1 shows all of it"
	default:
		return
	}
	s.print(colours[what], fmt.Sprintf("%7.2fs  %-7s  ", time.Since(s.began).Seconds(), what), text)
}

func (r *run) introduce() {
	cloud, function := "the real AnalyticDB, with your credentials "+credentials.Hide(r.invocation.AccessKeyID), r.binary+" in "+r.invocation.Region
	if !r.real {
		cloud = "the local cloud: nothing leaves this machine, and it costs nothing"
		function += fmt.Sprintf("; a backup takes %v here", r.takes)
	}
	settings := (&exec.Cmd{Env: r.env}).Environ() // of two with one name the last counts
	settings = slices.DeleteFunc(settings, func(e string) bool { return !shown.MatchString(e) })
	r.screen.field("Cloud", cloud)
	if r.fault.name != "" {
		r.screen.field("Fault", r.fault.name+": "+r.fault.says)
	}
	r.screen.field("Event", r.in.name+" ("+cmp.Or(r.in.Trigger, "no event")+"), with the time now")
	r.screen.field("Request", r.in.describe())
	r.screen.field("Function", function)
	r.screen.field("Settings", strings.Join(settings, " "))
}

// showCall shows a call to AnalyticDB when it is over.
func (r *run) showCall(c fakeadb.Call) {
	ending := fmt.Sprintf("%d listed", c.Listed)
	switch {
	case c.Code != "" && c.Effect:
		ending = c.Code + ", yet it took effect"
	case c.Code != "":
		ending = c.Code
	case c.Effect:
		ending = "accepted"
	case c.Running > 0:
		ending += fmt.Sprintf(", %d running", c.Running)
	}
	r.screen.event("api", fmt.Sprintf("%-18s  %-18s  %s", c.Action, cmp.Or(c.Cluster, c.Region), ending))
}

// The fields of the log that are not shown: the line has them already, or the answer does.
var hidden = []string{"time", "level", "msg", "requestId", "trigger", "RegionId", "Backups", "Skipped", "omitted", "error"}

// showLog shows a line of the function's output: of an entry of its log level, message, and the other fields by name. What is no entry
// is the runtime SDK's, and is in the answer if it matters: only VERBOSE=1 shows it.
func (r *run) showLog(what, line string) {
	var entry map[string]any
	switch {
	case r.verbose:
		r.screen.print(terminal.Plain, "", line)
	case json.Unmarshal([]byte(line), &entry) == nil && entry["msg"] != nil:
		text := strings.TrimPrefix(fmt.Sprint(entry["level"], " ", entry["msg"]), "INFO ") + " "
		for _, name := range slices.Sorted(maps.Keys(entry)) {
			if entry[name] != "" && !slices.Contains(hidden, name) {
				text += fmt.Sprintf(" %s=%v", name, entry[name])
			}
		}
		r.screen.event(what, text)
	}
	if strings.HasPrefix(line, "FC Invoke End ") {
		r.logged <- true // there is room for every delivery
	}
}

// conclude shows the answers, says in the last line what became of the event, and returns the exit code.
func (r *run) conclude() int {
	r.screen.print(terminal.Plain, "", "")
	for i, result := range r.results {
		var said bytes.Buffer // each field on a line of its own
		if result.ErrorType != "" || json.Indent(&said, result.Payload, "", "  ") != nil {
			said.WriteString(result.ErrorType + ": " + result.ErrorMessage)
		}
		r.screen.field(fmt.Sprint("Answer ", i+1), said.String())
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
		made := slices.DeleteFunc(r.adb.Backups(""), func(b fakeadb.Backup) bool { return b.RequestID == "" })
		text += fmt.Sprintf("; backups made: %d, deliveries: %d", len(made), len(r.results))
	} else if last.ErrorType == "PermissionDenied" {
		text += ". A run from here works with your own credentials, not with the function's role"
	}
	r.screen.print(colour, "", "\n"+text+".")
	return code
}
