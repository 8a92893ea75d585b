package backup

import "testing"

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
	if len(got) != len(want) {
		t.Fatalf("got %d requests: %+v", len(got), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %+v\nwant %+v", got[i], want[i])
		}
	}
}
