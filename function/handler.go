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
	"adb-backup/function/alarm"
	"adb-backup/function/backup"
	"adb-backup/function/config"

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
	_, err := l.w.Write(append([]byte("{ "), line[1:]...))
	return len(line), err
}

// handle is one invocation, from bytes to answer. It returns before ctx's deadline. With a webhook the work ends earlier, so that
// there is time for an alarm.
func (h *handler) handle(ctx context.Context, payload []byte) (json.RawMessage, error) {
	received := time.Now()
	// The runtime SDK always sets both.
	platform, _ := fccontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	given := deadline.Sub(received)
	end := deadline.Add(-min(500*time.Millisecond, given/5))
	ctx, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	if h.config.Alarm != nil {
		end = end.Add(-min(3*time.Second, given/5))
	}
	working, cancel := context.WithDeadline(ctx, end)
	defer cancel()

	i := &invocation{h, platform, h.log.With("requestId", platform.RequestID), report{received: received}}
	i.work(working, payload)
	i.logTo(i.log)
	if f := i.failure; f != nil && h.config.Alarm != nil && !f.Type.Continues() && f.Type != backup.ErrorAlarmFailed {
		i.tell(ctx, f.Type, f.Message) // its error is logged, and changes nothing in the answer
	}
	return i.answer()
}

// invocation is one delivery of an event, and what became of it.
type invocation struct {
	*handler
	platform *fccontext.FcContext
	log      *slog.Logger
	report
}

// work decodes the event and carries it out. A defect is a failure like any other: it is reported, and told.
func (i *invocation) work(ctx context.Context, payload []byte) {
	defer func() {
		if p := recover(); p != nil {
			i.log.Error("defect", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			i.refuse(backup.ErrorInternalError, fmt.Sprintf("a defect of the function, see its log: %v", p))
		}
	}()
	c := i.platform.Credentials
	role := adb.Credentials{AccessKeyID: c.AccessKeyId, AccessKeySecret: c.AccessKeySecret, SecurityToken: c.SecurityToken}
	switch err := i.decode(payload); {
	case err != nil:
		i.refuse(backup.ErrorInvalidEvent, err.Error()+"; nothing was called")
	case i.event.Drill:
		if err := i.tell(ctx, alarm.Drill, "Somebody asked for this message, to see that alarms arrive."); err != nil {
			i.refuse(backup.ErrorAlarmFailed, "the alarm was not delivered: "+err.Error())
		}
	case len(i.event.Requests) > 0 && (role.AccessKeyID == "" || role.AccessKeySecret == ""):
		i.refuse(backup.ErrorPermissionDenied, "the invocation brought no credentials, so the function has no role: give it one that may call adb:CreateBackup and adb:DescribeBackups; nothing was called")
	default:
		i.conclude(i.runner.Run(ctx, i.api.With(role, i.platform.AccountId), i.log, i.event.Requests))
	}
}

// decode reads the event, and logs what is odd in it.
func (i *invocation) decode(payload []byte) (err error) {
	i.event, err = events.Decode(payload, events.Invocation{
		RequestID:       i.platform.RequestID,
		RetryCount:      i.platform.RetryCount,
		Timeout:         time.Duration(i.platform.Function.Timeout) * time.Second,
		Region:          i.platform.Region,
		Received:        i.received,
		DefaultClusters: i.config.DefaultClusters,
	})
	if i.event.Trigger != "" {
		i.log = i.log.With("trigger", i.event.Trigger)
	}
	for _, w := range i.event.Warnings {
		i.log.Warn(w)
	}
	for _, item := range i.event.Wrong {
		i.log.Error("event failed", "position", item.Position, "errorType", backup.ErrorInvalidEvent, "error", item.Err)
	}
	return err
}

// tell sends an alarm to the robot. It logs the error that it returns.
func (i *invocation) tell(ctx context.Context, t backup.ErrorType, message string) error {
	err := i.config.Alarm.Send(ctx, alarm.Message{
		ErrorType: t, ErrorMessage: message, RequestID: i.platform.RequestID,
		Function: i.platform.Function.Name, Region: i.platform.Region, Account: i.platform.AccountId,
	})
	if err != nil {
		i.log.Error("alarm not delivered", "error", err)
	}
	return err
}
