package main

import (
	"adb-backup/function/backup"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"time"
)

func invokeCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("invoke", flag.ContinueOnError)
	event := flags.String("event", "", "the `file` to send as it is, or a bare cluster id")
	if err := parse(flags, args, stderr, 0); err != nil {
		return err
	}
	payload, err := readEvent(*event)
	if err != nil {
		return err
	}
	if err := missing(); err != nil {
		return err
	}
	r, err := invoke(ctx, payload, 0, stderr)
	if err != nil {
		return err
	}
	return r.finish(stdout)
}

// readEvent reads the event's file. A bare cluster id is an event itself.
func readEvent(event string) ([]byte, error) {
	if event == "" {
		return nil, usage("EVENT is missing: a file such as events/request.json, or a cluster id")
	}
	payload, err := os.ReadFile(event)
	if err != nil && backup.CheckClusterID(event) == nil {
		return []byte(event), nil
	}
	if err != nil {
		return nil, usage("EVENT is a file or a cluster id: %w", err)
	}
	return payload, nil
}

// invoke invokes the deployed function once, synchronously, and waits for its answer as long as wait says, or, where that
// is 0, a little longer than the function's timeout. All that `s` prints goes to progress.
// An error means that there is no answer.
func invoke(ctx context.Context, payload []byte, wait time.Duration, progress io.Writer) (reply, error) {
	// A file, because Serverless Devs reports its arguments to its makers over plain http. CreateTemp makes it 0600.
	f, err := os.CreateTemp("", "adb-backup-*.json")
	if err != nil {
		return reply{}, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(payload)
	if err := errors.Join(err, f.Close()); err != nil {
		return reply{}, err
	}
	args := []string{"invoke", "--invocation-type", "Sync", "--event-file", f.Name()}
	if wait > 0 {
		args = append(args, "--timeout", fmt.Sprint(max(1, int(wait.Seconds()))))
		// Should `s` itself hang, it is ended; it has had time enough to start and to give up by itself.
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, wait+20*time.Second)
		defer cancel()
	}
	var out strings.Builder
	progress = &shared{w: progress}
	s := exec.CommandContext(ctx, "s", args...)
	s.Stdout = io.MultiWriter(&out, progress)
	s.Stderr = progress
	s.WaitDelay = 5 * time.Second // for a grandchild that keeps the pipe open
	if err := s.Run(); err != nil {
		return reply{}, fmt.Errorf("s invoke: %w: what it says is above", err)
	}
	return parseReply(out.String())
}

// shared is a writer for the two copies that os/exec runs at once.
type shared struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *shared) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.w.Write(p)
}

// finish prints the answer and makes an error of a failure.
func (r reply) finish(stdout io.Writer) error {
	if len(r.Answer) > 0 {
		fmt.Fprintf(stdout, "%s\n", r.Answer)
	}
	if !r.Failed {
		return nil
	}
	return exitError{exitNoBackup, fmt.Errorf("%s: %s", r.ErrorType, r.ErrorMessage)}
}

// reply is what the function answered.
type reply struct {
	Answer       json.RawMessage // compact; empty where a failure's answer is no JSON
	Failed       bool
	ErrorType    string // the function's own; else the platform's
	ErrorMessage string
}

// parseReply reads the function's answer in what `s invoke` prints: the tail of the log between two banners, some headers,
// among them "Error Type:" when the function failed, then "Invoke Result:", the answer, and lines of its own.
// `s` exits with 0 whether the function failed or not.
func parseReply(out string) (reply, error) {
	lines := strings.Split(strings.ReplaceAll(withoutColours(out), "\r\n", "\n"), "\n")
	result := lastLine(lines, func(line string) bool { return strings.TrimSpace(line) == "Invoke Result:" })
	if result < 0 { // another version's words: the answer is the last JSON that begins a line and is none of the log's
		result = lastLine(lines, func(line string) bool {
			return strings.HasPrefix(line, "{") && !strings.Contains(line, `"msg":`) || strings.Contains(line, "FC invoke Logs end")
		}) - 1
	}
	if result < -1 || strings.Contains(lines[result+1], "FC invoke Logs end") {
		return reply{}, errors.New("s invoke printed no answer; is its option --silent set?")
	}
	// The log may hold any line at all: the headers begin after it.
	headers := lines[:result+1]
	headers = headers[lastLine(headers, func(line string) bool { return strings.Contains(line, "FC invoke Logs end") })+1:]
	var r reply
	for _, line := range headers {
		if t, ok := strings.CutPrefix(strings.TrimSpace(line), "Error Type:"); ok {
			r.Failed, r.ErrorType = true, strings.TrimSpace(t)
		}
	}
	text := strings.Join(lines[result+1:], "\n")
	var said struct{ ErrorType, ErrorMessage string }
	err := json.NewDecoder(strings.NewReader(text)).Decode(&r.Answer)
	if err == nil && json.Unmarshal(r.Answer, &said) == nil && said.ErrorType != "" {
		r.Failed, r.ErrorType = true, said.ErrorType // the function's own; the header may have the platform's
	}
	switch {
	case !r.Failed && err != nil:
		return reply{}, fmt.Errorf("the answer is not JSON: %w", err)
	case !r.Failed:
	case said.ErrorMessage != "":
		r.ErrorMessage = said.ErrorMessage
	default:
		r.ErrorMessage = strings.TrimSpace(text)
	}
	r.Answer = compact(r.Answer)
	return r, nil
}

func lastLine(lines []string, is func(string) bool) int {
	for i := len(lines) - 1; i >= 0; i-- {
		if is(lines[i]) {
			return i
		}
	}
	return -1
}

func compact(answer json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	if len(answer) == 0 || json.Compact(&b, answer) != nil {
		return nil
	}
	return b.Bytes()
}

var colour = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

func withoutColours(s string) string { return colour.ReplaceAllString(s, "") }
