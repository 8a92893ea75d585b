package fakeadb

import "time"

// bucket is a token bucket: it fills at a rate, holds a burst, and each request takes one.
type bucket struct {
	tokens float64
	at     time.Time
}

// take takes a token, or says how long it is until there is one.
func (b *bucket) take(now time.Time, rate float64, burst int) time.Duration {
	if rate <= 0 {
		return 0
	}
	full := float64(max(burst, 1))
	if b.at.IsZero() {
		b.tokens = full
	} else {
		b.tokens = min(full, b.tokens+now.Sub(b.at).Seconds()*rate)
	}
	b.at = now
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / rate * float64(time.Second))
	}
	b.tokens--
	return 0
}
