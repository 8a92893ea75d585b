package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/acs3"
)

const testAccount = "1234567890123456"

// account emulates what the commands read and change of an account: RAM's operations for roles and policies, STS's
// GetCallerIdentity, and what Function Compute tells of a function. Whatever else is called is refused as the gateway does.
type account struct {
	t          *testing.T
	signatures acs3.Verifier

	roles    map[string]*ramRole
	policies map[string]*fakePolicy // custom ones
	attached map[string][]attached  // by role
	changes  []string               // calls that changed something, in order
	function map[string]string      // of Function Compute's replies, by the path below the function; nil: it is not deployed
	refusals map[string]*acs3.Error // by action
}

type ramRole struct{ Description, AssumeRolePolicyDocument string }

// fakePolicy is a custom policy with all its versions; the last is the one that counts.
type fakePolicy struct {
	description string
	versions    []string
}

// accounts is held while an account is used.
var accounts sync.Mutex

// does runs the program. What a test does with an account before and after is in order with what the account does meanwhile.
func does(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	inOrder := func() {
		accounts.Lock()
		defer accounts.Unlock()
	}
	inOrder()
	defer inOrder()
	return runs(t, args...)
}

// newAccount starts the services and makes the caller's credentials those that they know. It returns their URL.
func newAccount(t *testing.T) (*account, string) {
	t.Helper()
	f := &account{t: t, roles: map[string]*ramRole{}, policies: map[string]*fakePolicy{}, attached: map[string][]attached{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	useCredentials(t)
	return f, server.URL
}

func (f *account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	known := map[string]acs3.Credential{testKeyID: {Secret: testSecret, Token: testToken}}
	if err := f.signatures.Verify(r, nil, known, time.Now()); err != nil {
		f.t.Errorf("not authentic: %v", err)
	}
	accounts.Lock()
	defer accounts.Unlock()
	action, version, q := r.Header.Get("X-Acs-Action"), r.Header.Get("X-Acs-Version"), map[string]string{}
	for name := range r.URL.Query() {
		q[name] = r.URL.Query().Get(name)
	}
	var answer any
	err := f.refusals[action]
	below, fc := strings.CutPrefix(r.URL.Path, "/2023-03-30/functions/backups")
	switch {
	case err != nil:
	case fc && version == "2023-03-30" && r.Method == http.MethodGet:
		if answer = json.RawMessage(f.function[below]); f.function[below] == "" {
			err = &acs3.Error{Status: http.StatusNotFound, Code: "FunctionNotFound", Message: "does not exist"}
		}
	case version == "2015-04-01" && action == "GetCallerIdentity":
		answer = object{"AccountId": testAccount}
	case version == "2015-05-01" && r.Method == http.MethodPost && strings.HasPrefix(action, "Get"), action == "ListPoliciesForRole":
		answer, err = f.look(action, q)
	case version == "2015-05-01" && r.Method == http.MethodPost:
		if err = f.change(action, q); err == nil {
			f.changes = append(f.changes, action)
		}
		answer = object{}
	default:
		f.t.Errorf("%s %s %s is not emulated", r.Method, action, version)
	}
	if err != nil {
		refuse(w, err.Status, err.Code, err.Message)
		return
	}
	json.NewEncoder(w).Encode(answer)
}

type object = map[string]any

func missing(what string) *acs3.Error {
	return &acs3.Error{Status: http.StatusNotFound, Code: "EntityNotExist." + what, Message: "It does not exist."}
}

func (f *account) look(action string, q map[string]string) (any, *acs3.Error) {
	switch role, p := f.roles[q["RoleName"]], f.policies[q["PolicyName"]]; {
	case action == "GetPolicy" && p != nil && q["PolicyType"] == "Custom":
		return object{"Policy": object{"Description": p.description}, "DefaultPolicyVersion": object{"PolicyDocument": p.versions[len(p.versions)-1]}}, nil
	case action == "GetPolicy":
		return nil, missing("Policy")
	case role == nil:
		return nil, missing("Role")
	case action == "ListPoliciesForRole":
		return object{"Policies": object{"Policy": f.attached[q["RoleName"]]}}, nil
	}
	return object{"Role": f.roles[q["RoleName"]]}, nil
}

func (f *account) change(action string, q map[string]string) *acs3.Error {
	name, p := q["RoleName"], f.policies[q["PolicyName"]]
	if text := q["PolicyDocument"]; len(text) > documentLimit || text != "" && !json.Valid([]byte(text)) {
		return &acs3.Error{Status: http.StatusBadRequest, Code: "InvalidParameter.PolicyDocument.Length", Message: "The length is beyond the limits."}
	}
	switch {
	case action == "CreateRole" && f.roles[name] == nil:
		f.roles[name] = &ramRole{q["Description"], q["AssumeRolePolicyDocument"]}
	case action == "UpdateRole":
		f.roles[name].AssumeRolePolicyDocument = q["NewAssumeRolePolicyDocument"]
	case action == "CreatePolicy" && p == nil:
		f.policies[q["PolicyName"]] = &fakePolicy{q["Description"], []string{q["PolicyDocument"]}}
	case action == "CreatePolicyVersion" && q["SetAsDefault"] == "true" && q["RotateStrategy"] == "DeleteOldestNonDefaultVersionWhenLimitExceeded":
		p.versions = append(p.versions[max(0, len(p.versions)-4):], q["PolicyDocument"])
	case action == "AttachPolicyToRole" && p != nil && f.roles[name] != nil && q["PolicyType"] == "Custom":
		f.attached[name] = append(f.attached[name], attached{q["PolicyName"], "Custom"})
	default:
		f.t.Errorf("%s cannot be: %v", action, q)
	}
	return nil
}
