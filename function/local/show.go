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
	mu     sync.Mutex
	w      io.Writer
	colour bool
	all    bool // show every line, however many there are
	began  time.Time
	events int
}

func newScreen(w io.Writer) *screen {
	return &screen{w: w, colour: terminal.Colourful(w), began: time.Now()}
}

// mostEvents are shown of what happens: 5,000 clusters make tens of thousands.
const mostEvents = 300

func (s *screen) write(colour terminal.Colour, text string) {
	if s.colour {
		text = colour.Paint(text)
	}
	fmt.Fprintln(s.w, text)
}

func (s *screen) blank() { s.text(terminal.Plain, "") }

// width is that of the terminal. Without one it is what the argument says: 80 for sentences, 0, which is no end, for lines that a
// search should find as a whole.
func (s *screen) width(elsewhere int) int { return cmp.Or(terminal.Width(s.w), elsewhere) }

// text writes a paragraph.
func (s *screen) text(colour terminal.Colour, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range terminal.Wrap(text, s.width(80)) {
		s.write(colour, line)
	}
}

// raw writes a line as it is.
func (s *screen) raw(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(terminal.Plain, line)
}

// field writes a label and a paragraph beside it.
func (s *screen) field(label, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, line := range terminal.Wrap(text, max(40, s.width(80)-10)) {
		s.write(terminal.Plain, fmt.Sprintf("%-10s%s", label, line))
		label = ""
	}
}

// event writes a line with the time since the start and what it is about.
func (s *screen) event(colour terminal.Colour, what, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.events++; s.events == mostEvents && !s.all {
		text = "… there is more; VERBOSE=1 shows all of it"
	}
	if s.events > mostEvents && !s.all && what != "answer" && what != "chat" {
		return
	}
	const indent = 19
	head := fmt.Sprintf("%7.2fs  %-7s  ", time.Since(s.began).Seconds(), what)
	width := s.width(0)
	if width > 0 {
		width = max(40, width-indent)
	}
	for _, line := range terminal.Wrap(text, width) {
		if s.colour {
			line = colour.Paint(line)
		}
		s.write(terminal.Plain, head+line)
		head = strings.Repeat(" ", indent)
	}
}

func (r *run) introduce() {
	if r.real() {
		r.screen.field("Cloud", "the real AnalyticDB, with your credentials "+credentials.Hide(r.invocation.AccessKeyID))
	} else {
		r.screen.field("Cloud", "the local cloud: nothing leaves this machine, and it costs nothing")
	}
	if r.fault.name != "" {
		r.screen.field("Fault", r.fault.name+": "+r.fault.says)
	}
	kind := r.event + " (" + cmp.Or(r.in.Trigger, "no event") + ")"
	if r.in.replaced != "" {
		kind += "; its time, " + r.in.replaced + ", is replaced by now"
	}
	r.screen.field("Event", kind)
	r.screen.field("Request", strings.Join(r.in.describe(), "\n"))
	about := r.binary + " in " + r.invocation.Region
	if !r.real() {
		about += fmt.Sprintf("; a backup takes %v here, so\n%s", r.takes, strings.Join(settings(r.takes), " "))
	}
	r.screen.field("Function", about)
	except := localOnly
	if r.real() {
		except = nil
	}
	if own := ownSettings(r.std.environ, except...); len(own) > 0 {
		r.screen.field("", "your own settings: "+strings.Join(own, " "))
	}
}

var uuid = regexp.MustCompile(`\b([0-9A-F]{8})-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}\b`)

// showCall shows a call to AnalyticDB when it is over, with the first part of its request id, which the function's log and answer
// also name.
func (r *run) showCall(c fakeadb.Call) {
	which := ""
	if !r.in.single() {
		which = fmt.Sprintf("%-20s", cmp.Or(c.Cluster, c.Region))
	}
	colour, ending := terminal.Yellow, c.Code
	switch {
	case c.Code == "" && c.Action == create:
		colour, ending = terminal.Cyan, "accepted"
	case c.Code == "":
		colour, ending = terminal.Cyan, fmt.Sprintf("%d listed", c.Listed)
		if c.Running > 0 {
			ending += fmt.Sprintf(", %d running", c.Running)
		}
	case c.Status != 0 && c.Code != "":
		ending = fmt.Sprint("HTTP ", c.Status, " ", c.Code)
	}
	if c.Effect && c.Code != "" {
		ending += ", yet it took effect"
	}
	r.screen.event(colour, "api", fmt.Sprintf("%-18s  %s%.8s  %s", c.Action, which, c.RequestID, ending))
}

