package backup

import (
	"cmp"
	"strings"
	"testing"
	"time"
)

// at reads a time of the story's day, such as 02:00:30; - before it is the day before.
func at(t *testing.T, s string) time.Time {
	t.Helper()
	clock, before := strings.CutPrefix(s, "-")
	c, err := time.Parse(time.DateTime, map[bool]string{false: "2026-11-23 ", true: "2026-11-22 "}[before]+clock)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// set makes a full backup that is listed to the minute (start such as 02:00) or to the second (02:00:07).
func set(t *testing.T, id, start string, state State, change ...func(*Set)) Set {
	t.Helper()
	unit := time.Second
	if len(start) < len("02:00:00") {
		start, unit = start+":00", time.Minute
	}
	s := listed(id, at(t, start), state)
	s.Start.Until = s.Start.From.Add(unit)
	for _, c := range change {
		c(&s)
	}
	return s
}

func incremental(s *Set)     { s.Full = false }
func copied(s *Set)          { s.Copy = true }
func withoutStart(s *Set)    { s.Start = Span{} }
func withoutEnd(s *Set)      { s.End = Span{} }
func withEnd(s *Set)         { s.End = Span{s.Start.From.Add(time.Minute), s.Start.From.Add(2 * time.Minute)} }
func redelivered(r *Request) { r.Redelivered = true }

// TestDecide goes through section 3 of the contract, sentence by sentence. NotBefore is 02:00:30.
func TestDecide(t *testing.T) {
	type known struct {
		now     string // 02:00:40 if empty
		looked  string // now if empty
		listed  []Set
		unseen  bool // not looked yet
		denied  bool
		notNow  bool
		last    *Create
		own     bool
		creates int
	}
	sets := func(s ...Set) []Set { return s }
	lost := func(sent string, before ...string) *Create { return sentAfterLook(t, sent, sent, before...) }
	accepted := func(sent string) *Create {
		c := lost(sent)
		c.Accepted = true
		return c
	}
	seen := func(c *Create, key string) *Create {
		c.Key = key
		return c
	}
	for name, c := range map[string]struct {
		request []func(*Request)
		known   known
		do      StepKind
		set     string // id of Step.Set
		ours    bool
	}{
		"nothing known: look":                          {known: known{unseen: true}, do: StepLook},
		"an empty list: create":                        {do: StepSend},
		"a direct request looks at nothing":            {request: []func(*Request){atOnce}, known: known{unseen: true}, do: StepSend},
		"a direct request that waits looks":            {request: []func(*Request){atOnce, waiting}, known: known{unseen: true}, do: StepLook},
		"a direct request whose create was lost looks": {request: []func(*Request){atOnce}, known: known{unseen: true, last: lost("02:00:31"), own: true, creates: 1}, do: StepLook},
		"looking is denied: create":                    {known: known{unseen: true, denied: true}, do: StepSend},

		// A listed time means its whole minute or second.
		"fresh: the minute of the event does not serve":                {known: known{listed: sets(set(t, "a", "02:00", SetComplete))}, do: StepSend},
		"fresh: the second of the event serves":                        {known: known{listed: sets(set(t, "a", "02:00:30", SetComplete))}, do: StepAdopt, set: "a"},
		"fresh: the second before does not":                            {known: known{listed: sets(set(t, "a", "02:00:29", SetComplete))}, do: StepSend},
		"redelivered: the minute of the event serves":                  {request: []func(*Request){redelivered}, known: known{listed: sets(set(t, "a", "02:00", SetComplete))}, do: StepAdopt, set: "a"},
		"redelivered: a minute before serves":                          {request: []func(*Request){redelivered}, known: known{listed: sets(set(t, "a", "01:59:30", SetComplete))}, do: StepAdopt, set: "a"},
		"redelivered: more than a minute before does not":              {request: []func(*Request){redelivered}, known: known{listed: sets(set(t, "a", "01:59:29", SetComplete))}, do: StepSend},
		"redelivered: a cut minute that may be a minute before serves": {request: []func(*Request){redelivered}, known: known{listed: sets(set(t, "a", "01:59", SetComplete))}, do: StepAdopt, set: "a"},
		"redelivered: an earlier cut minute does not":                  {request: []func(*Request){redelivered}, known: known{listed: sets(set(t, "a", "01:58", SetComplete))}, do: StepSend},

		// A start in the future is not believed.
		"a start a minute ahead serves":                       {known: known{listed: sets(set(t, "a", "02:01:40", SetComplete))}, do: StepAdopt, set: "a"},
		"more than a minute ahead does not":                   {known: known{listed: sets(set(t, "a", "02:01:41", SetComplete))}, do: StepSend},
		"nor for a redelivery":                                {request: []func(*Request){redelivered}, known: known{listed: sets(set(t, "a", "10:00", SetComplete))}, do: StepSend},
		"running in the future: wait":                         {known: known{listed: sets(set(t, "a", "10:00", SetRunning))}, do: StepAwait, set: "a"},
		"in the future, and there before our create: another": {known: known{last: lost("02:00:35", "a"), own: true, creates: 1, listed: sets(set(t, "a", "10:00", SetComplete))}, do: StepAwait},
		"in the future, made by this process: adopted":        {known: known{last: seen(accepted("02:00:35"), "a"), listed: sets(set(t, "a", "10:00", SetComplete))}, do: StepAdopt, set: "a"},

		// Not now: a look comes before the next attempt.
		"a direct request that was refused for now looks":       {request: []func(*Request){atOnce}, known: known{unseen: true, notNow: true}, do: StepLook},
		"refused for now, and looking is denied: create":        {request: []func(*Request){atOnce}, known: known{unseen: true, notNow: true, denied: true}, do: StepSend},
		"refused for now, and one that serves appears: adopted": {known: known{notNow: true, listed: sets(set(t, "a", "02:00:31", SetRunning))}, do: StepAdopt, set: "a"},

		// What serves.
		"a running one serves":                                   {known: known{listed: sets(set(t, "a", "02:01", SetRunning))}, do: StepAdopt, set: "a"},
		"one with an unknown status serves":                      {known: known{listed: sets(set(t, "a", "02:01", SetUnknown))}, do: StepAdopt, set: "a"},
		"a failed one does not":                                  {known: known{listed: sets(set(t, "a", "02:01", SetFailed))}, do: StepSend},
		"an incremental one does not":                            {known: known{listed: sets(set(t, "a", "02:01", SetComplete, incremental))}, do: StepSend},
		"a copy does not":                                        {known: known{listed: sets(set(t, "a", "02:01", SetComplete, copied))}, do: StepSend},
		"one without a start does not":                           {known: known{listed: sets(set(t, "a", "02:01", SetComplete, withoutStart))}, do: StepSend},
		"a complete one comes first":                             {known: known{listed: sets(set(t, "a", "02:03", SetRunning), set(t, "b", "02:01", SetComplete), set(t, "c", "02:02", SetUnknown))}, do: StepAdopt, set: "b"},
		"one with an unknown status is as good as a running one": {known: known{now: "02:05:00", listed: sets(set(t, "a", "02:01", SetUnknown), set(t, "b", "02:02", SetRunning))}, do: StepAdopt, set: "b"},
		"then the newest":                                        {known: known{now: "02:05:00", listed: sets(set(t, "a", "02:01", SetComplete), set(t, "b", "02:02", SetComplete), set(t, "c", "02:01:30", SetComplete))}, do: StepAdopt, set: "b"},

		// One at a time.
		"an earlier one is running: wait":                  {known: known{listed: sets(set(t, "a", "01:50", SetRunning))}, do: StepAwait, set: "a"},
		"one with an unknown status is running, too":       {known: known{listed: sets(set(t, "a", "01:50", SetUnknown))}, do: StepAwait, set: "a"},
		"a complete one without an end is not running":     {known: known{listed: sets(set(t, "a", "01:50", SetComplete, withoutEnd))}, do: StepSend},
		"nor a failed one":                                 {known: known{listed: sets(set(t, "a", "01:50", SetFailed, withoutEnd))}, do: StepSend},
		"with an end it is not":                            {known: known{listed: sets(set(t, "a", "01:50", SetUnknown, withEnd))}, do: StepSend},
		"an incremental one is not waited for":             {known: known{listed: sets(set(t, "a", "01:50", SetRunning, incremental))}, do: StepSend},
		"24 hours are not stuck":                           {known: known{listed: sets(set(t, "a", "-02:00:40", SetRunning))}, do: StepAwait, set: "a"},
		"more than 24 hours are":                           {known: known{listed: sets(set(t, "a", "-02:00:39", SetRunning))}, do: StepSend},
		"stuck and running: the running one is waited for": {known: known{listed: sets(set(t, "a", "-01:00", SetRunning), set(t, "b", "01:00", SetRunning))}, do: StepAwait, set: "b"},
		"of two that run the newer is waited for":          {known: known{listed: sets(set(t, "a", "01:40", SetRunning), set(t, "b", "01:50", SetRunning))}, do: StepAwait, set: "b"},
		"one that serves beside a running one is adopted":  {known: known{listed: sets(set(t, "a", "01:50", SetRunning), set(t, "b", "02:01", SetRunning))}, do: StepAdopt, set: "b"},

		// A look counts for a minute.
		"a look that is a minute old counts":         {known: known{looked: "01:59:40"}, do: StepSend},
		"an older one does not":                      {known: known{looked: "01:59:39", listed: sets(set(t, "a", "02:00:31", SetRunning))}, do: StepLook},
		"not even for what is accepted":              {known: known{now: "02:05:00", looked: "02:03:59", last: accepted("02:00:30")}, do: StepLook},
		"looking is denied, and what was listed old": {known: known{looked: "01:59:39", denied: true, listed: sets(set(t, "a", "02:00:31", SetRunning))}, do: StepSend},

		// What this process created counts before it is listed.
		"accepted at the event: no call":                      {known: known{unseen: true, last: accepted("02:00:30")}, do: StepAdopt},
		"accepted for longer than the settle time: look":      {known: known{now: "02:02:00", unseen: true, last: accepted("02:00:30")}, do: StepLook},
		"looked, still unlisted: adopted all the same":        {known: known{now: "02:02:00", last: accepted("02:00:30")}, do: StepAdopt},
		"looked, and it failed: create":                       {known: known{now: "02:02:00", last: accepted("02:00:30"), listed: sets(set(t, "a", "02:00", SetFailed))}, do: StepSend},
		"looked, and listed in its cut minute: adopted":       {known: known{now: "02:02:00", last: accepted("02:00:30"), listed: sets(set(t, "a", "02:00", SetRunning))}, do: StepAdopt, set: "a"},
		"looked, unlisted, and another one serves: adopted":   {known: known{last: seen(accepted("02:00:35"), "b"), listed: sets(set(t, "a", "02:00:31", SetComplete))}, do: StepAdopt, set: "a"},
		"accepted before the event: look":                     {known: known{unseen: true, last: accepted("02:00:29")}, do: StepLook},
		"accepted, and listed once: look":                     {known: known{unseen: true, last: seen(accepted("02:00:35"), "a")}, do: StepLook},
		"its own, and listed once: adopted":                   {known: known{unseen: true, last: seen(accepted("02:00:35"), "a"), own: true, creates: 1}, do: StepAdopt, ours: true},
		"accepted, but Requested is not enough: look":         {request: []func(*Request){waiting}, known: known{unseen: true, last: accepted("02:00:35")}, do: StepLook},
		"lost: its own needs a look":                          {known: known{unseen: true, last: lost("02:00:35"), own: true, creates: 1}, do: StepLook},
		"before the event, unlisted: counts as running":       {known: known{last: accepted("02:00:29")}, do: StepAwait},
		"for the settle time":                                 {known: known{now: "02:01:28", last: accepted("02:00:29")}, do: StepAwait},
		"and no longer":                                       {known: known{now: "02:01:29", last: accepted("02:00:29")}, do: StepSend},
		"before the event, listed as complete: create":        {known: known{last: accepted("02:00:09"), listed: sets(set(t, "a", "02:00:09", SetComplete))}, do: StepSend},
		"looking denied, before the event: counts as running": {known: known{unseen: true, denied: true, last: accepted("02:00:09")}, do: StepAwait},
		"looking denied, after the settle time: create":       {known: known{now: "02:01:09", unseen: true, denied: true, last: accepted("02:00:09")}, do: StepSend},
		"looking denied, seen to run long ago: adopted":       {known: known{now: "02:05:00", unseen: true, denied: true, last: seen(accepted("02:00:35"), "a")}, do: StepAdopt},
		"its own needs no look, however long that took":       {request: []func(*Request){atOnce}, known: known{now: "02:05:00", unseen: true, last: accepted("02:00:31"), own: true, creates: 1}, do: StepAdopt, ours: true},
		"redelivered: accepted a minute before is adopted":    {request: []func(*Request){redelivered}, known: known{unseen: true, last: accepted("01:59:50")}, do: StepAdopt},

		"its own, though the clock stepped back: adopted": {known: known{last: accepted("02:00:29"), own: true, creates: 1}, do: StepAdopt, ours: true},

		"a direct request beside an earlier create":          {request: []func(*Request){atOnce}, known: known{unseen: true, last: accepted("02:00:29")}, do: StepSend},
		"a direct request that has sent looks":               {request: []func(*Request){atOnce}, known: known{unseen: true, last: accepted("02:00:29"), creates: 1}, do: StepLook},
		"a direct request, and another's lost one may serve": {request: []func(*Request){atOnce}, known: known{unseen: true, last: lost("02:00:35")}, do: StepLook},

		// Outcome unknown.
		"lost, and another's was lost since: look":                   {request: []func(*Request){atOnce}, known: known{unseen: true, last: lost("02:00:35"), creates: 1}, do: StepLook},
		"three creates are three, whoever sent the last":             {known: known{now: "02:02:00", last: lost("02:00:35"), creates: 3}, do: StepGiveUp},
		"lost by another invocation, and looking is denied: give up": {known: known{unseen: true, denied: true, last: lost("02:00:35")}, do: StepGiveUp},
		"lost, not listed yet: look again":                           {known: known{last: lost("02:00:35"), own: true, creates: 1}, do: StepAwait},
		"lost, listed: adopted as created":                           {known: known{last: lost("02:00:35"), own: true, creates: 1, listed: sets(set(t, "a", "02:00", SetRunning))}, do: StepAdopt, set: "a", ours: true},
		"lost, listed as failed: adopted, and that is told":          {known: known{last: lost("02:00:35"), own: true, creates: 1, listed: sets(set(t, "a", "02:00", SetFailed))}, do: StepAdopt, set: "a", ours: true},
		"lost, a look just before the settle time":                   {known: known{now: "02:01:34", last: lost("02:00:35"), own: true, creates: 1}, do: StepAwait},
		"lost, a look after it: again":                               {known: known{now: "02:01:35", last: lost("02:00:35"), own: true, creates: 1}, do: StepSend},
		"lost a third time: give up":                                 {known: known{now: "02:01:35", last: lost("02:00:35"), own: true, creates: 3}, do: StepGiveUp},
		"lost, and looking is denied: give up":                       {known: known{unseen: true, denied: true, last: lost("02:00:35"), own: true, creates: 1}, do: StepGiveUp},
		"lost by another invocation: counts as running":              {known: known{last: lost("02:00:35")}, do: StepAwait},
		"lost by another invocation, listed: adopted":                {known: known{last: lost("02:00:35"), listed: sets(set(t, "a", "02:00", SetRunning))}, do: StepAdopt, set: "a"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Request{Action: ActionEnsure, NotBefore: at(t, "02:00:30")}
			for _, change := range c.request {
				change(&r)
			}
			now := at(t, "02:00:40")
			if c.known.now != "" {
				now = at(t, c.known.now)
			}
			o := Observed{Listed: c.known.listed, Denied: c.known.denied, NotNow: c.known.notNow, Last: c.known.last, Own: c.known.own, Creates: c.known.creates, Settle: time.Minute}
			switch {
			case c.known.looked != "":
				o.Looked = at(t, c.known.looked)
			case !c.known.unseen:
				o.Looked = now
			}
			got := Decide(now, r, o)
			id := ""
			if got.Set != nil {
				id = got.Set.ID
			}
			if got.Kind != c.do || id != c.set || got.Ours != c.ours {
				t.Errorf("got step %d, set %q, ours %v; want %d, %q, %v", got.Kind, id, got.Ours, c.do, c.set, c.ours)
			}
		})
	}
}

