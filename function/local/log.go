package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"adb-backup/function/local/fakeadb"
)

// showCall shows a call to AnalyticDB when it is over, with the first part of its request id, which the function's log and answer
// also name.
func (s *stage) showCall(c fakeadb.Call) {
	colour := cyan
	if c.Code != "" {
		colour = yellow
	}
	id := c.RequestID
	if !s.verbose {
		id = shortIDs(id)
	}
	action := fmt.Sprintf("%-15s  ", c.Action)
	if !s.single() {
		action = fmt.Sprintf("%-18s  %-18s  ", c.Action, cmp.Or(c.Cluster, c.Region))
	}
	s.screen.event(colour, "api", action+id+"  "+ending(c))
}

// ending says in a few words how a call ended.
func ending(c fakeadb.Call) string {
	result := c.Code
	switch {
	case c.Code == "" && c.Action == create:
		return "accepted"
	case c.Code == "" && c.Action == list:
		return count(c.Listed, "cluster") + " listed"
	case c.Code == "" && c.Running > 0:
		return fmt.Sprintf("%s listed, %d running", count(c.Listed, "backup"), c.Running)
	case c.Code == "":
		return count(c.Listed, "backup") + " listed"
	case c.Status != 0 && (c.Code[0] < '0' || c.Code[0] > '9'): // a fault's name may begin with the status
		result = fmt.Sprint(c.Status, " ", c.Code)
	}
	if c.Effect {
		result += ", yet it took effect"
	}
	return result
}

// count puts a number of things into words.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

var levelColours = map[string]string{"DEBUG": dim, "WARN": yellow, "ERROR": red}

// showLog shows a line of the function's output, without what the screen shows elsewhere: an error with a type is also in the
// answer.
func (s *stage) showLog(what, line string, noise *sdkNoise) {
	if strings.Contains(line, `"msg":"backup requested"`) {
		s.requested.Store(true)
	}
	if s.verbose {
		s.screen.write(line)
		return
	}
	elsewhere := []string{"time", "requestId", "trigger", "RegionId", "Backups", "Skipped", "omitted"}
	if s.single() {
		elsewhere = append(elsewhere, "DBClusterId")
	}
	if strings.Contains(line, `"errorType":"`) {
		elsewhere = append(elsewhere, "error")
	}
	if level, text, ok := foldLog(line, elsewhere...); ok {
		if level != "INFO" {
			text = level + " " + text
		}
		s.screen.event(levelColours[level], what, text)
		return
	}
	if !noise.is(line) && line != "" {
		s.screen.event(plain, what, line)
	}
}

// foldLog makes one short line of an entry of the function's log: the message, then its other fields, without those to leave
// out. ok is false if the line is not such an entry.
func foldLog(line string, leaveOut ...string) (level, text string, ok bool) {
	d := json.NewDecoder(strings.NewReader(line))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return "", "", false
	}
	var message string
	var rest []string
	for d.More() {
		name, _ := d.Token()
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return "", "", false
		}
		switch key := fmt.Sprint(name); {
		case slices.Contains(leaveOut, key):
		case key == "level":
			json.Unmarshal(value, &level)
		case key == "msg":
			json.Unmarshal(value, &message)
		default:
			rest = append(rest, key+"="+short(value))
		}
	}
	return level, strings.TrimSpace(message + "  " + strings.Join(rest, " ")), message != ""
}

var uuid = regexp.MustCompile(`\b([0-9A-F]{8})-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}\b`)

// shortIDs cuts each request id of the service to its first part, which is enough to compare.
func shortIDs(s string) string { return uuid.ReplaceAllString(s, "$1") }

// short shows a value of the log in short: a time of the last 12 hours without its date, a long text cut off.
func short(value json.RawMessage) string {
	var s string
	if json.Unmarshal(value, &s) == nil {
		if t, err := time.Parse(time.RFC3339, s); err == nil && time.Since(t).Abs() < 12*time.Hour {
			return t.UTC().Format("15:04:05Z")
		}
		if s = shortIDs(s); !strings.ContainsAny(s, " =") {
			return s
		}
		const most = 100
		if runes := []rune(s); len(runes) > most {
			s = strings.TrimSpace(string(runes[:most])) + "…"
		}
		return `"` + s + `"`
	}
	return string(value)
}

// invokeEnd is the runtime SDK's line about an invocation that is over, printed before its answer is sent.
const invokeEnd = "FC Invoke End RequestId: "

// sdkNoise finds the lines that the runtime SDK prints beside the function's log: when an invocation begins and ends, and its
// error, which is also in the answer.
type sdkNoise struct{ inError bool }

var sdkError = regexp.MustCompile(`^\d{4}/\d\d/\d\d [\d:.]+\s+\S+ \[ERROR\] \{$`)

// is reports whether the next line of the output is the SDK's own.
func (n *sdkNoise) is(line string) bool {
	switch {
	case n.inError:
		n.inError = line != "}"
	case sdkError.MatchString(line):
		n.inError = true
	default:
		return strings.HasPrefix(line, "FC Invoke ")
	}
	return true
}
