package backup

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// Settings are the times of the rule.
type Settings struct {
	Poll     time.Duration // the first interval between looks; it grows to longestPoll
	Settle   time.Duration // how long a backup that may exist is looked for
	DDLPause time.Duration // from a backup's start until DDL is allowed again
}

// Runner carries out requests. The process has one, since it remembers what the process created.
type Runner struct {
	settings    Settings
	concurrency int
	memory      memory
	regions     Regions[region]
}

// maxParts is how many regions of an invocation are worked on at once. The cloud has about thirty. An event may name thousands
// that do not exist, and each takes memory.
const maxParts = 100

// NewRunner returns a Runner that lets as many clusters of a region at once decide and create as concurrency says.
func NewRunner(s Settings, concurrency int) *Runner {
	return &Runner{settings: s, concurrency: concurrency, memory: memory{states: map[Cluster]*clusterState{}}}
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
	names, positions := byRegion(requests)
	parts := make([]part, len(names))
	run.requested.add(len(names))
	var all errgroup.Group
	all.SetLimit(maxParts)
	for i, name := range names {
		all.Go(func() error {
			parts[i] = run.part(ctx, name, requests, positions[name])
			return nil
		})
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

// part carries out the requests of one region, which stand at the given positions.
func (r *run) part(ctx context.Context, region string, requests []Request, positions []int) part {
	p := part{r.selectIn(ctx, region, requests, positions), map[target]Outcome{}}
	here := p.merged.requests
	r.requested.add(len(here))
	r.requested.arrive()

	outcomes := make([]Outcome, len(here))
	var all sync.WaitGroup
	// The order is random. If each attempt began with the same clusters, looking for what earlier attempts did could use up its
	// time, and the last clusters would never get their backup.
	for _, i := range chance(region).Perm(len(here)) {
		x := r.task(here[i])
		if !x.slot.take(ctx) { // the time is up, so do only says so
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

// byRegion returns the regions that requests concern, in the order of their first appearance, and the positions of each
// region's requests.
func byRegion(requests []Request) (names []string, positions map[string][]int) {
	positions = map[string][]int{}
	for i, request := range requests {
		for _, name := range request.regions() {
			if positions[name] == nil {
				names = append(names, name)
			}
			positions[name] = append(positions[name], i)
		}
	}
	return names, positions
}

// result puts the parts together in the order of the requests.
func (r *run) result(requests []Request, parts []part) Result {
	var result Result
	partOf := map[string]part{} // by region
	for _, p := range parts {
		partOf[p.cluster.Region] = p
		result.Skipped = append(result.Skipped, p.skipped...)
	}
	added := map[target]bool{}
	add := func(a Action, c Cluster) {
		if t := (target{Action: a, Cluster: c}); !added[t] {
			added[t] = true
			result.Outcomes = append(result.Outcomes, partOf[c.Region].outcomes[t])
		}
	}
	for i, request := range requests {
		if request.Selector == nil {
			add(request.Action, request.Cluster)
			continue
		}
		var all []chosen
		for _, region := range request.Selector.Regions {
			c := partOf[region].chosen[i]
			for _, cluster := range c.first {
				add(request.Action, cluster)
			}
			all = append(all, c)
		}
		r.addSelection(&result, request.Selector.Regions, all)
	}
	return result
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
