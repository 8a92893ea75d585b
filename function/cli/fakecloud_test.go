package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/acs3"
)

const (
	testAccount = "1234567890123456"
	testKeyID   = "STS.NTtestKey"
	testSecret  = "MarkedSecretOfTheTest"
	testToken   = "MarkedToken/of+the==Test"
)

// cloud emulates what the commands read and change of an account: RAM's operations for roles and policies, STS's
// GetCallerIdentity, and what Function Compute tells of a function and lets it do. Whatever else is called is an error of the test.
type cloud struct {
	t          *testing.T
	url        string
	signatures acs3.Verifier

	script map[string][]step // by action, before anything else; the last is repeated
	asked  []question

	roles    map[string]*ramRole
	policies map[string]*fakePolicy // custom ones
	attached map[string][]attached  // by role
	changes  []string               // calls that changed something, in order
	function map[string]string      // of Function Compute's replies, by the path below the function; nil: it is not deployed
}

// question is what the function was asked.
type question struct{ Qualifier, Payload string }

// step is what becomes of one call.
type step struct {
	Status int    // 0: 200
	Error  string // X-Fc-Error-Type
	Body   string
	Broken bool          // the connection breaks before an answer
	Takes  time.Duration // before that
	Header map[string]string
}

type ramRole struct{ Description, AssumeRolePolicyDocument string }

// fakePolicy is a custom policy with all its versions; the last is the one that counts.
type fakePolicy struct {
	description string
	versions    []string
}

// clouds is held while one is used.
var clouds sync.Mutex

func inOrder() {
	clouds.Lock()
	defer clouds.Unlock()
}

// newCloud starts the services and makes the caller's credentials those that they know. The steps are for the function.
func newCloud(t *testing.T, function ...step) *cloud {
	f := &cloud{t: t, roles: map[string]*ramRole{}, policies: map[string]*fakePolicy{}, attached: map[string][]attached{}}
	f.script = map[string][]step{"InvokeFunction": function}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	useCredentials(t)
	f.url = server.URL
	return f
}

// useCredentials puts the test's credentials into the environment.
func useCredentials(t *testing.T) {
	for name, value := range map[string]string{
		"AccountID": "", "AccessKeyID": "", "AccessKeySecret": "", "ALIBABA_CLOUD_ACCESS_KEY_ID": testKeyID,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET": testSecret, "ALIBABA_CLOUD_SECURITY_TOKEN": testToken,
	} {
		t.Setenv(name, value)
	}
}

