package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakefc"
)

// conclude shows the answers, says in the last lines what they mean, and returns the exit code.
func (s *stage) conclude() int {
	s.screen.blank()
	var untrue []string
	for i, r := range s.results {
		label := "Answer"
		if len(s.results) > 1 {
			label = fmt.Sprint("Answer ", i+1)
		}
		s.showAnswer(label, r)
		untrue = append(untrue, r.untrue...)
	}
	s.screen.blank()
	if len(untrue) > 0 {
		s.screen.text(red, "The answer is NOT true: "+strings.Join(untrue, "; ")+".")
		return exitUnexpected
	}
	last := s.results[len(s.results)-1]
	text, colour, code := s.meaning(last), green, exitSuccess
	if last.ErrorType != "" {
		colour, code = red, exitFailure
	}
	if s.checkable() {
		return s.concludeFault(colour, text)
	}
	if code == exitFailure {
		text += " So the exit code is 1."
	}
	s.screen.text(colour, text)
	if s.scenario.name != "" {
		s.screen.text(plain, fmt.Sprintf("Whether this is right for the fault %s is not checked: that needs an event that names clusters and waits for their backups, such as %s, and no settings of your own.", s.scenario.name, defaultEvent))
	}
	return code
}

// concludeFault says whether the run ended as its fault must make it end.
func (s *stage) concludeFault(colour, text string) int {
	if wrong := s.unexpected(); wrong != "" {
		s.screen.text(red, fmt.Sprintf("This must NOT happen with the fault %s: %s.", s.scenario.name, wrong))
		return exitUnexpected
	}
	deliveries := "One delivery"
	if len(s.results) > 1 {
		deliveries = fmt.Sprint(len(s.results), " deliveries")
	}
	s.screen.text(colour, fmt.Sprintf("%s %s, and %s.", text, deliveries, madeInWords(len(s.created()))))
	s.screen.text(green, fmt.Sprintf("This is what must happen with the fault %s.", s.scenario.name))
	return exitSuccess
}

// showAnswer shows the answer, laid out but not changed.
func (s *stage) showAnswer(label string, r *result) {
	if r.ErrorType != "" {
		s.screen.field(label, r.ErrorType+": "+r.ErrorMessage)
		return
	}
	for _, line := range layOut(r.Payload, s.screen.width()-labelWidth) {
		s.screen.write(s.screen.paint(bold, fmt.Sprintf("%-*s", labelWidth, label)) + line)
		label = ""
	}
}

// layOut breaks an answer into lines of a width, with each cluster's part on lines of its own.
func layOut(raw []byte, width int) []string {
	const most = 3 // clusters: then the answer and its meaning fit 24 lines
	var indented bytes.Buffer
	if json.Indent(&indented, raw, "", "\t") != nil {
		return strings.Split(string(raw), "\n")
	}
	var lines []string
	parts, indent := 0, ""
	text := strings.NewReplacer("\n\t\t}", " }", "\n}", " }").Replace(indented.String())
	for row := range strings.SplitSeq(text, "\n") {
		last, item := len(lines)-1, strings.TrimLeft(row, "\t")
		switch {
		case row == "\t\t{":
			if parts, indent = parts+1, "  "; parts <= most {
				lines = append(lines, indent+item)
			}
		case strings.HasPrefix(row, "\t]"):
			if parts > most {
				lines = append(lines, fmt.Sprintf("  … and %d more", parts-most))
			}
			parts, indent = 0, ""
			lines = append(lines, item)
		case last < 0:
			lines = append(lines, item)
		case parts > most:
		case utf8.RuneCountInString(lines[last]+" "+item) <= width:
			lines[last] += " " + item
		default:
			for _, line := range wrap(item, width-len(indent)-2) {
				lines = append(lines, indent+"  "+line)
			}
		}
	}
	return lines
}

// meanings are what the error types mean for the person, as sentences.
var meanings = map[string]string{
	"InvalidEvent":         "The event, or one of its items, is wrong; nothing was called for it.",
	"PermissionDenied":     "The function's credentials were refused, or lack a permission; the answer says what is needed.",
	"ClusterNotFound":      "AnalyticDB does not know the cluster.",
	"BackupFailed":         "The backup was made and failed: look at the cluster.",
	"BackupPending":        "The function's time was up before the backup was complete; invoked again, it goes on from there and makes no second backup.",
	"BackupMissing":        "There is no such backup. A Verify is there to report a night without one.",
	"NothingSelected":      "The selector matches no cluster that can be backed up. Perhaps somebody removed a tag.",
	"OutcomeUnknown":       "It could not be found out whether the backup was made; the answer says whether invoking again is safe.",
	"Throttled":            "AnalyticDB refused the calls because there were too many, until the function's time was up.",
	"ServiceError":         "AnalyticDB refused the call; the answer says why.",
	"InternalError":        "This is a defect of the function: its log says more.",
	"Mixed":                "Several clusters failed, for different reasons.",
	fakefc.ProcessExited:   "The function's process ended before it answered.",
	fakefc.FunctionTimeout: "The function did not answer before its time was up. That is a defect: it should always answer.",
}

// meaning puts a result into a sentence.
func (s *stage) meaning(r *result) string {
	if r.ErrorType != "" {
		words := meanings[r.ErrorType]
		if s.real() && r.ErrorType == "PermissionDenied" {
			words = "Your own credentials were refused, or lack a permission; the answer says what is needed. A run from here does not use the function's role."
		}
		if words == "" {
			return "The invocation failed with " + r.ErrorType + "."
		}
		return "The invocation failed. " + words
	}
	var a answer
	json.Unmarshal(r.Payload, &a)
	switch {
	case a.Status == "Ignored":
		return "There was nothing to do: the event only reports the function's own work."
	case len(a.Backups) == 1:
		return s.ofOne(a)
	}
	return ofSeveral(a)
}

// ofOne puts the answer about a single cluster into a sentence.
func (s *stage) ofOne(a answer) string {
	b := a.Backups[0]
	is := map[string]string{"Running": "is running", "Completed": "is complete"}[b.Status]
	if requests := s.incoming.event.Requests; len(requests) == 1 && requests[0].WaitFor == backup.WaitDDLAllowed {
		is += ", and DDL is allowed again"
	}
	switch {
	case a.Action == string(backup.ActionVerify):
		return fmt.Sprintf("%s has the backup that was asked for, %s.", b.DBClusterId, b.BackupId)
	case b.Status == "Requested":
		return fmt.Sprintf("A backup of %s was requested.", b.DBClusterId)
	case b.Created:
		return fmt.Sprintf("A backup of %s was made and %s.", b.DBClusterId, is)
	}
	return fmt.Sprintf("A backup of %s that serves was found and %s.", b.DBClusterId, is)
}

// ofSeveral counts what the answer says of several clusters.
func ofSeveral(a answer) string {
	made, how := 0, map[string]int{}
	for _, b := range a.Backups {
		how[b.Status]++
		if b.Created {
			made++
		}
	}
	var states []string
	for _, state := range []string{"Completed", "Running", "Requested"} {
		if how[state] > 0 {
			states = append(states, fmt.Sprintf("%d %s", how[state], strings.ToLower(state)))
		}
	}
	return fmt.Sprintf("%d clusters: %s; this invocation made %d of the backups.", len(a.Backups), strings.Join(states, ", "), made)
}
