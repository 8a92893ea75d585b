package backup

import (
	"context"
	"errors"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// caller makes calls for one task or for the selectors of a region. It repeats what the service cannot answer now.
type caller struct {
	service  Service
	settings Settings
	log      *slog.Logger
	chance   *rand.Rand      // scatters the pauses
	warned   map[string]bool // what was logged as a warning
	err      *CallError      // of the last call that failed; nil once that is overcome
}

// caller returns a caller for a cluster or a region. Everything random in this package comes from its chance, whose seed is the time
// and the name: so a history in virtual time repeats.
func (r *run) caller(name string, log *slog.Logger) caller {
	h := fnv.New64a()
	io.WriteString(h, name)
	chance := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), h.Sum64()))
	return caller{service: r.service, settings: r.settings, log: log, chance: chance, warned: map[string]bool{}}
}

// warnOnce logs a warning unless key was warned of before. It reports whether it did.
func (c *caller) warnOnce(key, message string, attrs ...any) bool {
	if c.warned[key] {
		return false
	}
	c.warned[key] = true
	c.log.Warn(message, attrs...)
	return true
}

// called notes what came of a call, and returns its error if it was made. A look that succeeds does not undo a CreateBackup that
// failed.
func (c *caller) called(action string, err error) (failed *CallError) {
	switch {
	case errors.As(err, &failed):
		c.err = failed
	case err == nil && c.err != nil && c.err.Action == action:
		c.err = nil
	}
	return failed
}

// failure says why the work ended: err says no, or the time is up. Then pending says what is not done.
func (c *caller) failure(err error, pending string) *Failure {
	if refused := new(CallError); errors.As(err, &refused) {
		return &Failure{refusals[refused.Kind], refused.Error()}
	}
	f := &Failure{ErrorBackupPending, pending + " before the deadline; invoking again continues"}
	if c.err != nil {
		f.Message += "; the last error: " + c.err.Error()
		if c.err.Kind == KindThrottled {
			f.Type = ErrorThrottled
		}
	}
	return f
}

// logFailure logs a failure, as a warning if invoking again continues.
func (c *caller) logFailure(message string, f *Failure) {
	level := slog.LevelError
	if f.Type.Continues() {
		level = slog.LevelWarn
	}
	attrs := []any{"errorType", f.Type, "error", f.Message}
	if c.err != nil && c.err.RequestID != "" {
		attrs = append(attrs, "apiRequestId", c.err.RequestID)
	}
	c.log.Log(context.Background(), level, message, attrs...)
}

// read makes a call that changes nothing, again and again while the service cannot answer it. An error is final: a
// *CallError that refuses the call, or ctx's error. pause waits between two attempts.
func (c *caller) read(ctx context.Context, action string, pause func(context.Context, time.Duration) bool, call func() error) error {
	pauseAgain := c.retries()
	for {
		err := call()
		failed := c.called(action, err)
		if failed == nil || !failed.Kind.Passes() {
			return err
		}
		if !pause(ctx, max(pauseAgain(), failed.RetryAfter)) {
			return ctx.Err()
		}
	}
}

// Sleep waits. It reports whether ctx has not ended meanwhile.
func Sleep(ctx context.Context, d time.Duration) bool {
	pause, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	<-pause.Done()
	return ctx.Err() == nil
}

// growing returns pauses that grow. Each one is shortened at random, by up to a share of it, so that those of many clusters
// spread. The back-off library's own random numbers cannot be seeded, so it gives none.
func (c *caller) growing(first, most time.Duration, factor, share float64) func() time.Duration {
	b := backoff.ExponentialBackOff{InitialInterval: first, MaxInterval: most, Multiplier: factor}
	return func() time.Duration { return time.Duration(float64(b.NextBackOff()) * (1 - share*c.chance.Float64())) }
}

// polls are the pauses between looks for a change.
func (c *caller) polls() func() time.Duration {
	return c.growing(c.settings.Poll, 12*c.settings.Poll, 1.5, 0.1)
}

// retries are the pauses between attempts of a call that failed for now.
func (c *caller) retries() func() time.Duration {
	return c.growing(min(time.Second, c.settings.Poll), min(30*time.Second, 12*c.settings.Poll), 1.5, 0.7)
}
