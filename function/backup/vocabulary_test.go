package backup

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestCheckClusterID(t *testing.T) {
	for _, id := range []string{"amv-wz9or2xawpnc", "am-bp1", "am-0", "amvx-a", "am-" + strings.Repeat("a", 61)} {
		if err := CheckClusterID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"", "am", "am-", "amv_wz9", "rm-1234", "amv-A", "AMV-1", "amv-a-b", "amv1-a", "amv-wz9 ", " amv-wz9", "amv-wz9\n",
		"amv-wz9/../x", "amv-ä", "xam-1", "am-" + strings.Repeat("a", 62), "*"} {
		if err := CheckClusterID(id); err == nil || strings.Contains(err.Error(), "masked") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"amv-wz9or2xawpnc****", "am-bp1****************", "amv-*"} {
		if err := CheckClusterID(id); err == nil || !strings.Contains(err.Error(), "is a masked example") {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestCheckRegion(t *testing.T) {
	for _, region := range []string{"cn-hangzhou", "ap-southeast-1", "cn-beijing-finance-1", "us-west-1", "me-central-1", "cn-" + strings.Repeat("a", 29)} {
		if err := CheckRegion(region); err != nil {
			t.Errorf("%q: %v", region, err)
		}
	}
	for _, region := range []string{"", "cn", "cn-", "c-hangzhou", "cn--x", "CN-hangzhou", "cn-hangzhou.example.com", "x.example/", "cn-hangzhou/", "cn-hangzhou:80",
		"cn-hangzhou@x", "cn-hangzhou\n", " cn-hangzhou", "cn_hangzhou", "cn-hängzhou", "1n-x", "-cn-x", "cn-hangzhou-", "cn-" + strings.Repeat("a", 30)} {
		if err := CheckRegion(region); err == nil {
			t.Errorf("%q is accepted", region)
		}
	}
}

// TestQuote: only what is short and plain is shown, because events may carry secrets.
func TestQuote(t *testing.T) {
	for s, want := range map[string]string{
		"": `""`, "cn-hangzhou": `"cn-hangzhou"`, "two words": `"two words"`, `a "b"`: `"a \"b\""`,
		strings.Repeat("a", 64): `"` + strings.Repeat("a", 64) + `"`,
		strings.Repeat("a", 65): "a string of 65 characters",
		strings.Repeat("ä", 65): "a string of 65 characters",
		"ä":                     "a string with other than printable ASCII characters",
		"a\tb":                  "a string with other than printable ASCII characters",
		"a\x7f":                 "a string with other than printable ASCII characters",
		"~":                     `"~"`,
	} {
		if got := Quote(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}

func TestMerge(t *testing.T) {
	one, two, three := Cluster{"amv-1", "cn-hangzhou"}, Cluster{"amv-1", "cn-beijing"}, Cluster{"amv-3", "cn-beijing"}
	early, late := at(t, "02:00:00"), at(t, "02:00:01")
	got := Merge([]Request{
		{Action: ActionEnsure, Cluster: one, WaitFor: WaitDDLAllowed, NotBefore: early, Redelivered: true},
		{Action: ActionEnsure, Cluster: two, NotBefore: early, Redelivered: true},
		{Action: ActionVerify, Cluster: one, NotBefore: early},
		{Action: ActionEnsure, Cluster: one, WaitFor: WaitCompleted, NotBefore: late},
		{Action: ActionEnsure, Cluster: two, WaitFor: WaitCompleted, NotBefore: early},
		{Action: ActionEnsure, Cluster: three, NotBefore: early, Immediate: true},
		{Action: ActionEnsure, Cluster: three, NotBefore: early, Redelivered: true},
	})
	want := []Request{
		{Action: ActionEnsure, Cluster: one, WaitFor: WaitDDLAllowed, NotBefore: late},
		{Action: ActionEnsure, Cluster: two, WaitFor: WaitCompleted, NotBefore: early},
		{Action: ActionVerify, Cluster: one, NotBefore: early},
		{Action: ActionEnsure, Cluster: three, NotBefore: early},
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	for _, c := range []struct{ one, other, want time.Duration }{{0, 0, 0}, {0, 1, 0}, {1, 0, 0}, {1, 2, 2}, {2, 1, 2}} { // none is the longest
		merged := Merge([]Request{{Cluster: one, WaitAtMost: c.one}, {Cluster: one, WaitAtMost: c.other}})
		if len(merged) != 1 || merged[0].WaitAtMost != c.want {
			t.Errorf("%v and %v are %+v", c.one, c.other, merged)
		}
	}
}

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