// sentAfterLook is a CreateBackup before which a list showed the sets with these ids.
func sentAfterLook(t *testing.T, sent, answered string, before ...string) *Create {
	c := &Create{Sent: at(t, sent), Answered: at(t, answered), Before: map[string]bool{}}
	for _, id := range before {
		c.Before[id] = true
	}
	return c
}

// TestMade: which set a CreateBackup made.
func TestMade(t *testing.T) {
	made := func(c *Create, settled bool, listed ...Set) string {
		looked := c.Answered
		if settled {
			looked = looked.Add(time.Minute)
		}
		if s := c.made(listed, looked, time.Minute); s != nil {
			return s.ID
		}
		return ""
	}
	looked, unlooked := sentAfterLook(t, "02:00:30", "02:00:40", "old"), sentAfterLook(t, "02:00:30", "02:00:40")
	unlooked.Before = nil
	for start, want := range map[string]struct{ early, settled, unlooked bool }{
		// After a look what is new may seem to be a minute older, if nothing better comes until the list is settled.
		"02:00": {true, true, true}, "02:00:30": {true, true, true}, "02:00:31": {true, true, true}, "02:01": {true, true, true},
		"02:00:29": {false, true, false}, "01:59:30": {false, true, false}, "01:59": {false, true, false},
		"01:59:29": {false, false, false}, "01:58": {false, false, false},
		"10:00": {true, true, false}, // in the future: without a look the start must be believed
		"":      {true, true, false}, // it cannot be read: without a look it could be any
	} {
		a := set(t, "a", cmp.Or(start, "02:00"), SetRunning)
		old := set(t, "old", cmp.Or(start, "02:00"), SetRunning)
		if start == "" {
			a.Start, old.Start = Span{}, Span{}
		}
		for what, c := range map[string]struct {
			create  *Create
			settled bool
			want    bool
		}{"early": {looked, false, want.early}, "settled": {looked, true, want.settled}, "without a look": {unlooked, false, want.unlooked}, "without a look, settled": {unlooked, true, want.unlooked}} {
			if got := made(c.create, c.settled, a) != ""; got != c.want {
				t.Errorf("started %q, %s: made %v, want %v", start, what, got, c.want)
			}
		}
		if made(looked, true, old) != "" {
			t.Errorf("started %q: it was there before", start)
		}
	}
	z, other, twin := set(t, "z", "02:00:31", SetRunning), set(t, "b", "02:00:32", SetRunning), set(t, "zz", "02:00:31", SetRunning)
	before, earlier := set(t, "y", "02:00:28", SetRunning), set(t, "a", "01:59:58", SetComplete)
	copy, part := set(t, "c", "02:00:31", SetRunning, copied), set(t, "d", "02:00:31", SetRunning, incremental)
	for _, list := range [][]Set{{z, other, before, earlier, twin, copy, part}, {part, copy, twin, earlier, before, other, z}} {
		if early, late := made(looked, false, list...), made(looked, true, list...); early != "z" || late != "z" {
			t.Errorf("of several that are new the first one after the call, not %q, %q", early, late)
		}
	}
	for _, list := range [][]Set{{before, earlier}, {earlier, before}} {
		if early, late := made(looked, false, list...), made(looked, true, list...); early != "" || late != "y" {
			t.Errorf("of those that seem to be older the last one, once the list is settled, not %q, %q", early, late)
		}
	}
	known := *looked
	known.Key = "k"
	if got := made(&known, true, set(t, "a", "02:00:31", SetRunning), set(t, "k", "10:00", SetFailed)); got != "k" {
		t.Errorf("one that was listed once is known by its key, not %q", got)
	}
	if got := made(&known, true, set(t, "a", "02:00:31", SetRunning)); got != "" {
		t.Errorf("one that is gone is not %q", got)
	}
}
