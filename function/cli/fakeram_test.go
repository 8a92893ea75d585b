package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
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

func conflict(what, name string) *acs3.Error {
	return &acs3.Error{Status: http.StatusConflict, Code: "EntityAlreadyExists." + what, Message: fmt.Sprintf("The %s %s already exists.", what, name)}
}

func (f *account) look(action string, q map[string]string) (any, *acs3.Error) {
	missing := func(what string) *acs3.Error {
		return &acs3.Error{Status: http.StatusNotFound, Code: "EntityNotExist." + what, Message: "It does not exist."}
	}
	switch role, p := f.roles[q["RoleName"]], f.policies[q["PolicyName"]]; {
	case action == "ListPoliciesForRole":
		return object{"Policies": object{"Policy": f.attached[q["RoleName"]]}}, nil
	case action == "GetRole" && role != nil:
		return object{"Role": role}, nil
	case action == "GetRole":
		return nil, missing("Role")
	case p == nil || q["PolicyType"] != "Custom":
		return nil, missing("Policy")
	default:
		return object{"Policy": object{"Description": p.description}, "DefaultPolicyVersion": object{"PolicyDocument": p.versions[len(p.versions)-1]}}, nil
	}
}

func (f *account) change(action string, q map[string]string) *acs3.Error {
	name, p := q["RoleName"], f.policies[q["PolicyName"]]
	if text := q["PolicyDocument"]; len(text) > documentLimit || text != "" && !json.Valid([]byte(text)) {
		return &acs3.Error{Status: http.StatusBadRequest, Code: "InvalidParameter.PolicyDocument.Length", Message: "The length is beyond the limits."}
	}
	switch action {
	case "CreateRole":
		if f.roles[name] != nil {
			return conflict("Role", name)
		}
		f.roles[name] = &ramRole{RoleName: name, Description: q["Description"], AssumeRolePolicyDocument: q["AssumeRolePolicyDocument"]}
	case "UpdateRole":
		f.roles[name].AssumeRolePolicyDocument = q["NewAssumeRolePolicyDocument"]
	case "CreatePolicy":
		f.policies[q["PolicyName"]] = &fakePolicy{q["Description"], []string{q["PolicyDocument"]}}
	case "CreatePolicyVersion":
		if len(p.versions) == 5 {
			if q["RotateStrategy"] != "DeleteOldestNonDefaultVersionWhenLimitExceeded" {
				return &acs3.Error{Status: http.StatusConflict, Code: "LimitExceeded.Policy.Version", Message: "Beyond the limits."}
			}
			p.versions = slices.Delete(p.versions, 0, 1)
		}
		if q["SetAsDefault"] == "true" {
			p.versions = append(p.versions, q["PolicyDocument"])
		}
	case "AttachPolicyToRole":
		if p == nil || f.roles[name] == nil || q["PolicyType"] != "Custom" {
			f.t.Errorf("there is no policy or role %s", q)
		}
		f.attached[name] = append(f.attached[name], attached{q["PolicyName"], "Custom"})
	default:
		f.t.Errorf("%s is not emulated", action)
	}
	return nil
}
