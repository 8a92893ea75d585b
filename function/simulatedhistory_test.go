package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// history is what happens in a seed's cloud.
type history struct {
	*world
	cloud *cloud
	seed  uint64
	dice  dice // of the one goroutine that draws the history

	mu        sync.Mutex
	nth       map[string]int // calls of each attempt, for the faults
	processes []*simulatedProcess
	attempts  []*attempt
	calls     []fakeadb.Call
	vanished  map[string]vanished // by id
}

type simulatedProcess struct {
	process *process
	history *history
	dead    atomic.Bool
}

// vanished is a backup that is not there any more.
type vanished struct {
	fakeadb.Backup
	at time.Time
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{seed: seed, dice: newDice(seed, 2026), nth: map[string]int{}, vanished: map[string]vanished{}}
	h.cloud = drawCloud(h.dice)
	o := h.cloud.Options
	o.OnCall = func(c fakeadb.Call) {
		h.mu.Lock()
		h.calls = append(h.calls, c)
		h.mu.Unlock()
	}
	o.Faults = h.fault
	h.world = newWorld(t, o, "ADB_SETTLE_TIME="+h.cloud.settle.String(), "LOG_LEVEL="+pick(h.dice, "debug", "info"))
	h.drawPast()
	for range pick(h.dice, 1, 1, 2, 3) {
		h.start()
	}
	return h
}

// drawPast draws what was there before the history. A backup that never ends is about a day old, so that it counts as stuck
// soon.
func (h *history) drawPast() {
	for range h.dice.IntN(5) {
		takes := pick(h.dice, 20*time.Second, 20*time.Minute)
		start := h.service.Now().Add(-takes - h.dice.upTo(pick(h.dice, 10*time.Minute, 50*time.Hour)))
		b := fakeadb.Backup{Cluster: cluster, Region: region, Start: start, Listed: start, End: start.Add(takes), Size: 3_000_000_000}
		if h.dice.oneIn(7) {
			b.Start, b.End = h.service.Now().Add(-23*time.Hour-50*time.Minute-h.dice.upTo(10*time.Hour)), time.Time{}
			b.Listed = b.Start
		}
		h.service.Add(b)
	}
}

// start adds a process. The caller holds mu, unless nothing runs yet.
func (h *history) start() int {
	p := &simulatedProcess{history: h}
	p.process = h.processOn(p)
	h.processes = append(h.processes, p)
	return len(h.processes) - 1
}

// RoundTrip carries a call to the service, as long as the process lives. When it dies, its calls end.
func (p *simulatedProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	if p.dead.Load() {
		return nil, errors.New("the process is dead")
	}
	// Calls of one instant arrive one after another, or the order of goroutines would decide.
	time.Sleep(time.Duration(1 + p.history.chance("arrival", callOf(r)).IntN(1_000_000)))
	if err := p.history.dial(r); err != nil {
		return nil, err
	}
	return p.history.service.RoundTrip(r)
}

// play plays the history: events come, are delivered, retried, delivered again.
func (h *history) play() {
	var all sync.WaitGroup
	h.liveOn(&all)
	for n := range 1 + h.dice.IntN(4) {
		time.Sleep(h.dice.upTo(5 * time.Second))
		if h.dice.oneIn(3) {
			time.Sleep(h.dice.upTo(30 * time.Minute))
		}
		e := h.drawEvent(n)
		copies := 1
		if e.trigger != direct { // a direct request that comes again is another event, with its own moment
			copies += max(0, h.dice.IntN(4)-1)
		}
		for i := range copies {
			d := newDice(h.dice.Uint64(), 1)
			h.mu.Lock()
			process := h.alive(d)
			h.mu.Unlock()
			all.Go(func() { h.deliver(e, i, process, d) })
			time.Sleep(pick(h.dice, time.Millisecond, time.Second, 15*time.Second, time.Minute, 5*time.Minute) + h.dice.upTo(time.Second))
		}
	}
	all.Wait()
	h.ended()
}

// alive returns a process that lives. The caller holds mu.
func (h *history) alive(d dice) int {
	n := d.IntN(len(h.processes))
	if h.processes[n].dead.Load() {
		return h.start()
	}
	return n
}

