package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	done    = `{"Action":"Ensure","Status":"Completed","Backups":[{"DBClusterId":"amv-1","RegionId":"cn-hangzhou","Status":"Completed","Created":true}]}`
	pending = `{"errorMessage":"1 of 1 clusters failed: amv-1 (cn-hangzhou): not complete","errorType":"BackupPending"}`
)

func TestParseReply(t *testing.T) {
	pretty := "{\n  \"Action\": \"Ensure\",\n  \"Status\": \"Ignored\",\n  \"Backups\": []\n}"
	misleading := "Error Type: NoError\nInvoke Result:\n{\"Action\":\"no\"}\n========= FC invoke Logs end ========= \nInvoke Result:"
	for name, c := range map[string]struct {
		step step
		want reply
	}{
		"success":           {step{Body: done}, reply{Answer: []byte(done)}},
		"pretty-printed":    {step{Body: pretty}, reply{Answer: []byte(`{"Action":"Ensure","Status":"Ignored","Backups":[]}`)}},
		"a log like s":      {step{Body: done, Log: misleading}, reply{Answer: []byte(done)}},
		"an answer like s":  {step{Body: `{"a":"\nError Type: x\nInvoke Result:\n"}`}, reply{Answer: []byte(`{"a":"\nError Type: x\nInvoke Result:\n"}`)}},
		"the function's":    {step{Body: pending, Error: "UnhandledInvocationError"}, reply{[]byte(pending), true, "BackupPending", "1 of 1 clusters failed: amv-1 (cn-hangzhou): not complete"}},
		"the platform's":    {step{Body: `{"errorMessage":"Function timed out after 3 seconds"}`, Error: "FunctionTimeout"}, reply{[]byte(`{"errorMessage":"Function timed out after 3 seconds"}`), true, "FunctionTimeout", "Function timed out after 3 seconds"}},
		"failure, not JSON": {step{Body: "exited", Error: "ProcessExit"}, reply{nil, true, "ProcessExit", "exited\n✔ [backup] completed (1.2s)"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := c.step.print()
			for _, out := range []string{out, strings.ReplaceAll(out, "\n", "\r\n"), withoutColours(out)} {
				got, err := parseReply(out)
				if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
					t.Errorf("%v (-want +got)\n%s\nof\n%s", err, diff, out)
				}
			}
		})
	}
}

// TestParseReplyInOtherWords: where the headline is another, the answer still tells what it is.
func TestParseReplyInOtherWords(t *testing.T) {
	log := "========= FC invoke Logs begin =========\n{\"level\":\"INFO\",\"msg\":\"x\"}\n========= FC invoke Logs end =========\n"
	for out, want := range map[string]reply{
		log + done:                          {Answer: []byte(done)},
		done + "\n":                         {Answer: []byte(done)},
		log + "Error Type: X\n\n" + pending: {[]byte(pending), true, "BackupPending", "1 of 1 clusters failed: amv-1 (cn-hangzhou): not complete"},
		log + pending:                       {[]byte(pending), true, "BackupPending", "1 of 1 clusters failed: amv-1 (cn-hangzhou): not complete"},
		log + "Request ID: 1\nInvoke Result:\n" + pending: {[]byte(pending), true, "BackupPending", "1 of 1 clusters failed: amv-1 (cn-hangzhou): not complete"},
	} {
		got, err := parseReply(out)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v (-want +got)\n%s\nof\n%s", err, diff, out)
		}
	}
}

func TestParseReplyWithoutAnAnswer(t *testing.T) {
	text, _ := step{Body: "plain text"}.print()
	cut, _, _ := strings.Cut(text, "\x1b[1mInvoke Result:")
	log := `{"level":"INFO","msg":"backup report","status":"Completed"}`
	for _, out := range []string{"", log, "{\"Status\":\"Completed\"}\n========= FC invoke Logs end =========\n" + log, "⌛  Steps for [invoke] of [adb-backup]\n", text, cut} {
		if r, err := parseReply(out); err == nil {
			t.Errorf("%q is read as %+v", out, r)
		}
	}
}

