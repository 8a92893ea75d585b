package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestSimulation plays seeded histories. A seed draws a cloud, that is what the documentation leaves open, and what happens
// in it: events that are delivered once or more often to one process or several, processes that die, faults before and after
// their effect, backups that fail or vanish, clusters that come and go. Afterwards every answer is compared with what was
// true, and every CreateBackup with what its process could know. ADB_SIMULATION_SEEDS says how many seeds are played,
// ADB_SIMULATION_SEED which one is the first; alone it replays that one.
func TestSimulation(t *testing.T) {
	oneByOne(t)
	first, n := seeds(t)
	for seed := first; seed < first+n; seed++ {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			simulate(t, seed)
		})
	}
}

// TestSimulationRepeats holds that a seed always plays the same history. On a busy machine a goroutine may be interrupted, and the
// race detector runs goroutines in another order. So a third try counts too, and `make simulate` alone runs it.
func TestSimulationRepeats(t *testing.T) {
	if os.Getenv("ADB_SIMULATION_SEEDS") == "" {
		t.Skip("make simulate runs it")
	}
	oneByOne(t)
	for seed := uint64(1); seed <= 12; seed++ {
		if a, b := simulate(t, seed), simulate(t, seed); a != b && b != simulate(t, seed) {
			t.Errorf("seed %d played three histories, the second of which is\n%s", seed, b)
		}
	}
}

// oneByOne makes goroutines of one instant run in the order in which they were started. With several processors, or with a
// garbage collector that lets some of them wait, no seed could be replayed.
func oneByOne(t *testing.T) {
	processors, percent := runtime.GOMAXPROCS(1), debug.SetGCPercent(-1)
	t.Cleanup(func() {
		runtime.GOMAXPROCS(processors)
		debug.SetGCPercent(percent)
	})
}

// seeds returns the first seed to play, and how many.
func seeds(t *testing.T) (first, n uint64) {
	number := func(name string, otherwise uint64) uint64 {
		given, err := strconv.ParseUint(cmp.Or(os.Getenv(name), fmt.Sprint(otherwise)), 10, 32)
		if err != nil || given == 0 {
			t.Fatalf("%s is %q, which must be a positive number", name, os.Getenv(name))
		}
		return given
	}
	if os.Getenv("ADB_SIMULATION_SEED") == "" {
		return 1, number("ADB_SIMULATION_SEEDS", 60)
	}
	return number("ADB_SIMULATION_SEED", 1), number("ADB_SIMULATION_SEEDS", 1)
}

// simulate plays a seed and returns its calls. A seed with a finding is logged as a whole.
func simulate(t *testing.T, seed uint64) (calls string) {
	runtime.GC()
	synctest.Test(t, func(t *testing.T) {
		h := newHistory(t, seed)
		h.play()
		h.check()
		calls = h.played()
		if t.Failed() {
			t.Logf("replay with ADB_SIMULATION_SEED=%d go test ./function -run 'TestSimulation$'\n%s\n%s", seed, h, h.log)
		}
	})
	return calls
}

// String shows the cloud in one line, then the history: deliveries, changes, backups, calls.
func (h *history) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "world: %+v\n", *h.cloud)
	for _, a := range h.attempts {
		m := a.meaning()
		fmt.Fprintf(&b, "%s %s in process %d, retry %d, from %s (known %v), until %s: killed %v, %s%s %s\n   %s\n", a.at.Format(stamp), a.label(), a.process, a.retry,
			m.notBefore.Format(stamp), m.known, a.answered.Format(stamp), a.killed, a.Status, a.errorType, a.errorMessage, a.text)
	}
	for _, v := range h.vanished {
		fmt.Fprintf(&b, "%s %s vanishes\n", v.at.Format(stamp), v.ID)
	}
	for _, bk := range h.backups() {
		fmt.Fprintf(&b, "backup %s of %s: start %s end %s, listed from %s, ends %d type %s parent %q, by %s\n", bk.ID, bk.Cluster,
			bk.Start.Format(stamp), bk.End.Format(stamp), h.listedFrom(bk).Format(stamp), bk.Ends, bk.Type, bk.Parent, bk.RequestID)
	}
	b.WriteString(h.played())
	return b.String()
}

// played shows the calls without the request ids, which are random.
func (h *history) played() string {
	var b strings.Builder
	for _, c := range h.calls {
		fmt.Fprintf(&b, "%s %s %s %s %s: %d %q effect %v listed %d after %v\n", c.Time.Format(stamp), label(c.KeyID), c.Action, c.Cluster, c.Region,
			c.Status, c.Code, c.Effect, c.Listed, c.Took)
	}
	return b.String()
}

const stamp = "15:04:05.000"

// dice are a seed's random numbers.
type dice struct{ *rand.Rand }

func newDice(seed, which uint64) dice { return dice{rand.New(rand.NewPCG(seed, which))} }

// oneIn reports true in one of n cases.
func (d dice) oneIn(n int) bool { return d.IntN(n) == 0 }

// upTo returns a duration below most.
func (d dice) upTo(most time.Duration) time.Duration { return time.Duration(d.Int64N(int64(most))) }

// pick returns one of several values.
func pick[T any](d dice, values ...T) T { return values[d.IntN(len(values))] }