// deliver is the platform's asynchronous invocation: an error is retried, on any process, with the same request id.
func (h *history) deliver(e *simulatedEvent, nth, process int, d dice) {
	first := time.Now()
	id := fmt.Sprintf("1-%08x-%d-%d", first.Unix(), e.n, nth)
	for retry := range 4 {
		a := &attempt{simulatedEvent: e, process: process, retry: retry, first: first, at: time.Now(), id: id, key: fmt.Sprintf("%s-%d-%d-%d", keyID, e.n, nth, retry)}
		h.deliverOnce(a, d)
		h.mu.Lock()
		switch {
		case a.killed:
			process = h.start()
		case d.oneIn(3):
			process = h.alive(d)
		}
		h.mu.Unlock()
		if a.errorType == "" && !a.killed {
			return
		}
		time.Sleep(time.Second + d.upTo(90*time.Second))
	}
}

func (h *history) deliverOnce(a *attempt, d dice) {
	h.service.Set(func(o *fakeadb.Options) {
		known := map[string]fakeadb.Credential{a.key: {Secret: keySecret, Token: token}}
		for k, v := range o.Credentials {
			known[k] = v
		}
		o.Credentials = known
	})
	h.mu.Lock()
	p := h.processes[a.process]
	h.attempts = append(h.attempts, a)
	h.mu.Unlock()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	timeout := pick(d, 3*time.Second, 30*time.Second, 10*time.Minute, time.Hour)
	if d.oneIn(8) { // the process dies on the way, with all that runs in it
		dies := time.AfterFunc(d.upTo(5*time.Second), func() {
			p.dead.Store(true)
			cancel()
		})
		defer dies.Stop()
	}
	r := p.process.deliver(a.text, delivery{requestID: a.id, retryCount: a.retry, timeout: timeout, keyID: a.key, ctx: ctx})
	a.result, a.answered, a.killed = r, time.Now(), p.dead.Load()
}

// liveOn starts what happens in the cloud by itself: a cluster's own schedule makes a backup, and one vanishes.
func (h *history) liveOn(all *sync.WaitGroup) {
	d := newDice(h.dice.Uint64(), 1)
	if of, after, takes := pick(d, h.cloud.places...), d.upTo(30*time.Minute), pick(d, time.Second, 5*time.Minute, 25*time.Minute); d.oneIn(3) {
		all.Go(func() {
			time.Sleep(after)
			now := h.service.Now()
			h.service.Add(fakeadb.Backup{Cluster: of.id, Region: of.region, Start: now, Listed: now.Add(h.cloud.ListedAfter), End: now.Add(takes), Size: 4_000_000_000})
		})
	}
	if after := d.upTo(20 * time.Minute); d.oneIn(4) {
		all.Go(func() { h.vanish(after, d) })
	}
}

// vanish takes a backup away that is listed, rather one that runs.
func (h *history) vanish(after time.Duration, d dice) {
	time.Sleep(after)
	var listed []fakeadb.Backup
	for _, b := range h.service.Backups("") {
		if h.listedBy(b, time.Now()) {
			listed = append(listed, b)
		}
	}
	if len(listed) == 0 {
		return
	}
	b := listed[len(listed)-1-d.IntN(min(2, len(listed)))]
	for _, l := range listed {
		if l.State(h.service.Now()) == fakeadb.Running {
			b = l
		}
	}
	h.service.Remove(b.ID)
	h.vanished[b.ID] = vanished{b, time.Now()}
}

// ended orders the calls, and joins report lines with attempts.
func (h *history) ended() {
	slices.SortStableFunc(h.calls, func(a, b fakeadb.Call) int { return a.Time.Compare(b.Time) })
	lines := map[string][][]entry{} // by request id, in the order of the retries
	for line := range strings.Lines(h.log.String()) {
		var fields map[string]json.RawMessage
		if json.Unmarshal([]byte(line), &fields) != nil || string(fields["msg"]) != `"backup report"` {
			continue
		}
		var id string
		var entries []entry
		if err := errors.Join(json.Unmarshal(fields["requestId"], &id), json.Unmarshal(fields["Backups"], &entries)); err != nil {
			h.t.Errorf("%s: %v", line, err)
		}
		lines[id] = append(lines[id], entries)
	}
	for _, a := range h.attempts {
		if a.retry < len(lines[a.id]) {
			a.entries = lines[a.id][a.retry]
		} else if !a.killed {
			h.t.Errorf("%s has no report line", a.label())
		}
	}
}