func TestInvoke(t *testing.T) {
	event := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(event, []byte(`{"triggerName":"nightly"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		step           step
		event          string
		code           int
		stdout, stderr string
	}{
		"success":    {step{Body: done}, event, exitDone, done + "\n", "Steps for [invoke]"},
		"bare id":    {step{Body: done}, "amv-1", exitDone, done + "\n", ""},
		"no backup":  {step{Body: pending, Error: "UnhandledInvocationError"}, event, exitNoBackup, pending + "\n", "\nBackupPending: 1 of 1 clusters failed"},
		"refused":    {step{Refused: "code: 404, function not found"}, event, exitNotAsked, "", "code: 404, function not found"},
		"no event":   {step{}, "", exitUsage, "", "EVENT is missing"},
		"wrong file": {step{}, "no-such-file.json", exitUsage, "", "no-such-file.json"},
	} {
		t.Run(name, func(t *testing.T) {
			saw := useStandIn(t, c.step)
			var stdout, stderr bytes.Buffer
			code := run(context.Background(), []string{"invoke", "-event", c.event}, &stdout, &stderr)
			if code != c.code || stdout.String() != c.stdout || !strings.Contains(stderr.String(), c.stderr) {
				t.Errorf("exit code %d, standard output %q, standard error\n%s", code, &stdout, &stderr)
			}
			for _, s := range saw() {
				want := "amv-1"
				if c.event == event {
					want = `{"triggerName":"nightly"}`
				}
				if s.Payload != want || s.Mode != "-rw-------" || s.Args[0] != "invoke" || slices.Contains(s.Args, "-e") {
					t.Errorf("%+v", s)
				}
			}
		})
	}
}

func TestWhatIsMissing(t *testing.T) {
	for _, c := range []struct {
		set    map[string]string
		stored string // what `s config add` has stored
		want   string
	}{
		{nil, "", "no credentials: run `s config add --access default`"},
		{nil, "another:\n  AccessKeyID: x\n", "no credentials"},
		{nil, "default:\n  AccessKeyID: x\n", ""},
		{map[string]string{"AccessKeyID": "x", "AccountID": "x"}, "", "the environment also needs AccessKeySecret"},
		{map[string]string{"AccessKeyID": "x", "AccountID": "x"}, "default:\n  AccessKeyID: x\n", ""},
		{map[string]string{"AccessKeyID": "x", "AccountID": "x", "AccessKeySecret": "x"}, "", ""},
	} {
		home := t.TempDir()
		t.Setenv("PATH", "")
		t.Setenv("serverless_devs_config_home", home)
		for _, name := range credentialVariables {
			t.Setenv(name, c.set[name])
		}
		if c.stored != "" {
			if err := errors.Join(os.Mkdir(filepath.Join(home, ".s"), 0o700), os.WriteFile(filepath.Join(home, ".s", "access.yaml"), []byte(c.stored), 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		err := missing()
		if err == nil || !strings.Contains(err.Error(), "no Node.js") || !strings.Contains(err.Error(), "npm install -g @serverless-devs/s") {
			t.Errorf("%v", err)
		} else if !strings.Contains(err.Error(), c.want) || c.want == "" && strings.Contains(err.Error(), "redentials") {
			t.Errorf("%+v gives %v", c, err)
		}
	}
}

func TestUsage(t *testing.T) {
	for _, args := range [][]string{nil, {"nonsense"}, {"gate", "-nonsense"}, {"gate", "x"}, {"gate", "-event", "amv-1", "-ask", "1ms"}, {"policy", "nonsense", "-s", "x"}} {
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), args, &stdout, &stderr); code != exitUsage || stderr.Len() == 0 || stdout.Len() > 0 {
			t.Errorf("%q: exit code %d, %q, %q", args, code, &stdout, &stderr)
		}
	}
}
