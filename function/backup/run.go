package backup

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// Settings are the times of the rule.
type Settings struct {
	Poll     time.Duration // the first interval between looks; it grows to twelve times that
	Settle   time.Duration // how long a backup that may exist is looked for
	DDLPause time.Duration // from a backup's start until DDL is allowed again
}

// Runner carries out requests. The process has one, since it remembers what the process created.
type Runner struct {
	settings    Settings
	concurrency int
	memory      memory

	mu      sync.Mutex
	regions map[string]*region
}

// region is what the clusters of one region share.
type region struct {
	// slots holds a token for each cluster that is in steps 1 to 3: looking, awaiting its turn, creating. The slots keep a
	// look and its create close together. Without them the retry of a fleet looks at all clusters first and is out of time
	// before it creates anything.
	slots chan struct{}
	// throttled is the last call if it was throttled. It holds up whoever waits for a turn.
	throttled atomic.Pointer[CallError]
}

// NewRunner returns a Runner that lets as many clusters of a region at once decide and create as concurrency says.
func NewRunner(s Settings, concurrency int) *Runner {
	return &Runner{settings: s, concurrency: concurrency, memory: memory{states: map[Cluster]*clusterState{}}, regions: map[string]*region{}}
}

func (r *Runner) region(name string) *region {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.regions[name] == nil {
		r.regions[name] = &region{slots: make(chan struct{}, r.concurrency)}
	}
	return r.regions[name]
}

// Run carries out all requests of an invocation. It returns before ctx's deadline. What is not finished by then has failed,
// with a type that says so.
func (r *Runner) Run(ctx context.Context, s Service, log *slog.Logger, requests []Request) Result {
	run := &run{Runner: r, service: s, log: log, requested: barrier{open: make(chan struct{})}}
	if len(requests) == 1 && requests[0].Selector == nil { // the usual case runs on the caller's goroutine
		run.requested.add(1)
		return Result{Outcomes: []Outcome{run.task(requests[0]).do(ctx)}}
	}
	// Each region goes its own way, so that one that hangs does not hold up the others.
	names := regionsOf(requests)
	parts := make([]part, len(names))
	run.requested.add(len(names))
	var all sync.WaitGroup
	for i, name := range names {
		all.Go(func() { parts[i] = run.part(ctx, name, requests) })
	}
	all.Wait()
	return run.result(requests, parts)
}

// run is one invocation's requests.
type run struct {
	*Runner
	service   Service
	log       *slog.Logger
	requested barrier // opens when every backup of the invocation is requested, or found, or has to wait
}

// part is what became of the requests in one region.
type part struct {
	*selection
	outcomes map[target]Outcome
}

// part carries out the requests of one region.
func (r *run) part(ctx context.Context, region string, requests []Request) part {
	p := part{r.selectIn(ctx, region, requests), map[target]Outcome{}}
	here := p.merged.requests
	r.requested.add(len(here))
	r.requested.arrive()

	outcomes := make([]Outcome, len(here))
	var all sync.WaitGroup
	// An earlier attempt that ran out of time began with some of them. If each attempt began with the same ones, looking for
	// what is done could use up the time of all attempts, and the last clusters would never get their backup.
	for _, i := range chance(region).Perm(len(here)) {
		x := r.task(here[i])
		if !x.slot.take(ctx, func() {}) { // the time is up, so do only says so
			outcomes[i] = x.do(ctx)
			continue
		}
		all.Go(func() { outcomes[i] = x.do(ctx) })
	}
	all.Wait()
	for i, request := range here {
		p.outcomes[request.target()] = outcomes[i]
	}
	return p
}

// regionsOf returns the regions that requests concern, in the order of their first appearance.
func regionsOf(requests []Request) []string {
	var names []string
	seen := map[string]bool{}
	for _, request := range requests {
		for _, name := range request.regions() {
			if !seen[name] {
				seen[name] = true
				names = append(names, name)
			}
		}
	}
	return names
}

