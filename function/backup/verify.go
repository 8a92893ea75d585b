package backup

import (
	"context"
	"fmt"
	"time"
)

// verify finds out whether there is a completed backup that serves. It creates nothing.
func (x *task) verify(ctx context.Context) Outcome {
	x.pending = "the list of backups was not read"
	listing, at, err := x.look(ctx)
	if err != nil {
		return x.failed(err)
	}
	request := x.request
	request.Redelivered = false // no delivery of a Verify has created anything
	found := best(listing.Sets, func(s Set) bool { return s.serves(request, at) })
	if found != nil && found.State == SetComplete {
		x.shows(found, listing.Sets)
		return x.outcome
	}
	x.outcome.Status = StatusMissing
	from, _ := window(at, x.request)
	instead := "the list, read back to " + from.UTC().Format(time.DateOnly) + ", shows no completed one"
	complete := func(s Set) bool { return s.full() && s.State == SetComplete && s.Start != Span{} && s.believed(at) }
	if s := best(listing.Sets, complete); s != nil {
		instead = fmt.Sprintf("the newest completed one is %v, %v ago", s, max(at.Sub(s.Start.From), 0).Round(time.Second))
	}
	if s := best(listing.Sets, func(s Set) bool { return s.full() && !s.believed(at) }); s != nil {
		instead += fmt.Sprintf("; %v has a start in the future, which is not believed", s)
	}
	if found != nil {
		instead += fmt.Sprintf("; %v is not complete", found)
	}
	if listing.Unreadable != "" {
		instead += "; the list holds something that cannot be read: " + listing.Unreadable
	}
	return x.outcome.fail(ErrorBackupMissing, "no completed backup that started at or after %s; %s",
		request.NotBefore.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano), instead)
}
