package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"adb-backup/function/local/fakeadb"
)

// showCall shows a call to AnalyticDB when it is over: what came of it, and the first part of its request id, which the
// function's log and answer name, too.
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
	s.screen.event(colour, "api", action+id+"  "+became(c))
}

// became is what came of a call, in a few words.
func became(c fakeadb.Call) string {
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

// count is a number of things in words.
func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

var levels = map[string]string{"DEBUG": dim, "WARN": yellow, "ERROR": red}

// showLog shows a line of the function's output, without what the screen shows anyway: an error that has a type is in the
// answer.
func (s *stage) showLog(what, line string, noise *sdkNoise) {
	if strings.Contains(line, `"msg":"backup requested"`) {
		s.requested.Store(true)
	}
	if s.verbose {
		s.screen.write(line)
		return
	}
	shown := []string{"time", "requestId", "trigger", "RegionId", "Backups", "Skipped", "omitted"}
	if s.single() {
		shown = append(shown, "DBClusterId")
	}
	if strings.Contains(line, `"errorType":"`) {
		shown = append(shown, "error")
	}
	if level, text, ok := foldLog(line, shown...); ok {
		if level != "INFO" {
			text = level + " " + text
		}
		s.screen.event(levels[level], what, text)
		return
	}
	if !noise.is(line) && line != "" {
		s.screen.event(plain, what, line)
	}
}

// foldLog makes one short line of an entry of the function's log: the message, then what else it says, but for the keys
// left out. ok is false if the line is not such an entry.
func foldLog(line string, leaveOut ...string) (level, text string, ok bool) {
	d := json.NewDecoder(strings.NewReader(line))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return "", "", false
	}
	var message string
	var rest []string
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return "", "", false
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return "", "", false
		}
		name := key.(string)
		switch {
		case slices.Contains(leaveOut, name):
		case name == "level":
			json.Unmarshal(value, &level)
		case name == "msg":
			json.Unmarshal(value, &message)
		default:
			rest = append(rest, fmt.Sprintf("%s=%s", key, short(value)))
		}
	}
	if message == "" {
		return "", "", false
	}
	return level, strings.TrimSpace(message + "  " + strings.Join(rest, " ")), true
}

var uuid = regexp.MustCompile(`\b([0-9A-F]{8})-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}\b`)

// shortIDs leaves of a service's request ids as much as a person compares.
func shortIDs(s string) string { return uuid.ReplaceAllString(s, "$1") }

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
	var n float64
	if bytes.ContainsRune(value, '.') && json.Unmarshal(value, &n) == nil {
		return fmt.Sprint(math.Round(n*1000) / 1000)
	}
	return string(value)
}

// invokeEnd is the runtime SDK's line about an invocation that is over, printed before its answer is sent.
const invokeEnd = "FC Invoke End RequestId: "

// sdkNoise is what the runtime SDK prints beside the function's log: when an invocation begins and ends, and its error,
// which the answer holds.
type sdkNoise struct{ inError bool }

var sdkError = regexp.MustCompile(`^\d{4}/\d\d/\d\d [\d:.]+\s+\S+ \[ERROR\] \{$`)

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
