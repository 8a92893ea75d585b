package backup

import (
	"testing"
	"time"
)

// TestWindow: wide enough, whatever the service means by it.
func TestWindow(t *testing.T) {
	now := at(t, "02:00:00")
	const hour, day = time.Hour, 24 * time.Hour
	for name, c := range map[string]struct {
		action    Action
		notBefore time.Duration // ago
		from      time.Duration // ago
	}{
		"48 hours at least":                   {ActionEnsure, 0, 49 * hour},
		"as far back as what may serve":       {ActionEnsure, 72 * hour, 73 * hour},
		"a Verify names the newest":           {ActionVerify, hour, 31*day + hour},
		"a Verify of what is older than that": {ActionVerify, 40 * day, 40*day + hour},
	} {
		from, to := window(now, Request{Action: c.action, NotBefore: now.Add(-c.notBefore)})
		if now.Sub(from) != c.from || to.Sub(now) != hour {
			t.Errorf("%s: from %v to %v", name, now.Sub(from), to.Sub(now))
		}
	}
}
