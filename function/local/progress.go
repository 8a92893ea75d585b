package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

const barWidth = 24

// watch shows how far the backups are for as long as there is something to await: a bar that moves on a terminal, a line
// now and then elsewhere.
func (s *stage) watch(ctx context.Context) {
	if s.service == nil {
		return // nobody can see into the real one; the function's log says what it sees
	}
	defer s.screen.setBar("")
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	every := max(time.Second, s.times.takes/5)
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
			full := int(done * barWidth)
			s.screen.setBar(fmt.Sprintf("%19s[%s%s] %s", "", strings.Repeat("#", full), strings.Repeat("-", barWidth-full), text))
		case time.Since(last) >= every:
			last = time.Now()
			s.screen.event(plain, "backup", fmt.Sprintf("%3.0f %%  %s", 100*done, text))
		}
	}
}

// progress is how far what is awaited is, from 0 to 1, and in words; without words there is nothing to await.
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
		return s.pause(now)
	}
	for _, b := range running {
		length := s.times.takes
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

// pause is how far the time is in which AnalyticDB allows no DDL, if the event asks to wait for its end.
func (s *stage) pause(now time.Time) (done float64, text string) {
	wanted := false
	for _, r := range s.delivered.event.Requests {
		wanted = wanted || r.WaitFor == backup.WaitDDLAllowed
	}
	length, err := time.ParseDuration(environment(s.env)["ADB_DDL_PAUSE"])
	made := s.created()
	if !wanted || err != nil || length <= 0 || len(made) == 0 {
		return 0, ""
	}
	since := now.Sub(made[len(made)-1].Start)
	return min(1, since.Seconds()/length.Seconds()), fmt.Sprintf("no DDL until %.1f s after its start", length.Seconds())
}

// answered says whether every delivery so far has its answer.
func (s *stage) answered() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.results {
		if r.RequestID == "" {
			return false
		}
	}
	return true
}
