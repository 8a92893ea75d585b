package backup

import (
	"testing"
	"time"
)

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
	for _, c := range []struct{ one, other, want time.Duration }{{0, 0, 0}, {0, 1, 0}, {1, 0, 0}, {1, 2, 2}, {2, 1, 2}} { // none is the longest
		merged := Merge([]Request{{Cluster: one, WaitAtMost: c.one}, {Cluster: one, WaitAtMost: c.other}})
		if len(merged) != 1 || merged[0].WaitAtMost != c.want {
			t.Errorf("%v and %v are %+v", c.one, c.other, merged)
		}
	}
	if len(got) != len(want) {
		t.Fatalf("got %d requests: %+v", len(got), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %+v\nwant %+v", got[i], want[i])
		}
	}
}