// noCredentials leaves the program without any.
func noCredentials(t *testing.T) {
	for _, name := range []string{"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
	t.Setenv("HOME", t.TempDir())
}

func (f *cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	known := map[string]acs3.Credential{testKeyID: {Secret: testSecret, Token: testToken}}
	body, h := must(io.ReadAll(r.Body)), r.Header
	clouds.Lock()
	refusal := f.signatures.Verify(r, body, known, time.Now())
	action, version, q := h.Get("X-Acs-Action"), h.Get("X-Acs-Version"), map[string]string{}
	for name := range r.URL.Query() {
		q[name] = r.URL.Query().Get(name)
	}
	if action == "InvokeFunction" && (version != "2023-03-30" || r.Method != http.MethodPost || h.Get("X-Fc-Invocation-Type") != "Sync" ||
		h.Get("X-Fc-Log-Type") != "None" || h.Get("Proxy-Authorization") != "") {
		f.t.Errorf("%s %s, headers: %v", r.Method, version, h)
	}
	var s step
	switch steps := f.script[action]; {
	case refusal != nil:
		s = refused(refusal)
	case action == "InvokeFunction" && r.URL.Path != "/2023-03-30/functions/adb-backup/invocations":
		s = refused(&acs3.Error{Status: http.StatusNotFound, Code: "FunctionNotFound", Message: "function does not exist"})
	case len(steps) > 0:
		s, f.script[action] = steps[0], steps[min(1, len(steps)-1):]
		f.asked = append(f.asked, question{q["qualifier"], string(body)})
	default:
		answer, refusal := f.answer(r, action, version, q)
		if s.Body = string(must(json.Marshal(answer))); refusal != nil {
			s = refused(refusal)
		}
	}
	clouds.Unlock()
	s.play(w, r)
}

// refused is a refusal as the gateway writes it.
func refused(e *acs3.Error) step {
	text := fmt.Sprintf(`{"RequestId":"1-67420000-test","Code":%q,"Message":%q}`, e.Code, e.Message)
	return step{Status: e.Status, Body: text, Header: map[string]string{"Content-Type": "application/json"}}
}

func (s step) play(w http.ResponseWriter, r *http.Request) {
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

type object = map[string]any

func (f *cloud) answer(r *http.Request, action, version string, q map[string]string) (any, *acs3.Error) {
	role, p := f.roles[q["RoleName"]], f.policies[q["PolicyName"]]
	below, fc := strings.CutPrefix(r.URL.Path, "/2023-03-30/functions/backups")
	missing := &acs3.Error{Status: http.StatusNotFound, Code: "EntityNotExist.", Message: "It does not exist."}
	switch ram := version == "2015-05-01" && r.Method == http.MethodPost; {
	case fc && version == "2023-03-30" && r.Method == http.MethodGet:
		if missing.Code = "FunctionNotFound"; f.function[below] != "" {
			return json.RawMessage(f.function[below]), nil
		}
	case version == "2015-04-01" && action == "GetCallerIdentity":
		return object{"AccountId": testAccount}, nil
	case ram && action == "GetPolicy":
		if missing.Code += "Policy"; p != nil && q["PolicyType"] == "Custom" {
			return object{"Policy": object{"Description": p.description}, "DefaultPolicyVersion": object{"PolicyDocument": p.versions[len(p.versions)-1]}}, nil
		}
	case ram && (action == "GetRole" || action == "ListPoliciesForRole"): // each reads its own of these
		if missing.Code += "Role"; role != nil {
			return object{"Role": role, "Policies": object{"Policy": f.attached[q["RoleName"]]}}, nil
		}
	case ram:
		f.change(action, q, role, p)
		return object{}, nil
	default:
		f.t.Errorf("%s %s %s is not emulated", r.Method, action, version)
	}
	return nil, missing
}

func (f *cloud) change(action string, q map[string]string, role *ramRole, p *fakePolicy) {
	name, text := q["RoleName"], q["PolicyDocument"]
	f.changes = append(f.changes, action)
	switch {
	case len(text) > documentLimit || text != "" && !json.Valid([]byte(text)):
		f.t.Errorf("RAM does not take the policy %s", text)
	case action == "CreateRole" && role == nil:
		f.roles[name] = &ramRole{q["Description"], q["AssumeRolePolicyDocument"]}
	case action == "UpdateRole":
		role.AssumeRolePolicyDocument = q["NewAssumeRolePolicyDocument"]
	case action == "CreatePolicy" && p == nil:
		f.policies[q["PolicyName"]] = &fakePolicy{q["Description"], []string{text}}
	case action == "CreatePolicyVersion" && q["SetAsDefault"] == "true" && q["RotateStrategy"] == "DeleteOldestNonDefaultVersionWhenLimitExceeded":
		p.versions = append(p.versions[max(0, len(p.versions)-4):], text)
	case action == "AttachPolicyToRole" && p != nil && role != nil && q["PolicyType"] == "Custom":
		f.attached[name] = append(f.attached[name], attached{q["PolicyName"], "Custom"})
	default:
		f.t.Errorf("%s cannot be: %v", action, q)
	}
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

// program is a process of the program that has not been started, and what it will have written.
func program(t *testing.T, args ...string) (c *exec.Cmd, stdout, stderr *bytes.Buffer) {
	self := must(os.Executable())
	c, stdout, stderr = exec.CommandContext(t.Context(), self, args...), new(bytes.Buffer), new(bytes.Buffer)
	c.Env, c.Stdout, c.Stderr = append(os.Environ(), asProgram+"=1"), stdout, stderr
	return c, stdout, stderr
}

// expect runs the program as a shell does. It compares the exit code, and looks for words in what is written; several are separated
// by |, and blanks in columns do not matter. What a test does with a cloud before and after is in order with what happens meanwhile.
func expect(t *testing.T, code int, inOutput, inErrors string, args ...string) (stdout, stderr string) {
	t.Helper()
	inOrder()
	defer inOrder()
	c, out, errs := program(t, args...)
	if err := c.Run(); c.ProcessState == nil {
		t.Fatal(err)
	}
	stdout, stderr = out.String(), errs.String()
	if got := c.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d\n%s\n%s", got, code, stdout, stderr)
	}
	has(t, stdout, inOutput)
	has(t, stderr, inErrors)
	for _, secret := range []string{testSecret, testToken, "MarkedToken"} {
		if strings.Contains(stdout+stderr, secret) {
			t.Errorf("%q is in\n%s\n%s", secret, stdout, stderr)
		}
	}
	return stdout, stderr
}

func has(t *testing.T, text, words string) {
	t.Helper()
	for want := range strings.SplitSeq(words, "|") {
		if !strings.Contains(squeezed("\n"+text), squeezed(want)) {
			t.Errorf("%q is not in\n%s", want, text)
		}
	}
}

var blanks = regexp.MustCompile(` +`)

func squeezed(text string) string { return blanks.ReplaceAllString(text, " ") }
