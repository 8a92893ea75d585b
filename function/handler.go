package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"runtime/debug"
	"time"

	"adb-backup/events"
	"adb-backup/function/adb"
	"adb-backup/function/backup"

	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

// handler is the function. What it keeps between invocations is no one invocation's: the transport, the pace, and what
// the process created.
type handler struct {
	config config
	api    *adb.API
	keeper *backup.Runner
	log    *slog.Logger
}

// newHandler returns the function as it logs to w. The runtime SDK's own lines go through package log and stay as they are.
func newHandler(c config, w io.Writer) *handler {
	return &handler{
		config: c,
		api:    adb.New(c.adb),
		keeper: backup.NewRunner(c.times, c.adb.Concurrency),
		log:    slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: c.logLevel})),
	}
}

// handle is one invocation, from bytes to answer. It returns before ctx's deadline, whatever keeps the work busy: some of
// what it does, such as reading an event of many megabytes, heeds no context. An error is a messages.InvokeResponse_Error:
// the only kind whose type reaches the platform.
func (h *handler) handle(ctx context.Context, payload []byte) (json.RawMessage, error) {
	received := time.Now()
	type result struct {
		answer json.RawMessage
		err    error
	}
	done := make(chan result, 1)
	go func() {
		answer, err := h.work(ctx, payload, received)
		done <- result{answer, err}
	}()
	var lastMoment <-chan time.Time
	if deadline, ok := ctx.Deadline(); ok {
		t := time.NewTimer(deadline.Sub(received) - reserve(deadline.Sub(received))/2)
		defer t.Stop()
		lastMoment = t.C
	}
	select {
	case r := <-done:
		return r.answer, r.err
	case <-lastMoment:
		return nil, messages.InvokeResponse_Error{Type: string(backup.ErrorBackupPending), Message: "the function was still busy when its time was up; invoking again continues"}
	}
}

// work is the invocation proper.
func (h *handler) work(ctx context.Context, payload []byte, received time.Time) (answer json.RawMessage, err error) {
	invocation, ok := fccontext.FromContext(ctx)
	if !ok {
		invocation = &fccontext.FcContext{}
	}
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("defect", "panic", fmt.Sprint(p), "stack", string(debug.Stack()), "requestId", invocation.RequestID)
			err = messages.InvokeResponse_Error{Type: string(backup.ErrorInternalError), Message: fmt.Sprintf("a defect of the function, see its log: %v", p)}
		}
	}()
	ctx, cancel := inTime(ctx, received)
	defer cancel()

	event, err := events.Decode(payload, events.Invocation{
		RequestID:       invocation.RequestID,
		RetryCount:      invocation.RetryCount,
		Timeout:         time.Duration(invocation.Function.Timeout) * time.Second,
		Region:          invocation.Region,
		Received:        received,
		DefaultClusters: h.config.defaultClusters,
	})
	r := report{event: event, received: received}
	about := []any{"requestId", invocation.RequestID}
	if event.Trigger != "" {
		about = append(about, "trigger", event.Trigger)
	}
	log := h.log.With(about...)
	for _, w := range event.Warnings {
		log.Warn(w)
	}
	for _, w := range event.Wrong {
		log.Error("event failed", "position", w.Position, "errorType", backup.ErrorInvalidEvent, "error", w.Err)
	}
	credentials := adb.Credentials{
		AccessKeyID:     invocation.Credentials.AccessKeyId,
		AccessKeySecret: invocation.Credentials.AccessKeySecret,
		SecurityToken:   invocation.Credentials.SecurityToken,
	}
	switch {
	case err != nil:
		r.refuse(backup.ErrorInvalidEvent, err.Error()+"; nothing was called")
	case len(event.Requests) > 0 && (credentials.AccessKeyID == "" || credentials.AccessKeySecret == ""):
		r.refuse(backup.ErrorPermissionDenied, "the invocation brought no credentials, so the function has no role: give it one that may call adb:CreateBackup and adb:DescribeBackups; nothing was called")
	default:
		service := h.api.With(credentials, invocation.AccountId)
		r.outcomes = h.keeper.Run(ctx, service, log, event.Requests)
	}
	r.log(log)
	return r.answer()
}

// inTime leaves a reserve before the platform's deadline, in which to answer.
func inTime(ctx context.Context, now time.Time) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, deadline.Add(-reserve(deadline.Sub(now))))
}

// reserve is how long before the deadline the answer is made, where so much time is given.
func reserve(given time.Duration) time.Duration { return min(500*time.Millisecond, given/5) }
