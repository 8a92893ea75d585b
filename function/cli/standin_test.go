package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The stand-in for `s`, Serverless Devs' command: this test binary, started under that name. It prints what `s` 3.1.10
// prints, byte for byte around the function's own output, and exits as `s` does: with 0 even when the function failed.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "s" {
		os.Exit(standIn(os.Getenv("STAND_IN")))
	}
	os.Exit(m.Run())
}

// script is what the stand-in does, one step for each time it is started; the last is repeated.
type script []step

type step struct {
	Body    string // the function's answer
	Error   string // the platform's error type; "" for success
	Log     string // the tail of the function's log
	Refused string // an error of the API, or of `s` itself: no answer, exit code 101
}

// seen is what the stand-in was started with.
type seen struct {
	Args    []string
	Payload string
	Mode    string
}

func standIn(folder string) int {
	var steps script
	text, err := os.ReadFile(filepath.Join(folder, "script"))
	if err == nil {
		err = json.Unmarshal(text, &steps)
	}
	if err != nil {
		fmt.Println("stand-in:", err)
		return 1
	}
	earlier, _ := filepath.Glob(filepath.Join(folder, "seen-*"))
	n := len(earlier)

	s := seen{Args: os.Args[1:]}
	for i, arg := range s.Args {
		if arg == "-f" || arg == "--event-file" {
			payload, _ := os.ReadFile(s.Args[i+1])
			s.Payload = string(payload)
			if info, err := os.Stat(s.Args[i+1]); err == nil {
				s.Mode = info.Mode().String()
			}
		}
	}
	record, _ := json.Marshal(s)
	os.WriteFile(filepath.Join(folder, fmt.Sprintf("seen-%03d", n)), record, 0o600)

	out, code := steps[min(n, len(steps)-1)].print()
	fmt.Print(out)
	return code
}

func (s step) print() (out string, code int) {
	out = "[2026-11-23 16:58:38][WARN][s_cli] It is not recommended to run the command as root user.\n" +
		"⌛  Steps for [invoke] of [adb-backup]\n====================\n"
	if s.Refused != "" {
		return out + "✖ [backup] failed to [invoke] (1.2s)\n \n✖ [backup] failed to [invoke]:\n====================\n" +
			"Error Message:\n" + s.Refused + "\n \nA complete log of this run can be found in: /home/you/.s/logs/1123165838\n \n", 101
	}
	green, bold := "\x1b[32m%s\x1b[39m", "\x1b[1m%s\x1b[22m "
	out += "\x1b[33m========= FC invoke Logs begin =========\x1b[39m\n" + s.Log + "\n\x1b[33m========= FC invoke Logs end =========\x1b[39m\n\n" +
		fmt.Sprintf(bold+green+"\n", "Invoke instanceId:", "c-6744a1f2-1518f0e9") + fmt.Sprintf(bold+green+"\n", "Code Checksum:", "undefined") +
		fmt.Sprintf(bold+green+"\n", "Qualifier:", "LATEST") + fmt.Sprintf(bold+green+"\n", "RequestId:", "1-6744a1f2-1518f0e9-0c6b1de6f0ab")
	body := green
	if s.Error != "" {
		out += fmt.Sprintf(bold+"\x1b[31m%s\x1b[39m\n", "Error Type:", s.Error)
		body = "\x1b[31m%s\x1b[39m"
	}
	// The colour is closed and opened again at each line's end.
	lines := strings.Split(s.Body, "\n")
	for i, line := range lines {
		lines[i] = fmt.Sprintf(body, line)
	}
	return out + "\n" + strings.TrimSpace(fmt.Sprintf(bold, "Invoke Result:")) + "\n" + strings.Join(lines, "\n") +
		"\n✔ [backup] completed (1.2s)\n", 0
}

// useStandIn makes the stand-in the only `s` there is, with a `node` and credentials. What it saw is read when the test is done with it.
func useStandIn(t *testing.T, steps ...step) (sawSoFar func() []seen) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	text, _ := json.Marshal(script(steps))
	if err := os.WriteFile(filepath.Join(folder, "script"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"s", "node"} {
		if err := os.Symlink(self, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", folder)
	t.Setenv("STAND_IN", folder)
	t.Setenv("TMPDIR", folder) // so that a payload left behind is seen
	for _, name := range credentialVariables {
		t.Setenv(name, "for-the-test")
	}
	return func() []seen {
		var all []seen
		files, _ := filepath.Glob(filepath.Join(folder, "seen-*"))
		for _, f := range files {
			var s seen
			text, _ := os.ReadFile(f)
			if err := json.Unmarshal(text, &s); err != nil {
				t.Fatal(err)
			}
			all = append(all, s)
		}
		if left, _ := filepath.Glob(filepath.Join(folder, "adb-backup-*")); len(left) > 0 {
			t.Errorf("left behind: %v", left)
		}
		return all
	}
}