// result puts the parts together in the order of the requests.
func (r *run) result(requests []Request, parts []part) Result {
	var result Result
	byRegion := map[string]part{}
	for _, p := range parts {
		byRegion[p.region] = p
		result.Skipped = append(result.Skipped, p.skipped...)
	}
	added := map[target]bool{}
	add := func(a Action, c Cluster) {
		if t := (target{Action: a, Cluster: c}); !added[t] {
			added[t] = true
			result.Outcomes = append(result.Outcomes, byRegion[c.Region].outcomes[t])
		}
	}
	for i, request := range requests {
		if request.Selector == nil {
			add(request.Action, request.Cluster)
			continue
		}
		var all []chosen
		for _, region := range request.Selector.Regions {
			c := byRegion[region].chosen[i]
			for _, cluster := range c.first {
				add(request.Action, cluster)
			}
			all = append(all, c)
		}
		r.addSelection(&result, request.Selector.Regions, all)
	}
	return result
}

// task is one request on its way.
type task struct {
	caller
	run     *run
	request Request
	outcome Outcome

	slot      hold // one of the region's slots
	lock      hold // the cluster's
	requested bool // whether it has arrived at the barrier

	own      *Create    // the last CreateBackup of this request that took effect, or may have
	lostCall *CallError // of the last one whose outcome is unknown
	attempts int        // how often CreateBackup was sent, throttled ones included
	doing    string     // what is not done yet, for the message at the deadline
}

func (r *run) task(request Request) *task {
	c := request.Cluster
	x := &task{
		run: r, request: request, doing: "the backup was not started",
		outcome: Outcome{Cluster: c, Status: StatusUnknown},
		caller:  r.caller(c, r.log.With("DBClusterId", c.ID, "RegionId", c.Region)),
	}
	x.slot.tokens = x.region.slots
	return x
}

// do carries the request out. A panic is this request's failure alone.
func (x *task) do(ctx context.Context) (o Outcome) {
	defer func() {
		x.giveWay()
		if p := recover(); p != nil {
			x.log.Error("defect", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			o = x.outcome.fail(ErrorInternalError, "a defect of the function, see its log: %v", p)
		}
		if o.Failure != nil {
			level := slog.LevelError
			if o.Failure.Type.Continues() {
				level = slog.LevelWarn
			}
			attrs := []any{"errorType", o.Failure.Type, "error", o.Failure.Message}
			if x.err != nil && x.err.RequestID != "" {
				attrs = append(attrs, "apiRequestId", x.err.RequestID)
			}
			x.log.Log(ctx, level, "cluster failed", attrs...)
		}
	}()
	switch {
	case !x.slot.take(ctx, func() {}):
		x.heldUp()
		return x.unfinished()
	case x.request.Action == ActionVerify:
		return x.verify(ctx)
	default:
		return x.ensure(ctx)
	}
}

// giveWay lets the other clusters of the invocation go first, because this one has to wait or has ended.
func (x *task) giveWay() {
	x.slot.release()
	if !x.requested {
		x.requested = true
		x.run.requested.arrive()
	}
}

// sleep waits, and lets others go first. It reports whether there is still time.
func (x *task) sleep(ctx context.Context, d time.Duration) bool {
	x.giveWay()
	return sleep(ctx, d)
}

// unfinished is the outcome of a request that the deadline cut off.
func (x *task) unfinished() Outcome {
	t, last := ErrorBackupPending, ""
	if x.err != nil {
		last = "; the last error: " + x.err.Error()
		if x.err.Kind == KindThrottled {
			t = ErrorThrottled
		}
	}
	return x.outcome.fail(t, "%s before the deadline; invoking again continues%s", x.doing, last)
}

// barrier opens when everything that it counts has arrived.
type barrier struct {
	missing atomic.Int64
	open    chan struct{}
}

func (b *barrier) add(n int) { b.missing.Add(int64(n)) }

func (b *barrier) arrive() {
	if b.missing.Add(-1) == 0 {
		close(b.open)
	}
}
