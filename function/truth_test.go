package main

import (
	"slices"
	"strings"
	"time"

	"adb-backup/function/local/fakeadb"
)

// backups are all that there ever were, those that vanished too.
func (h *history) backups() []fakeadb.Backup {
	all := h.service.Backups("")
	for _, v := range h.vanished {
		all = append(all, v.Backup)
	}
	slices.SortFunc(all, func(a, b fakeadb.Backup) int { return a.Start.Compare(b.Start) })
	return all
}

func placeOf(b fakeadb.Backup) place { return place{b.Cluster, b.Region} }

// listedFrom is when lists begin to show a backup, by this machine's clock; zero: never.
func (h *history) listedFrom(b fakeadb.Backup) time.Time {
	from := b.Listed
	if h.cloud.HideRunning {
		if from = b.End; from.IsZero() {
			return from
		}
		if b.RequestID != "" {
			from = from.Add(h.cloud.ListedAfter)
		}
	}
	return from.Add(-h.cloud.Skew)
}

// listedBy reports whether lists show a backup by a time, unless it vanishes.
func (h *history) listedBy(b fakeadb.Backup, at time.Time) bool {
	from := h.listedFrom(b)
	return !from.IsZero() && !from.After(at)
}

// gone reports whether a backup had vanished at a time.
func (h *history) gone(b fakeadb.Backup, at time.Time) bool {
	v, ok := h.vanished[b.ID]
	return ok && !v.at.After(at)
}

// failed reports whether a backup had failed at a time.
func (h *history) failed(b fakeadb.Backup, at time.Time) bool {
	return b.State(at.Add(h.cloud.Skew)) == fakeadb.Failed
}

// stands reports whether a backup had neither failed nor vanished at a time.
func (h *history) stands(b fakeadb.Backup, at time.Time) bool {
	return !h.failed(b, at) && !h.gone(b, at)
}

// stuck reports whether a backup counts as stuck at a time: it has not ended, and by its listed start it began a day before.
func (h *history) stuck(b fakeadb.Backup, at time.Time) bool {
	from, _ := h.span(b)
	return b.End.IsZero() && from.Before(at.Add(-24*time.Hour))
}

// span is what a backup's listed start can mean.
func (h *history) span(b fakeadb.Backup) (from, until time.Time) {
	from = b.Start.Add(h.cloud.FalseZone).Truncate(h.precision())
	return from, from.Add(h.precision())
}

// precision is that of listed times.
func (h *history) precision() time.Duration {
	if h.cloud.Layout == fakeadb.Minutes {
		return time.Minute
	}
	return time.Second
}

// recognised reports whether a listed backup is one that a delivery must take, by its listed start alone.
func (h *history) recognised(b fakeadb.Backup, m meaning, looked time.Time) bool {
	from, until := h.span(b)
	switch {
	case from.After(looked.Add(time.Minute)): // a start in the future is not believed
		return false
	case m.known:
		return until.After(m.notBefore.Add(-time.Minute))
	default:
		return !from.Before(m.notBefore)
	}
}

// denied reports whether looking at backups is denied.
func (h *history) denied() bool {
	return slices.ContainsFunc(h.cloud.Denied, func(d fakeadb.Denial) bool { return d.Action == "DescribeBackups" })
}

// creation is a CreateBackup that took effect.
type creation struct {
	fakeadb.Backup
	by       *attempt
	called   time.Time
	answered bool // truly, so that its process knows
}

// confusable reports whether a process may take b for what it made itself: b was listed before the own one was known, and began
// no earlier than the own one may have, as far as clocks and lists tell. The own one is known when it is listed or, if it seems
// to be older than the call, after the settle time. If it is not listed by then, b may also have begun a little earlier.
func (h *history) confusable(made creation, b fakeadb.Backup) bool {
	gap := time.Minute + h.gap()
	settled := made.called.Add(h.cloud.settle)
	known := h.listedFrom(made.Backup)
	if _, ok := h.vanished[made.ID]; ok { // perhaps unseen
		known = time.Time{}
	}
	earlier := h.precision() + h.cloud.Skew.Abs() + h.cloud.ListedAfter
	if known.IsZero() || known.After(settled) {
		earlier += time.Minute + gap
	}
	if h.cloud.FalseZone != 0 { // what was not listed before looks new, whenever it started
		earlier += 2 * time.Hour
	}
	if _, until := h.span(made.Backup); !known.IsZero() && !until.After(made.called) && settled.After(known) {
		known = settled
	}
	return !b.Start.Add(-h.cloud.Skew).Before(h.since(made).Add(-earlier)) && (known.IsZero() || !h.listedFrom(b).After(known.Add(gap)))
}

// gap is how much longer than a minute it may take from one look that succeeds to the next.
func (h *history) gap() time.Duration {
	if h.cloud.faulty > 0 || h.cloud.Rate > 0 {
		return 14 * time.Minute
	}
	return 0
}

// lastLook returns the last look at a cluster that began by a time; zero: there was none. A look that succeeds is the last
// one before a create, because one that fails is repeated.
func (h *history) lastLook(p place, before time.Time, of func(key string) bool) (at time.Time) {
	for _, c := range h.calls {
		if c.Action == "DescribeBackups" && c.Cluster == p.id && c.Region == p.region && !c.Time.After(before) && of(c.KeyID) {
			at = c.Time
		}
	}
	return at
}

// creations returns all of them, in the order in which they were called.
func (h *history) creations() (all []creation) {
	byKey, byRequest := map[string]*attempt{}, map[string]fakeadb.Backup{}
	for _, a := range h.attempts {
		byKey[a.key] = a
	}
	for _, b := range h.backups() {
		if b.RequestID != "" {
			byRequest[b.RequestID] = b
		}
	}
	for _, c := range h.calls {
		if c.Effect {
			all = append(all, creation{byRequest[c.RequestID], byKey[c.KeyID], c.Time, c.Code == ""})
		}
	}
	return all
}

// lost reports whether an attempt sent a CreateBackup for a cluster that went without a true answer, and when first.
func (h *history) lost(a *attempt, p place) (at time.Time, lost bool) {
	for _, c := range h.calls {
		if c.KeyID == a.key && c.Action == "CreateBackup" && c.Cluster == p.id && c.Region == p.region && c.Code != "" && !certain(c.Code) {
			return c.Time, true
		}
	}
	return at, false
}

// certain reports whether a code says that a CreateBackup had no effect.
func certain(code string) bool {
	return strings.HasPrefix(code, "Throttling") || code == fakeadb.ErrThrottled.Code || slices.ContainsFunc(passing, func(e *fakeadb.Error) bool { return e.Code == code })
}
