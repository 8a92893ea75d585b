package backup

import (
	"math/rand/v2"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// chance is a source that depends on the moment alone, so that a history in virtual time can be told again.
func chance(which uint64) *rand.Rand {
	return rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), which))
}

// intervals are pauses that grow, each shortened by chance so that those of many clusters spread. The library's own
// scattering has a source that nobody can repeat.
type intervals struct {
	backoff.ExponentialBackOff
	shorten float64 // by up to this share
	chance  *rand.Rand
}

func (i *intervals) next() time.Duration {
	return time.Duration(float64(i.NextBackOff()) * (1 - i.shorten*i.chance.Float64()))
}

// polls are the intervals between looks for a change: from Settings.Poll to twelve times that.
func (x *task) polls() *intervals {
	return &intervals{backoff.ExponentialBackOff{
		InitialInterval: x.settings.Poll, Multiplier: 1.5, MaxInterval: 12 * x.settings.Poll,
	}, 0.1, x.chance}
}

// retries are the intervals between attempts of a call that failed for now.
func (x *task) retries() *intervals {
	return &intervals{backoff.ExponentialBackOff{
		InitialInterval: min(time.Second, x.settings.Poll), Multiplier: 2, MaxInterval: min(30*time.Second, 12*x.settings.Poll),
	}, 0.7, x.chance}
}
