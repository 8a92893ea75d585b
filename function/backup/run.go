package backup

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sync/semaphore"
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
}

// maxParts is how many regions of an invocation are worked on at once. The cloud has about thirty. An event may name thousands
// that do not exist, and each takes memory.
const maxParts = 100

// NewRunner returns a Runner that lets as many clusters of a region at once decide and create as concurrency says.
func NewRunner(s Settings, concurrency int) *Runner {
	return &Runner{settings: s, concurrency: concurrency, memory: memory{states: map[Cluster]*clusterState{}}}
}

// run is one invocation's requests.
type run struct {
	*Runner
	service  Service
	log      *slog.Logger
	began    time.Time
	requests []Request
}

// part is an invocation's work in one region. It keeps no more than is needed: an array may hold thousands of selectors that
// choose the same clusters.
type part struct {
	caller
	run        *run
	region     string
	merged     merger
	outcomes   []Outcome           // of the merged requests
	first      map[int][]int       // by position of a request: those of the merged ones that it was the first to ask for
	empty      map[int]bool        // by position of a request: its selector chose no cluster here
	skipped    []Skipped           // each cluster once
	unselected []Unselected        // the selectors whose list could not be read
	slots      *semaphore.Weighted // of the tasks that work: slots keep a look and its create close together
	arriving   sync.WaitGroup      // done when every backup is requested, or found, or has to wait
	requested  chan struct{}       // closed then
}

// Run carries out all requests of an invocation, which has just begun. It returns before ctx's deadline. What is not finished
// by then, or within a request's WaitAtMost, has failed, with a type that says so.
func (r *Runner) Run(ctx context.Context, s Service, log *slog.Logger, requests []Request) Result {
	run := &run{Runner: r, service: s, log: log, began: time.Now(), requests: requests}
	parts, regions := map[string]*part{}, []string{}
	for _, request := range requests {
		for _, region := range request.regions() {
			if parts[region] == nil {
				regions = append(regions, region)
				parts[region] = &part{
					caller: run.caller(region, log.With("RegionId", region)), run: run, region: region, merged: merger{at: map[target]int{}},
					first: map[int][]int{}, empty: map[int]bool{}, slots: semaphore.NewWeighted(int64(r.concurrency)), requested: make(chan struct{}),
				}
			}
		}
	}
	each(len(regions), maxParts, func(n int) { parts[regions[n]].work(ctx) }) // one that hangs does not hold up the others

	var result Result
	for _, region := range regions {
		result.Skipped = append(result.Skipped, parts[region].skipped...)
		result.Unselected = append(result.Unselected, parts[region].unselected...)
	}
	for i, request := range requests {
		for _, region := range request.regions() {
			for _, n := range parts[region].first[i] {
				result.Outcomes = append(result.Outcomes, parts[region].outcomes[n])
			}
		}
		if request.Selector != nil {
			run.addSelection(&result, i, request.Selector.Regions, parts)
		}
	}
	return result
}

// within returns a context that ends when a request's time is up.
func (r *run) within(ctx context.Context, request Request) (context.Context, context.CancelFunc) {
	const longest = 24 * time.Hour // no function may run longer
	return context.WithDeadline(ctx, r.began.Add(cmp.Or(request.WaitAtMost, longest)))
}

// work carries out the requests that concern the region: first its selectors become requests, and then each one is a task. Their
// order is random. If each attempt began with the same clusters, looking for what earlier attempts did could use up its time,
// and the last clusters would never get their backup.
func (p *part) work(ctx context.Context) {
	for i, request := range p.run.requests {
		switch {
		case !slices.Contains(request.regions(), p.region):
		case request.Selector != nil:
			p.choose(ctx, i, request)
		default:
			p.add(i, request)
		}
	}
	requests := p.merged.requests
	p.outcomes = make([]Outcome, len(requests))
	p.arriving.Add(len(requests))
	go func() {
		p.arriving.Wait()
		close(p.requested)
	}()
	order := p.chance.Perm(len(requests))
	each(len(requests), -1, func(i int) {
		n := order[i]
		ctx, cancel := p.run.within(ctx, requests[n])
		defer cancel()
		p.outcomes[n] = p.task(requests[n]).do(ctx)
	})
}

// each calls do with 0 to n-1, so many at once; all of them if most is negative. The last call is made here: the stack of another
// goroutine would have to grow first.
func each(n, most int, do func(i int)) {
	var all errgroup.Group
	all.SetLimit(most)
	for i := range n - 1 {
		all.Go(func() error {
			do(i)
			return nil
		})
	}
	if n > 0 {
		do(n - 1)
	}
	all.Wait()
}

// add takes in a request for a cluster. i is the position of the request that asks for it.
func (p *part) add(i int, request Request) {
	if p.merged.add(request) {
		p.first[i] = append(p.first[i], len(p.merged.requests)-1)
	}
}

// task returns the task of a request.
func (p *part) task(r Request) *task {
	c := r.Cluster
	return &task{
		caller: p.run.caller(c.ID+c.Region, p.run.log.With("DBClusterId", c.ID, "RegionId", c.Region)),
		part:   p, request: r, arrive: sync.OnceFunc(p.arriving.Done),
		outcome: Outcome{Cluster: c, Status: StatusUnknown}, pending: "the backup was not started",
	}
}