// showLog shows a line of the function's output, without what the screen shows elsewhere, and without the runtime SDK's own lines:
// when an invocation begins and ends, and its error, which is also in the answer.
func (r *run) showLog(what, line string) {
	if strings.HasPrefix(line, "FC Invoke End ") {
		defer func() {
			select {
			case r.logged <- struct{}{}:
			default:
			}
		}()
	}
	if strings.Contains(line, `"msg":"backup requested"`) {
		r.mu.Lock()
		r.requested = true
		r.mu.Unlock()
	}
	var entry map[string]json.RawMessage
	switch {
	case r.verbose:
		r.screen.raw(line)
	case json.Unmarshal([]byte(line), &entry) == nil && entry["msg"] != nil:
		text, level := inShort(entry, r.in.single())
		r.screen.event(map[string]terminal.Colour{"DEBUG": terminal.Dim, "WARN": terminal.Yellow, "ERROR": terminal.Red}[level], what, text)
	case !sdkLine.MatchString(line):
		r.screen.event(terminal.Plain, what, line)
	}
}

var sdkLine = regexp.MustCompile(`^(FC Invoke .*|.* \[ERROR\] \{|\s+"(errorMessage|errorType|stackTrace)":.*|\s*[\]}]?,?|)$`)

// inShort is an entry of the function's log in one line: level, message, and the other fields by name.
func inShort(entry map[string]json.RawMessage, single bool) (text, level string) {
	var message string
	json.Unmarshal(entry["level"], &level)
	json.Unmarshal(entry["msg"], &message)
	elsewhere := []string{"time", "level", "msg", "requestId", "trigger", "RegionId", "Backups", "Skipped", "omitted"}
	if single {
		elsewhere = append(elsewhere, "DBClusterId")
	}
	if entry["errorType"] != nil {
		elsewhere = append(elsewhere, "error") // it is in the answer
	}
	if text = message + " "; level != "INFO" {
		text = level + " " + text
	}
	for _, name := range slices.Sorted(maps.Keys(entry)) {
		if !slices.Contains(elsewhere, name) {
			value := uuid.ReplaceAllString(string(entry[name]), "$1")
			if word := strings.Trim(value, `"`); !strings.ContainsAny(word, ` "=`) {
				value = word
			}
			text += " " + name + "=" + value
		}
	}
	return strings.TrimSpace(text), level
}

// conclude shows the answers, says in the last lines what became of the event, and returns the exit code.
func (r *run) conclude() int {
	r.screen.blank()
	for i, result := range r.results {
		label := "Answer"
		if len(r.results) > 1 {
			label = fmt.Sprint("Answer ", i+1)
		}
		r.screen.field(label, r.answer(result.Payload, result.Err()))
	}
	r.screen.blank()
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
		text += fmt.Sprintf("; %s made, %s", count(r.made(), "backup was", "backups were"), count(len(r.results), "delivery", "deliveries"))
	} else if last.ErrorType == "PermissionDenied" {
		text += ". A run from here works with your own credentials, not with the function's role"
	}
	r.screen.text(colour, text+".")
	return code
}

// answer is an answer as text: an error, or the JSON with its fields on lines of their own.
func (r *run) answer(payload []byte, failure error) string {
	if failure != nil {
		return failure.Error()
	}
	var indented bytes.Buffer
	if json.Indent(&indented, payload, "", "  ") != nil {
		return string(payload)
	}
	const most = 40
	lines := strings.Split(indented.String(), "\n")
	if more := len(lines) - most; more > 1 && !r.verbose {
		lines = append(lines[:most], fmt.Sprintf("… %d more lines; VERBOSE=1 shows them", more))
	}
	return strings.Join(lines, "\n")
}

// count puts a number of things into words.
func count(n int, one, several string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprint(n, " ", several)
}
