package backup

import (
	"testing"
	"time"
)

// sentAfterLook is a CreateBackup before which a list showed the sets with these ids.
func sentAfterLook(t *testing.T, sent, answered string, before ...string) *Create {
	o := Observed{Looked: at(t, sent)}
	for _, id := range before {
		o.Listed = append(o.Listed, Set{ID: id})
	}
	c := newCreate(o)
	c.Sent, c.Answered = at(t, sent), at(t, answered)
	return c
}

// made is what c is taken to have made in a list that is settled or not.
func made(c *Create, settled bool, listed ...Set) *Set {
	o := Observed{Listed: listed, Looked: c.Answered, Settle: time.Minute}
	if settled {
		o.Looked = c.Answered.Add(time.Minute)
	}
	return c.made(o)
}

// TestClocksDiffer: a new set that seems to be older is taken when nothing better comes, within a quarter of an hour.
func TestClocksDiffer(t *testing.T) {
	c := sentAfterLook(t, "02:00:30", "02:00:40", "old")
	for start, want := range map[string][2]bool{ // in an early look, in a settled one
		"02:00": {true, true}, "02:00:30": {true, true}, "02:01": {true, true},
		"02:00:29": {false, true}, "01:45:30": {false, true}, "01:45": {false, true},
		"01:45:29": {false, false}, "01:44": {false, false}, "10:00": {true, true},
	} {
		for i, settled := range []bool{false, true} {
			if got := made(c, settled, set(t, "a", start, SetRunning)) != nil; got != want[i] {
				t.Errorf("started %s, settled %v: ours %v, want %v", start, settled, got, want[i])
			}
		}
		if made(c, true, set(t, "old", start, SetRunning)) != nil {
			t.Errorf("started %s: it was there before", start)
		}
	}
	for looked, want := range map[string]bool{"02:01:39": false, "02:01:40": true} {
		if got := c.settled(at(t, looked), time.Minute); got != want {
			t.Errorf("looked at %s: settled %v", looked, got)
		}
	}
}

// TestWhatTookTooLong: where only ended backups are listed, one of the cluster's own schedule is new in the list when it
// ends. It is not taken for what was created meanwhile, which is not listed yet.
func TestWhatTookTooLong(t *testing.T) {
	c := sentAfterLook(t, "02:00:30", "02:00:40")
	for end, want := range map[string]bool{"01:56": true, "01:58": true, "01:59": false, "02:01": false} { // a look at 02:01:40
		s := set(t, "a", "01:55", SetComplete)
		s.End = set(t, "a", end, SetRunning).Start
		if got := made(c, true, s) != nil; got != want {
			t.Errorf("ended %s: ours %v, want %v", end, got, want)
		}
	}
	foreign := set(t, "a", "01:55", SetComplete)
	foreign.End = set(t, "a", "01:59", SetRunning).Start
	c.exclude([]Set{foreign}, at(t, "02:01:40"))
	later := Observed{Listed: []Set{foreign}, Looked: at(t, "02:10:00"), Settle: time.Minute}
	again := sentAfterLook(t, "02:04:00", "02:04:00")
	again.takeOver(c)
	if c.made(later) != nil || again.made(later) != nil {
		t.Error("ours after all, since time has passed")
	}
}

// TestTwoNewOnes: another process, or the cluster's own schedule, may have started a backup at the same time.
func TestTwoNewOnes(t *testing.T) {
	c := sentAfterLook(t, "02:00:30", "02:00:31")
	for _, two := range [][2]string{ // ours, the other's
		{"02:00:30", "02:00:32"}, {"02:00:31", "02:00:29"}, {"02:00:29", "02:00:20"}, {"02:00", "02:01"}, {"02:01", "01:59:40"}, {"02:00:40", "02:00:41"},
	} {
		ours, other := set(t, "z", two[0], SetRunning), set(t, "b", two[1], SetRunning) // the other has the smaller id
		for _, list := range [][]Set{{ours, other}, {other, ours}} {
			if got := made(c, true, list...); got == nil || got.ID != "z" {
				t.Errorf("%v: took %+v", two, got)
			}
		}
	}
}

// TestTwoAtTheSameInstant: the list's order does not matter.
func TestTwoAtTheSameInstant(t *testing.T) {
	c := sentAfterLook(t, "02:00:30", "02:00:31")
	a, b := set(t, "a", "02:00:40", SetRunning), set(t, "b", "02:00:40", SetRunning)
	for _, list := range [][]Set{{a, b}, {b, a}} {
		if got := made(c, true, list...); got == nil || got.ID != "a" {
			t.Errorf("took %+v", got)
		}
	}
}

// TestUnlistedLost: a CreateBackup without an answer stands for the next one only if it may have made what is asked for.
func TestUnlistedLost(t *testing.T) {
	accepted := sentAfterLook(t, "02:00:35", "02:00:35")
	accepted.Accepted = true
	for name, c := range map[string]struct {
		last   *Create
		listed []Set
		want   bool
	}{
		"none":                {},
		"it serves":           {last: sentAfterLook(t, "02:00:35", "02:00:35"), want: true},
		"it was sent earlier": {last: sentAfterLook(t, "02:00:29", "02:00:29")},
		"it was accepted":     {last: accepted},
		"it is listed":        {last: sentAfterLook(t, "02:00:35", "02:00:35"), listed: []Set{set(t, "a", "02:00:36", SetRunning)}},
	} {
		o := Observed{Looked: at(t, "02:00:40"), Listed: c.listed, Last: c.last}
		if got := o.unlistedLost(Request{NotBefore: at(t, "02:00:30")}); (got != nil) != c.want || got != nil && got != c.last {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
