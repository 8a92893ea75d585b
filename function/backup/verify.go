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
	var serving, complete, unfinished, unbelieved []Set
	for _, s := range listing.Sets {
		switch {
		case !s.full():
		case !s.believed(at):
			unbelieved = append(unbelieved, s)
		case s.State == SetComplete && s.serves(request):
			serving = append(serving, s)
		case s.State == SetComplete && s.Start != Span{}:
			complete = append(complete, s)
		case s.serves(request):
			unfinished = append(unfinished, s)
		}
	}
	if s := best(serving); s != nil {
		x.shows(*s, listing.Sets)
		return x.outcome
	}
	x.outcome.Status = StatusMissing
	x.warnOfUnknownStatus(best(unfinished))
	return x.outcome.fail(ErrorBackupMissing, "no completed backup that started at or after %s; %s",
		request.NotBefore.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano),
		x.instead(at, best(complete), best(unbelieved), best(unfinished), listing.Unreadable))
}

// instead says what there is in place of the backup that is missing.
func (x *task) instead(at time.Time, complete, unbelieved, unfinished *Set, unreadable string) string {
	from, _ := window(at, x.request)
	text := "the list, read back to " + from.UTC().Format(time.DateOnly) + ", shows no completed one "
	switch {
	case complete != nil:
		text = fmt.Sprintf("the newest completed one is %v, %v ago", complete, max(at.Sub(complete.Start.From), 0).Round(time.Second))
	case unbelieved != nil:
		text += "that can be believed"
	default:
		text += "at all"
	}
	if unbelieved != nil {
		text += fmt.Sprintf("; %v has a start in the future, which is not believed", unbelieved)
	}
	if unfinished != nil {
		text += fmt.Sprintf("; %v is not complete", unfinished)
	}
	if unreadable != "" {
		text += "; the list holds something that cannot be read: " + unreadable
	}
	return text
}
