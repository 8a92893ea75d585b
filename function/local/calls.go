package main

import (
	"fmt"
	"strings"

	"adb-backup/function/local/fakeadb"
)

// showCall shows a call to AnalyticDB when it is over: what came of it, and the first part of its request id, which the
// function's log and answer name, too.
func (s *stage) showCall(c fakeadb.Call) {
	colour, result := cyan, ""
	switch {
	case c.Code == "" && c.Action == create:
		result = "accepted"
	case c.Code == "":
		result = fmt.Sprintf("%d listed", c.Listed)
		if c.Running > 0 {
			result = fmt.Sprintf("%d of %d running", c.Running, c.Listed)
		}
	case c.Status == 0:
		result = c.Code
	default:
		result = c.Code
		if len(result) < 3 || result[0] < '0' || result[0] > '9' {
			result = fmt.Sprint(c.Status, " ", c.Code)
		}
	}
	if c.Code != "" {
		colour = yellow
		if c.Effect {
			result += ", yet it took effect"
		}
	}
	id := c.RequestID
	if !s.verbose {
		id = shortIDs(id)
	}
	action := fmt.Sprintf("%-15s  ", c.Action)
	if len(s.clusters()) > 1 {
		action += fmt.Sprintf("%-18s  ", c.Cluster)
	}
	s.screen.event(colour, "api", action+id+"  "+result)
}

var levels = map[string]string{"DEBUG": dim, "WARN": yellow, "ERROR": red}

// showLog shows a line of the function's output. What the screen or the answer says anyway is left out.
func (s *stage) showLog(what, line string, noise *sdkNoise) {
	if s.verbose {
		s.screen.write(line)
		return
	}
	said := []string{"time", "requestId", "trigger", "RegionId", "Backups", "omitted"}
	if strings.Contains(line, `"msg":"backup report"`) {
		said = append(said, "error")
	}
	if len(s.clusters()) == 1 {
		said = append(said, "DBClusterId")
	}
	if level, text, ok := foldLog(line, said...); ok {
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
