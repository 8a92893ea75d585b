package backup

import (
	"cmp"
	"context"
	"errors"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// caller makes calls for one task or one selection. It repeats what the service cannot answer now.
type caller struct {
	cluster  Cluster // that the calls are about; without an id for a selection
	service  Service
	settings Settings
	region   *region
	log      *slog.Logger
	chance   *rand.Rand      // scatters the pauses
	warned   map[string]bool // what was logged as a warning
	err      *CallError      // of the last call that failed; nil once that is overcome
}

func (r *run) caller(c Cluster, log *slog.Logger) caller {
	return caller{cluster: c, service: r.service, settings: r.settings, region: r.region(c.Region), log: log, chance: chance(c.ID + c.Region), warned: map[string]bool{}}
}

// region is what the clusters of one region share.
type region struct {
	// slots holds a token for each cluster that is in steps 1 to 3: looking, awaiting its turn, creating. The slots keep a
	// look and its create close together. Without them the retry of a fleet looks at all clusters first and is out of time
	// before it creates anything.
	slots chan struct{}
	// throttled is the error of the last call if it was throttled, else nil. Whoever waits for a turn is held up by it.
	throttled atomic.Pointer[CallError]
}

// Regions keeps something for each region that the process works in. Events may name regions that do not exist, so it keeps no
// more than maxRegions and then starts anew.
type Regions[T any] struct {
	mu   sync.Mutex
	kept map[string]*T
}

const maxRegions = 1000

// Get returns what is kept for a region. If there is nothing, create makes it.
func (r *Regions[T]) Get(name string, create func(name string) (*T, error)) (*T, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept[name] != nil {
		return r.kept[name], nil
	}
	created, err := create(name)
	if err != nil {
		return nil, err
	}
	if r.kept == nil || len(r.kept) == maxRegions {
		r.kept = map[string]*T{}
	}
	r.kept[name] = created
	return created, nil
}

func (r *Runner) region(name string) *region {
	kept, _ := r.regions.Get(name, func(string) (*region, error) { return &region{slots: make(chan struct{}, r.concurrency)}, nil })
	return kept
}

// warnOnce logs a warning unless key was warned of before.
func (c *caller) warnOnce(key, message string, attrs ...any) {
	if !c.warned[key] {
		c.warned[key] = true
		c.log.Warn(message, attrs...)
	}
}

// called notes what came of a call, and returns the error that it failed with. made is false if it was not made, because the
// time is up.
func (c *caller) called(action string, err error) (failed *CallError, made bool) {
	if err != nil && (!errors.As(err, &failed) || failed.heldUp()) {
		c.heldUp(failed)
		return nil, false
	}
	c.answered(action, failed)
	return failed, true
}

// answered notes the answer to a call: nil if it succeeded. A look that succeeds does not undo a CreateBackup that failed.
func (c *caller) answered(action string, failed *CallError) {
	if failed != nil || c.err != nil && c.err.Action == action {
		c.err = failed
	}
	if failed != nil && failed.Kind != KindThrottled {
		failed = nil
	}
	c.region.throttled.Store(failed)
}

// heldUp notes why a call was not made in time: the pause that held it up, if it is not nil, else the last error, or that of the
// call by which the region is throttled.
func (c *caller) heldUp(pause *CallError) { c.err = cmp.Or(pause, c.err, c.region.throttled.Load()) }

// behindAnother reports whether the last error is that of another call to the region, behind which this caller waited.
func (c *caller) behindAnother() bool { return c.err != nil && c.err.Cluster != c.cluster }

// overdue is the failure of what the deadline cut off. pending says what is not done.
func (c *caller) overdue(pending string) *Failure {
	f := &Failure{ErrorBackupPending, pending + " before the deadline; invoking again continues"}
	if c.err != nil {
		reason := "the last error"
		if c.behindAnother() {
			reason = "it waited behind another call to the region"
		}
		f.Message += "; " + reason + ": " + c.err.Error()
		if c.err.Kind == KindThrottled {
			f.Type = ErrorThrottled
		}
	}
	return f
}

// logFailure logs a failure, as a warning if invoking again continues.
func (c *caller) logFailure(message string, f *Failure, more ...any) {
	log := c.log.Error
	if f.Type.Continues() {
		log = c.log.Warn
	}
	log(message, append([]any{"errorType", f.Type, "error", f.Message}, more...)...)
}

// read makes a call that changes nothing, again and again while the service cannot answer it. An error is final: a
// *CallError that refuses the call, or ctx's error.
func (c *caller) read(ctx context.Context, action string, sleep func(context.Context, time.Duration) bool, call func() error) error {
	pauses := c.retries()
	for attempt := 1; ; attempt++ {
		failed, made := c.called(action, call())
		switch {
		case !made:
			return cmp.Or(ctx.Err(), context.DeadlineExceeded)
		case failed == nil:
			return nil
		case !failed.Kind.passes():
			return failed
		}
		level := slog.LevelDebug
		if attempt == 3 { // once, so that a person learns before the deadline why nothing happens
			level = slog.LevelWarn
		}
		c.log.Log(ctx, level, "look failed", append(failed.attrs(), "attempt", attempt)...)
		if !sleep(ctx, max(pauses.next(), c.later(failed.RetryAfter))) {
			return ctx.Err()
		}
	}
}

// sleep waits. It reports whether ctx has not ended meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// later lengthens a pause that many callers have in common by up to a twentieth. Otherwise they would all come back at the
// same instant.
func (c *caller) later(d time.Duration) time.Duration {
	return d + time.Duration(c.chance.Float64()*float64(d/20))
}

// chance returns a source of random numbers for a cluster or a region. Its seed is the time and the name, so that a history in
// virtual time can be repeated. The back-off library's own source cannot be seeded.
func chance(name string) *rand.Rand {
	h := fnv.New64a()
	io.WriteString(h, name)
	return rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), h.Sum64()))
}

