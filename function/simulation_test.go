package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// TestSimulation tells seeded histories: events delivered once or more often, to one process or several, retried by the
// platform, processes that die, faults before and after their effect, lists that lag. After each the claims made in it
// are held against what was true. ADB_SIMULATION_SEEDS says how many, ADB_SIMULATION_SEED replays one.
func TestSimulation(t *testing.T) {
	first, n := uint64(1), 60
	if s := os.Getenv("ADB_SIMULATION_SEEDS"); s != "" {
		var err error
		if n, err = strconv.Atoi(s); err != nil || n < 1 {
			t.Fatalf("ADB_SIMULATION_SEEDS (make simulate SEEDS=) is %q: a number of seeds is wanted, such as 1000", s)
		}
	}
	if s := os.Getenv("ADB_SIMULATION_SEED"); s != "" {
		var err error
		if first, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("ADB_SIMULATION_SEED is %q: a seed is a number", s)
		}
		n = 1
	}
	for seed := first; seed < first+uint64(n); seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := newHistory(t, seed)
				h.run()
				if t.Failed() {
					t.Logf("replay with ADB_SIMULATION_SEED=%d go test ./function -run TestSimulation\n%s", seed, h)
				}
			})
		})
	}
}

// simulated is an event of a history, and what became of it.
type simulated struct {
	n         int
	direct    bool
	at        time.Time // its time
	notBefore time.Time
	waitFor   backup.WaitFor
	verify    bool
	text      string
}

// sent is one delivery of an event to a process.
type sent struct {
	*simulated
	process   int
	retry     int
	key       string // its own credentials tell its calls apart
	delivered time.Time
	killed    bool
	result
	answered time.Time
}

type history struct {
	*world
	seed   uint64
	rnd    *rand.Rand // of the one goroutine that tells the history
	settle time.Duration
	faulty float64

	mu         sync.Mutex
	nth        map[string]uint64 // calls of each delivery
	processes  []*process
	dead       []*atomic.Bool
	calls      []fakeadb.Call
	deliveries []*sent
}

func newHistory(t *testing.T, seed uint64) *history {
	h := &history{seed: seed, rnd: rand.New(rand.NewPCG(seed, 2026)), nth: map[string]uint64{}}
	pick := func(ds ...time.Duration) time.Duration { return ds[h.rnd.IntN(len(ds))] }
	h.settle = pick(10*time.Second, time.Minute)
	h.faulty = []float64{0, 0.1, 0.33, 0.6}[h.rnd.IntN(4)]
	o := fakeadb.Options{
		Takes:       pick(time.Second, time.Minute, 12*time.Minute, 40*time.Minute),
		ListedAfter: pick(0, 0, 2*time.Second, h.settle/2, 2*h.settle),
		Precision:   fakeadb.Precision(h.rnd.IntN(2)),
		Order:       fakeadb.Order(h.rnd.IntN(3)),
		Window:      fakeadb.Window(h.rnd.IntN(3)),
		Numbers:     fakeadb.Numbers(h.rnd.IntN(3)),
		Skew:        pick(0, 0, -time.Second, time.Second),
		Latency:     pick(0, 30*time.Millisecond, 2*time.Second),
		PageCap:     []int{0, 0, 1, 2}[h.rnd.IntN(4)],
		Repeat:      h.rnd.IntN(4) == 0,
		NoStatus:    h.rnd.IntN(4) == 0,
		Rate:        []float64{0, 0, 5}[h.rnd.IntN(3)],
		Burst:       1 + h.rnd.IntN(5),
		Hint:        h.rnd.IntN(2) == 0,
		OnCall: func(c fakeadb.Call) {
			h.mu.Lock()
			h.calls = append(h.calls, c)
			h.mu.Unlock()
		},
		Faults: h.fault,
	}
	if h.rnd.IntN(5) == 0 {
		o.Ends, o.NoStatus = fakeadb.Fails, false // without a status a failure cannot be told from a success
	}
	h.world = newWorld(t, o, "ADB_SETTLE_TIME="+h.settle.String(), "LOG_LEVEL=debug")
	if h.rnd.IntN(2) == 0 { // some past
		now := time.Now()
		for i := range h.rnd.IntN(5) {
			start := now.Add(-time.Duration(h.rnd.IntN(50*60)) * time.Minute)
			b := fakeadb.Backup{Cluster: cluster, Region: region, Start: start, Listed: start, End: start.Add(20 * time.Minute), Size: 3_000_000_000}
			switch h.rnd.IntN(5) {
			case 0:
				b.Type = "LogBackup"
			case 1:
				b.Type = "IncrementalBackup"
			case 2:
				b.Parent = strconv.Itoa(i + 1)
			}
			h.service.Add(b)
		}
	}
	for range 1 + h.rnd.IntN(3) {
		h.start()
	}
	return h
}

