package backup

import (
	"context"
	"fmt"
	"time"
)

// verify says whether there is a completed backup that serves; it creates nothing.
func (x *task) verify(ctx context.Context) Outcome {
	x.doing = "the list of backups was not read"
	sets, _, err := x.look(ctx)
	if call := sent(err); call != nil {
		return x.refused(call)
	} else if err != nil {
		return x.unfinished()
	}
	strict := x.request
	strict.Redelivered = false // no delivery of a Verify has created anything
	var serving, complete, others []Set
	for _, s := range sets {
		switch {
		case !s.full():
		case s.State == SetComplete && s.serves(strict):
			serving = append(serving, s)
		case s.State == SetComplete && !s.Start.From.IsZero():
			complete = append(complete, s)
		case s.serves(strict):
			others = append(others, s)
		}
	}
	if s := best(serving); s != nil {
		x.seen(*s)
		return x.outcome
	}
	x.outcome.Status = StatusMissing
	from, _ := window(time.Now(), x.request)
	newest := "the list, read back to " + from.UTC().Format(time.DateOnly) + ", shows no completed one at all"
	if s := best(complete); s != nil {
		newest = fmt.Sprintf("the newest completed one is %v, %s ago", s, time.Since(s.Start.From).Round(time.Minute))
	}
	if s := best(others); s != nil {
		newest += fmt.Sprintf("; %v is not complete", s)
		x.nameOdd(*s)
	}
	return x.outcome.fail(ErrorBackupMissing, "no completed backup that started at or after %s; %s",
		x.request.NotBefore.UTC().Truncate(time.Millisecond).Format(time.RFC3339Nano), newest)
}