// pauses are pauses that grow. Each one is shortened at random, so that those of many clusters spread.
type pauses struct {
	backoff.ExponentialBackOff
	shorten float64 // by up to this share
	chance  *rand.Rand
}

func (p *pauses) next() time.Duration {
	return time.Duration(float64(p.NextBackOff()) * (1 - p.shorten*p.chance.Float64()))
}

func (s Settings) longestPoll() time.Duration { return 12 * s.Poll }

// polls are the pauses between looks for a change.
func (c *caller) polls() *pauses {
	return &pauses{backoff.ExponentialBackOff{
		InitialInterval: c.settings.Poll, Multiplier: 1.5, MaxInterval: c.settings.longestPoll(),
	}, 0.1, c.chance}
}

// retries are the pauses between attempts of a call that failed for now.
func (c *caller) retries() *pauses {
	return &pauses{backoff.ExponentialBackOff{
		InitialInterval: min(time.Second, c.settings.Poll), Multiplier: 2, MaxInterval: min(30*time.Second, c.settings.longestPoll()),
	}, 0.7, c.chance}
}

// window returns how far the list is read. It is generous, because no page says whether the service means a backup's start,
// its end or both.
func window(now time.Time, r Request) (from, to time.Time) {
	back := 48 * time.Hour
	if r.Action == ActionVerify {
		back = 31 * 24 * time.Hour
	}
	from = now.Add(-back)
	if r.NotBefore.Before(from) {
		from = r.NotBefore
	}
	return from.Add(-time.Hour), now.Add(time.Hour)
}

// look lists the cluster's sets. at is when the list was asked for. An error is final, as read's is.
func (x *task) look(ctx context.Context) (l Listing, at time.Time, err error) {
	err = x.read(ctx, "DescribeBackups", x.sleep, func() (err error) {
		at = time.Now()
		from, to := window(at, x.request)
		l, err = x.service.Backups(ctx, x.request.Cluster, from, to)
		return err
	})
	if err != nil {
		return Listing{}, at, err
	}
	if l.Unreadable != "" {
		x.warnOnce("unreadable", "the list of backups holds something that cannot be read", "unreadable", l.Unreadable)
	}
	for i := range l.Sets {
		if s := &l.Sets[i]; s.full() && !s.believed(at) {
			x.warnOnce("future "+s.key(), "a backup is listed with a start in the future, which is not believed", setAttrs(s)...)
		}
	}
	return l, at, nil
}

// lookFailed is the outcome of a request whose look returned an error.
func (x *task) lookFailed(err error) Outcome {
	var failed *CallError
	if errors.As(err, &failed) {
		return x.refused(failed)
	}
	return x.unfinished()
}
