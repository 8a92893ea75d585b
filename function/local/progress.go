package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// watch shows how far the backups are while the function waits for them: on a terminal as a bar, elsewhere as a line now and
// then.
func (s *stage) watch(ctx context.Context) {
	if s.service == nil {
		return // this cannot look into the real one; the function's log says what it sees
	}
	defer s.screen.setBar("")
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	every := max(time.Second, s.takes/5)
	last := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		done, text := s.progress(s.service.Now())
		switch {
		case text == "":
			s.screen.setBar("")
		case s.screen.terminal:
			s.screen.setBar(bar(done, text, s.screen.width()))
		case time.Since(last) >= every:
			last = time.Now()
			s.screen.event(plain, "backup", fmt.Sprintf("%3.0f %%  %s", 100*done, text))
		}
	}
}

// bar draws how much is done, from 0 to 1, in one line of a terminal.
func bar(done float64, text string, width int) string {
	const indent = 19
	long := min(max(width-indent-len(text)-4, 6), 24)
	full := int(done * float64(long))
	text = fmt.Sprintf("%*s[%s%s] %s", indent, "", strings.Repeat("#", full), strings.Repeat("-", long-full), text)
	return text[:min(len(text), width-1)]
}

// progress returns how much of what the function waits for is done, from 0 to 1, and says it in words; no words if it waits for
// nothing.
func (s *stage) progress(now time.Time) (done float64, text string) {
	if s.answered() {
		return 0, ""
	}
	var running []fakeadb.Backup
	for _, b := range s.service.Backups("") {
		if b.State(now) <= fakeadb.Running {
			running = append(running, b)
		}
	}
	if len(running) == 0 {
		return s.afterwards(now)
	}
	for _, b := range running {
		length := s.takes
		if !b.End.IsZero() {
			length = b.End.Sub(b.Start)
		}
		done += min(1, now.Sub(b.Start).Seconds()/length.Seconds()) / float64(len(running))
	}
	if len(running) > 1 {
		return done, fmt.Sprintf("%d backups run", len(running))
	}
	return done, "backup " + running[0].ID + " runs"
}

// afterwards is the progress when no backup runs any more: until DDL is allowed again, if the event asks for that, else until
// the function sees that the backup has ended.
func (s *stage) afterwards(now time.Time) (done float64, text string) {
	made := s.created()
	if len(made) == 0 {
		return 0, ""
	}
	last := made[len(made)-1]
	pause, err := time.ParseDuration(environment(s.env)["ADB_DDL_PAUSE"])
	since := now.Sub(last.Start)
	waits := slices.ContainsFunc(s.incoming.event.Requests, func(r backup.Request) bool { return r.WaitFor == backup.WaitDDLAllowed })
	if waits && err == nil && since < pause+time.Second { // the function knows only the second in which the backup started
		return min(1, since.Seconds()/pause.Seconds()), fmt.Sprintf("no DDL until %.1f s after its start", pause.Seconds())
	}
	return 1, "backup " + last.ID + " has ended; the function will see that when it looks again"
}

// answered reports whether every delivery so far has its answer.
func (s *stage) answered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !slices.ContainsFunc(s.results, func(r *result) bool { return r.RequestID == "" })
}
