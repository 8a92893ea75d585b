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
	"adb-backup/function/config"

	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

// handler is the function. What it keeps between invocations belongs to the process: the transport, the pace, and what the
// process created.
type handler struct {
	config config.Config
	api    *adb.API
	runner *backup.Runner
	log    *slog.Logger
}

// newHandler returns the function. It logs to w; the runtime SDK's own lines go through package log and stay as they are.
func newHandler(c config.Config, w io.Writer) *handler {
	return &handler{
		config: c,
		api:    adb.New(c.ADB),
		runner: backup.NewRunner(c.Times, c.ADB.Concurrency),
		log:    slog.New(slog.NewJSONHandler(lines{w}, &slog.HandlerOptions{Level: c.LogLevel})),
	}
}

// lines writes each line of the log with a space behind its brace. The deploy tool's command for logs rewrites the first word
// of a line that holds a date, and with it the line's time, level and message. So the first word is the brace alone.
type lines struct{ w io.Writer }

// Write takes one line of JSON, as slog's handler writes it.
func (l lines) Write(line []byte) (int, error) {
	spaced := append(make([]byte, 0, len(line)+1), "{ "...)
	if _, err := l.w.Write(append(spaced, line[1:]...)); err != nil {
		return 0, err
	}
	return len(line), nil
}

// handle is one invocation, from bytes to answer. An error is a messages.InvokeResponse_Error, the only kind whose type
// reaches the platform.
//
// It returns before ctx's deadline: the work ends 500 ms before it, or a fifth of the time given if that is less. But some
// work does not watch ctx, such as reading an event of megabytes on a fraction of a processor. So half of this reserve later
// the answer goes out without it.
func (h *handler) handle(ctx context.Context, payload []byte) (json.RawMessage, error) {
	received := time.Now()
	deadline, _ := ctx.Deadline() // the runtime SDK always sets one
	reserve := min(500*time.Millisecond, deadline.Sub(received)/5)
	ctx, cancel := context.WithDeadline(ctx, deadline.Add(-reserve))
	defer cancel()
	type result struct {
		answer json.RawMessage
		err    error
	}
	done := make(chan result, 1)
	go func() {
		answer, err := h.work(ctx, payload, received)
		done <- result{answer, err}
	}()
	select {
	case r := <-done:
		return r.answer, r.err
	case <-ctx.Done():
	}
	select {
	case r := <-done:
		return r.answer, r.err
	case <-time.After(reserve / 2):
		return nil, platformError(backup.ErrorBackupPending, "the function was still busy when its time was up; invoking again continues")
	}
}

// work decodes the event, carries it out and reports.
func (h *handler) work(ctx context.Context, payload []byte, received time.Time) (answer json.RawMessage, err error) {
	invocation, ok := fccontext.FromContext(ctx)
	if !ok {
		invocation = &fccontext.FcContext{}
	}
	defer func() {
		if p := recover(); p != nil {
			h.log.Error("defect", "panic", fmt.Sprint(p), "stack", string(debug.Stack()), "requestId", invocation.RequestID)
			answer, err = nil, platformError(backup.ErrorInternalError, fmt.Sprintf("a defect of the function, see its log: %v", p))
		}
	}()
	event, wrong := events.Decode(payload, events.Invocation{
		RequestID:       invocation.RequestID,
		RetryCount:      invocation.RetryCount,
		Timeout:         time.Duration(invocation.Function.Timeout) * time.Second,
		Region:          invocation.Region,
		Received:        received,
		DefaultClusters: h.config.DefaultClusters,
	})
	log := h.logger(invocation.RequestID, event)
	credentials := adb.Credentials{
		AccessKeyID:     invocation.Credentials.AccessKeyId,
		AccessKeySecret: invocation.Credentials.AccessKeySecret,
		SecurityToken:   invocation.Credentials.SecurityToken,
	}
	r := report{event: event, received: received}
	switch {
	case wrong != nil:
		r.refuse(backup.ErrorInvalidEvent, wrong.Error()+"; nothing was called")
	case len(event.Requests) > 0 && (credentials.AccessKeyID == "" || credentials.AccessKeySecret == ""):
		r.refuse(backup.ErrorPermissionDenied, "the invocation brought no credentials, so the function has no role: give it one that may call adb:CreateBackup and adb:DescribeBackups; nothing was called")
	default:
		r.Result = h.runner.Run(ctx, h.api.With(credentials, invocation.AccountId), log, event.Requests)
	}
	r.log(log)
	return r.answer()
}

// logger returns the invocation's logger, after it has logged what Decode found.
func (h *handler) logger(requestID string, event events.Event) *slog.Logger {
	about := []any{"requestId", requestID}
	if event.Trigger != "" {
		about = append(about, "trigger", event.Trigger)
	}
	log := h.log.With(about...)
	for _, w := range event.Warnings {
		log.Warn(w)
	}
	for _, item := range event.Wrong {
		log.Error("event failed", "position", item.Position, "errorType", backup.ErrorInvalidEvent, "error", item.Err)
	}
	return log
}

// platformError is an error as the platform gets it.
func platformError(t backup.ErrorType, message string) error {
	return messages.InvokeResponse_Error{Type: string(t), Message: message}
}
