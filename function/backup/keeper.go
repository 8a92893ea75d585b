package backup

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Settings are the times of the rule.
type Settings struct {
	Poll     time.Duration // first interval between looks; grows to twelve times that
	Settle   time.Duration // how long a backup that may exist is looked for
	DDLPause time.Duration // from a backup's start until DDL is allowed again
}

// Runner carries requests out. One serves the whole process, since it remembers what the process created: a few hundred
// bytes for each cluster that was ever asked for.
type Runner struct {
	settings    Settings
	concurrency int

	mu      sync.Mutex
	ledgers map[Cluster]*clusterState
	regions map[string]*region
}

// region is what the clusters of one region share: one that is throttled must not keep the others.
type region struct {
	slots     chan struct{}             // clusters in steps 1 to 3; keeps a look and its create close together
	throttled atomic.Pointer[CallError] // the last call, if it was; those that wait for their turn are held up by it, too
}

// clusterState is what the process remembers of one cluster.
type clusterState struct {
	turn     chan struct{} // holds a token while an invocation decides and creates
	last     *Create       // the last one; guarded by turn, as is
	accepted *Create       // the last one that was accepted
}

// known is the create that matters to a request whose own is made (nil: none). An unanswered one of another invocation
// must not hide one that was accepted and serves.
func (l *clusterState) known(r Request, made *Create) *Create {
	if a := l.accepted; a != nil && l.last != made && a.serves(r) {
		return a
	}
	return l.last
}

// NewRunner returns a Keeper that brings at most so many clusters at once to their CreateBackup.
func NewRunner(s Settings, concurrency int) *Runner {
	return &Runner{settings: s, concurrency: concurrency, ledgers: map[Cluster]*clusterState{}, regions: map[string]*region{}}
}

func (k *Runner) region(name string) *region {
	k.mu.Lock()
	defer k.mu.Unlock()
	r := k.regions[name]
	if r == nil {
		r = &region{slots: make(chan struct{}, k.concurrency)}
		k.regions[name] = r
	}
	return r
}

func (k *Runner) ledger(c Cluster) *clusterState {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.ledgers[c]
	if l == nil {
		l = &clusterState{turn: make(chan struct{}, 1)}
		k.ledgers[c] = l
	}
	return l
}

// Run carries out all requests of an invocation and returns their outcomes in the same order. It returns before ctx's
// deadline; what is open then has failed, with a type that says so.
func (k *Runner) Run(ctx context.Context, s Service, log *slog.Logger, requests []Request) []Outcome {
	outcomes := make([]Outcome, len(requests))
	allAsked, open := make(chan struct{}), new(atomic.Int64)
	open.Store(int64(len(requests)))
	carryOut := func(i int) {
		r := requests[i]
		x := &task{
			Runner: k, service: s, request: r, region: k.region(r.Cluster.Region), allAsked: allAsked,
			log:     log.With("DBClusterId", r.Cluster.ID, "RegionId", r.Cluster.Region),
			outcome: Outcome{Cluster: r.Cluster, Status: StatusUnknown},
			doing:   "the backup was not started",
			chance:  chance(1 + uint64(i)),
		}
		x.asked = sync.OnceFunc(func() {
			if x.slot {
				<-x.region.slots
			}
			if open.Add(-1) == 0 {
				close(allAsked)
			}
		})
		outcomes[i] = x.do(ctx)
	}
	if len(requests) == 1 { // the usual case needs no goroutine, whose stack would have to grow anew
		carryOut(0)
		return outcomes
	}
	// An earlier attempt that ran out of time began with some of them. Were each attempt to begin with the same ones, looking
	// for what is done could use up the time of all of them, and the last clusters would never get their backup.
	order := chance(0).Perm(len(requests))
	var wg sync.WaitGroup
	for _, i := range order {
		wg.Go(func() { carryOut(i) })
	}
	wg.Wait()
	return outcomes
}
