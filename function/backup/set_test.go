package backup

import (
	"strings"
	"testing"
)

func TestStatuses(t *testing.T) {
	words := NewStatuses([]string{"Archived"}, []string{"Lost", "Pending"})
	for _, c := range []struct {
		word  string
		ended bool
		want  State
	}{
		{"", false, SetRunning}, {"", true, SetComplete},
		{"Success", false, SetComplete}, {"SUCCESS", false, SetComplete}, {"finished", true, SetComplete}, {"archived", false, SetComplete},
		{"Failed", true, SetFailed}, {"failed", false, SetFailed}, {"LOST", false, SetFailed}, {"Pending", false, SetFailed},
		{"Running", false, SetRunning}, {"Running", true, SetRunning},
		{"Frozen", false, SetUnknown}, {"Frozen", true, SetUnknown},
	} {
		if got := words.State(c.word, c.ended); got != c.want {
			t.Errorf("%q, ended %v: %d, want %d", c.word, c.ended, got, c.want)
		}
	}
	// The words of the sister services.
	for state, all := range map[State]string{
		SetRunning: "running backup backingup backing_up backuping creating processing inprogress in_progress pending waiting queued preparing init " +
			"initializing schedule scheduled started check checking",
		SetComplete: "success succeed succeeded successful complete completed finish finished ok available",
		SetFailed:   "fail failed failure error cancel canceled cancelled abort aborted",
	} {
		for word := range strings.FieldsSeq(all) {
			if got := NewStatuses(nil, nil).State(word, false); got != state {
				t.Errorf("%q: %d, want %d", word, got, state)
			}
		}
	}
}