// fault strikes an authenticated call now and then.
func (h *history) fault(c fakeadb.Call) fakeadb.Fault {
	h.mu.Lock()
	h.nth[c.KeyID]++
	// What befalls a call must not hang on the order of those that come at the same instant, or no seed could be replayed.
	which := fnv.New64a()
	fmt.Fprint(which, c.KeyID, h.nth[c.KeyID])
	h.mu.Unlock()
	rnd := rand.New(rand.NewPCG(h.seed, which.Sum64()))
	if rnd.Float64() >= h.faulty {
		return fakeadb.Fault{}
	}
	faults := []fakeadb.Fault{
		fakeadb.Throttled(0), fakeadb.Throttled(3 * time.Second), fakeadb.Refused(fakeadb.ErrInternal), fakeadb.Refused(fakeadb.ErrUnavailable),
		fakeadb.BadGateway, fakeadb.RequestTimeout, fakeadb.Empty, fakeadb.EmptyObject, fakeadb.Garbage, fakeadb.Broken,
		fakeadb.Slow(15 * time.Second), fakeadb.Slow(4 * time.Second), fakeadb.Redirect("https://elsewhere.example/"), fakeadb.Refused(fakeadb.ErrNonceUsed),
	}
	n := rnd.IntN(len(faults))
	f := faults[n]
	if n > 1 && rnd.IntN(2) == 0 { // a throttled call never takes effect
		f = f.AfterEffect()
	}
	return f
}

// start adds a process, whose calls end when it dies. The caller holds mu, unless nothing runs yet.
func (h *history) start() int {
	dead := &atomic.Bool{}
	p := h.process()
	c := p.config
	inner := c.ADB.Transport
	c.ADB.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if dead.Load() {
			return nil, fmt.Errorf("the process is dead")
		}
		return inner.RoundTrip(r)
	})
	p.handler = newHandler(c, h.world.log)
	h.processes = append(h.processes, p)
	h.dead = append(h.dead, dead)
	return len(h.processes) - 1
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// run tells the history: events come, are delivered, retried, delivered again.
func (h *history) run() {
	var wg sync.WaitGroup
	for n := range 1 + h.rnd.IntN(3) {
		time.Sleep(time.Duration(h.rnd.IntN(5000)) * time.Millisecond)
		if h.rnd.IntN(3) == 0 {
			time.Sleep(time.Duration(h.rnd.IntN(30)) * time.Minute)
		}
		e := h.event(n)
		copies := 1
		if !e.direct { // a direct request that comes again is another event, with its own moment
			copies += max(0, h.rnd.IntN(4)-1)
		}
		for range copies {
			h.mu.Lock()
			process, seed := h.rnd.IntN(len(h.processes)), h.rnd.Uint64()
			h.mu.Unlock()
			time.Sleep(time.Duration(1+h.rnd.IntN(1000)) * time.Microsecond) // no two at one instant
			wg.Go(func() { h.deliverWithRetries(e, process, rand.New(rand.NewPCG(seed, 1))) })
			if h.rnd.IntN(2) == 0 {
				time.Sleep(time.Duration(h.rnd.IntN(120)) * time.Second)
			}
		}
	}
	wg.Wait()
	h.check()
}

