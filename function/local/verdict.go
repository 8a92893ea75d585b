package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakefc"
)

// conclude shows the answers, says in a last sentence what they mean, and gives the exit code.
func (s *stage) conclude() int {
	s.screen.blank()
	for i, r := range s.results {
		label := "Answer"
		if len(s.results) > 1 {
			label = fmt.Sprint("Answer ", i+1)
		}
		s.showAnswer(label, r)
	}
	if len(s.results) == 0 {
		s.screen.text("The event was not delivered.")
		return exitUsage
	}
	last := s.results[len(s.results)-1]
	code := exitSuccess
	if last.ErrorType != "" {
		code = exitFailure
	}
	s.screen.blank()
	if len(s.lies) > 0 {
		s.closing(red, "The answer is NOT true: "+strings.Join(s.lies, "; ")+".")
		return max(code, exitUnexpected)
	}
	if !s.judged() {
		colour := green
		if code != exitSuccess {
			colour = red
		}
		s.closing(colour, meaning(last))
		return code
	}
	if wrong := s.unexpected(); wrong != "" {
		s.closing(red, fmt.Sprintf("NOT what the fault %s should come to: %s.", s.scenario.name, wrong))
		return max(code, exitUnexpected)
	}
	text := meaning(last) + " " + s.madeInWords()
	if code == exitSuccess {
		s.closing(green, text+" That is as it should be.")
	} else {
		s.closing(red, text)
		s.closing(green, fmt.Sprintf("That is what the fault %s should come to; the exit code is the invocation's.", s.scenario.name))
	}
	return code
}

func (s *stage) closing(colour, text string) {
	for _, line := range wrap(text, s.screen.width) {
		s.screen.write(s.screen.paint(colour, line))
	}
}

// showAnswer shows the answer as it came, only laid out.
func (s *stage) showAnswer(label string, r fakefc.Result) {
	var laidOut bytes.Buffer
	switch {
	case r.ErrorType != "":
		s.screen.field(label, r.ErrorType+": "+r.ErrorMessage)
		return
	case json.Indent(&laidOut, r.Payload, "", "  ") != nil:
		laidOut.Reset()
		laidOut.Write(r.Payload)
	}
	for i, line := range strings.Split(laidOut.String(), "\n") {
		if i > 0 {
			label = ""
		}
		s.screen.write(s.screen.paint(bold, fmt.Sprintf("%-*s", labelWidth, label)) + line)
	}
}

// answer is as much of the function's answer as the sentences need.
type answer struct {
	Action, Status string
	Backups        []struct {
		DBClusterId, Status, BackupId, RequestId string
		Created                                  bool
	}
}

// outcome is a delivery's in a word: the errorType, or the answer's Status.
func outcome(r fakefc.Result) string {
	var a answer
	if r.ErrorType != "" {
		return r.ErrorType
	}
	if err := json.Unmarshal(r.Payload, &a); err != nil {
		return "an answer that is no JSON"
	}
	return a.Status
}

var advice = map[string]string{
	"InvalidEvent":         "The event is wrong, or an item of it is; nothing was called for that.",
	"PermissionDenied":     "The function's credentials were refused, or lack a permission; the answer says what is needed.",
	"ClusterNotFound":      "AnalyticDB does not know the cluster.",
	"BackupFailed":         "The backup was made and failed: look at the cluster.",
	"BackupPending":        "The function's time was up before all was done; invoked again, it goes on from there and makes no second backup.",
	"BackupMissing":        "There is no such backup: this is the alarm for a night on which none was made.",
	"OutcomeUnknown":       "Whether the backup was made could not be found out; the answer says whether invoking again is safe.",
	"Throttled":            "AnalyticDB refused the calls for their number until the function's time was up.",
	"ServiceError":         "AnalyticDB refused the call; the answer says why.",
	"InternalError":        "This is a defect of the function: its log says more.",
	"Mixed":                "Several clusters failed, for different reasons.",
	fakefc.ProcessExited:   "The function's process ended before it answered.",
	fakefc.FunctionTimeout: "The function did not answer in its time, which it should whatever happens.",
}

// meaning tells a result in a sentence.
func meaning(r fakefc.Result) string {
	if r.ErrorType != "" {
		if words := advice[r.ErrorType]; words != "" {
			return "The invocation failed. " + words
		}
		return "The invocation failed with " + r.ErrorType + "."
	}
	var a answer
	json.Unmarshal(r.Payload, &a)
	is := map[string]string{"Requested": "is requested", "Running": "is running", "Completed": "is complete"}[a.Status]
	switch {
	case a.Status == "Ignored":
		return "Nothing was to be done: the event only reports the function's own work."
	case len(a.Backups) == 1 && a.Action == string(backup.ActionVerify):
		return fmt.Sprintf("%s has the backup that was asked for, %s.", a.Backups[0].DBClusterId, a.Backups[0].BackupId)
	case len(a.Backups) == 1 && a.Status == "Requested":
		return fmt.Sprintf("A backup of %s was requested.", a.Backups[0].DBClusterId)
	case len(a.Backups) == 1 && a.Backups[0].Created:
		return fmt.Sprintf("A backup of %s was made and %s.", a.Backups[0].DBClusterId, is)
	case len(a.Backups) == 1:
		return fmt.Sprintf("A backup of %s that serves was found and %s.", a.Backups[0].DBClusterId, is)
	case len(a.Backups) > 1:
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
	return "The invocation succeeded."
}

// madeInWords tells how many backups there are of it all.
func (s *stage) madeInWords() string {
	deliveries := "one delivery"
	if len(s.results) > 1 {
		deliveries = fmt.Sprint(len(s.results), " deliveries")
	}
	backups := fmt.Sprint(len(s.created()), " backups were made")
	switch len(s.created()) {
	case 0:
		backups = "no backup was made"
	case 1:
		backups = "exactly one backup was made"
	}
	return strings.ToUpper(deliveries[:1]) + deliveries[1:] + ", and " + backups + "."
}
