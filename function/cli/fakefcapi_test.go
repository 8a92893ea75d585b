package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/acs3"
)

// fakeFC emulates InvokeFunction of Function Compute's API, version 2023-03-30: signed calls of one function, and answers
// that a test has scripted. Any other call is refused as the service refuses it.
type fakeFC struct {
	t      *testing.T
	mu     sync.Mutex
	script []step // the last is repeated
	asked  []question
}

// question is a call that arrived and was authentic.
type question struct{ Function, Qualifier, Payload string }

// step is what becomes of one call.
type step struct {
	Status int    // 0: 200
	Error  string // X-Fc-Error-Type
	Body   string
	Broken bool          // the connection breaks before an answer
	Takes  time.Duration // before that
	Header map[string]string
}

const (
	testKeyID  = "STS.NTtestKey"
	testSecret = "MarkedSecretOfTheTest"
	testToken  = "MarkedToken/of+the==Test"
)

// newFakeFC starts the service, and makes the caller's credentials those that it knows. It returns the service's URL.
func newFakeFC(t *testing.T, script ...step) (*fakeFC, string) {
	t.Helper()
	f := &fakeFC{t: t, script: script}
	useCredentials(t)
	return f, signed(t, f)
}

// signed starts a service that refuses what the test's credentials have not signed, and returns its URL.
func signed(t *testing.T, service http.Handler) string {
	t.Helper()
	var signatures acs3.Verifier
	known := map[string]acs3.Credential{testKeyID: {Secret: testSecret, Token: testToken}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if err := signatures.Verify(r, body, known, time.Now()); err != nil {
			refuse(w, err.Status, err.Code, err.Message)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		service.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// useCredentials puts the test's credentials into the environment.
func useCredentials(t *testing.T) {
	t.Helper()
	for name, value := range map[string]string{
		"AccountID": "", "AccessKeyID": "", "AccessKeySecret": "", "ALIBABA_CLOUD_ACCESS_KEY_ID": testKeyID,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET": testSecret, "ALIBABA_CLOUD_SECURITY_TOKEN": testToken,
	} {
		t.Setenv(name, value)
	}
}

func (f *fakeFC) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	name, ok := strings.CutPrefix(r.URL.Path, "/2023-03-30/functions/")
	name, ok2 := strings.CutSuffix(name, "/invocations")
	if !ok || !ok2 || r.Method != http.MethodPost || r.Header.Get("X-Acs-Action") != "InvokeFunction" || r.Header.Get("X-Acs-Version") != "2023-03-30" {
		refuse(w, http.StatusNotFound, "PathNotSupported", fmt.Sprintf("'%s' against '%s' is not supported", r.Method, r.URL.Path))
		return
	}
	if h := r.Header; h.Get("X-Fc-Invocation-Type") != "Sync" || h.Get("X-Fc-Log-Type") != "None" || h.Get("Proxy-Authorization") != "" {
		f.t.Errorf("headers: %v", h)
	}
	if name != "adb-backup" {
		refuse(w, http.StatusNotFound, "FunctionNotFound", fmt.Sprintf("function '%s' does not exist", name))
		return
	}
	f.answer(w, r, question{name, r.URL.Query().Get("qualifier"), string(body)})
}

func (f *fakeFC) answer(w http.ResponseWriter, r *http.Request, q question) {
	f.mu.Lock()
	f.asked = append(f.asked, q)
	s := f.script[min(len(f.asked), len(f.script))-1]
	f.mu.Unlock()
	select {
	case <-time.After(s.Takes):
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
	if s.Broken {
		panic(http.ErrAbortHandler)
	}
	if s.Error != "" {
		w.Header().Set("X-Fc-Error-Type", s.Error)
	}
	for name, value := range s.Header {
		w.Header().Set(name, value)
	}
	if s.Status != 0 {
		w.WriteHeader(s.Status)
	}
	io.WriteString(w, s.Body)
}

// refuse answers as Function Compute's API does.
func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"RequestId":"1-67420000-test","Code":%q,"Message":%q}`, code, message)
}

// questions returns what has been asked so far.
func (f *fakeFC) questions() []question {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.asked
}

// TestMain lets the test binary be the program: runs starts it again as a process of its own. Under the name s it is the
// stand-in for Serverless Devs.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == "s" {
		os.Exit(standIn())
	}
	if os.Getenv(asProgram) != "" {
		os.Unsetenv(asProgram)
		main()
	}
	os.Exit(m.Run())
}

const asProgram = "ADB_BACKUP_TEST_RUNS_THE_PROGRAM"

// program is a process of the program that has not been started.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self, args...)
	c.Env = append(os.Environ(), asProgram+"=1")
	return c
}

// runs runs the program as a shell does.
func runs(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	c := program(t, args...)
	c.Stdout, c.Stderr = &out, &errs
	if err := c.Run(); c.ProcessState == nil {
		t.Fatal(err)
	}
	for _, secret := range []string{testSecret, testToken, "MarkedToken"} {
		if strings.Contains(out.String()+errs.String(), secret) {
			t.Errorf("%q is in\n%s\n%s", secret, &out, &errs)
		}
	}
	return c.ProcessState.ExitCode(), out.String(), errs.String()
}