func (h *history) event(n int) *simulated {
	e := &simulated{n: n, at: time.Now(), direct: h.rnd.IntN(4) == 0, waitFor: backup.WaitFor(h.rnd.IntN(3))}
	e.notBefore = e.at
	fields := fmt.Sprintf(`"DBClusterId":%q,"WaitFor":%q`, cluster, e.waitFor)
	if !e.direct && h.rnd.IntN(8) == 0 {
		e.verify, fields = true, fmt.Sprintf(`"DBClusterId":%q,"Action":"Verify"`, cluster)
	}
	if e.verify || h.rnd.IntN(4) == 0 {
		age := time.Duration(1+h.rnd.IntN(60)) * time.Minute
		e.notBefore = e.at.Add(-age)
		fields += fmt.Sprintf(`,"MaxAge":%q`, age)
	}
	e.text = "{" + fields + "}"
	if !e.direct {
		e.text = timerAt(e.at, e.text)
	}
	return e
}

// deliverWithRetries is the platform's asynchronous invocation: an error is retried, on any process, with the same id.
func (h *history) deliverWithRetries(e *simulated, process int, rnd *rand.Rand) {
	id := fmt.Sprintf("1-%08x-%d-%d", time.Now().Unix(), e.n, rnd.IntN(1e9))
	for retry := range 4 {
		d := &sent{simulated: e, process: process, retry: retry, key: fmt.Sprintf("key-%d-%d-%d-%d", e.n, process, retry, rnd.IntN(1e9)), delivered: time.Now()}
		h.service.Set(func(o *fakeadb.Options) {
			credentials := map[string]fakeadb.Credential{d.key: {Secret: keySecret, Token: token}}
			for k, v := range o.Credentials {
				credentials[k] = v
			}
			o.Credentials = credentials
		})
		timeout := []time.Duration{3 * time.Second, 30 * time.Second, 10 * time.Minute, time.Hour}[rnd.IntN(4)]
		ctx, cancel := context.WithCancel(context.Background())
		h.mu.Lock()
		p, dead := h.processes[process], h.dead[process]
		h.mu.Unlock()
		if rnd.IntN(8) == 0 { // the process dies on the way, and another takes its place
			dies := time.AfterFunc(time.Duration(rnd.IntN(5000))*time.Millisecond, func() {
				dead.Store(true)
				cancel()
			})
			defer dies.Stop()
		}
		d.result = p.deliver(e.text, delivery{requestID: id, retryCount: retry, timeout: timeout, keyID: d.key, ctx: ctx})
		cancel()
		d.answered = time.Now()
		h.mu.Lock()
		h.deliveries = append(h.deliveries, d)
		if dead.Load() {
			d.killed = true // with all that ran in the process
			process = h.start()
		} else if rnd.IntN(3) == 0 {
			process = rnd.IntN(len(h.processes))
			if h.dead[process].Load() {
				process = h.start()
			}
		}
		h.mu.Unlock()
		if d.errorType == "" && !d.killed {
			return
		}
		time.Sleep(time.Duration(1+rnd.IntN(90)) * time.Second)
	}
}

func (h *history) String() string {
	var b strings.Builder
	o := h.service.Options()
	fmt.Fprintf(&b, "takes %v, listed after %v, settle %v, precision %d, clock off by %v, faults %.2f, ends %d\n", o.Takes, o.ListedAfter, h.settle, o.Precision, o.Skew, h.faulty, o.Ends)
	for _, d := range h.deliveries {
		fmt.Fprintf(&b, "%s %s process %d, delivered %s, answered %s, killed %v: %s %s %s\n   %s\n", d.key, d.waitFor, d.process, d.delivered.Format(stamp), d.answered.Format(stamp), d.killed, d.Status, d.errorType, d.errorMessage, d.text)
	}
	for _, bk := range h.service.Backups("") {
		fmt.Fprintf(&b, "backup %s: start %s listed %s end %s by %s\n", bk.ID, bk.Start.Format(stamp), bk.Listed.Format(stamp), bk.End.Format(stamp), bk.RequestID)
	}
	for _, c := range h.calls {
		fmt.Fprintf(&b, "%s %s %s %d %q effect %v listed %d %s\n", c.Time.Format(stamp), c.KeyID, c.Action, c.Status, c.Code, c.Effect, c.Listed, c.RequestID)
	}
	b.WriteString(h.world.log.String())
	return b.String()
}

const stamp = "15:04:05.000"
