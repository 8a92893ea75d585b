package backup

import "testing"

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
}
