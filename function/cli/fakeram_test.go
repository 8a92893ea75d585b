package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/acs3"
)

const testAccount = "1234567890123456"

// fakeRAM emulates RAM's operations for one role and its policy, and STS's GetCallerIdentity. Whatever else is called is
// refused as the gateway refuses it.
type fakeRAM struct {
	t          *testing.T
	signatures acs3.Verifier

	mu       sync.Mutex
	roles    map[string]*ramRole
	policies map[string]*fakePolicy // custom ones
	attached map[string][]attached  // by role
	changes  []string               // calls that changed something, in order
	deployed bool                   // the function exists
	// before is called before each call; what it returns is the answer in its place.
	before func(f *fakeRAM, action string) *acs3.Error
}

// fakePolicy is a custom policy with all its versions; the last is the one that counts.
type fakePolicy struct {
	description string
	versions    []string
}

// newFakeRAM starts the service and makes the caller's credentials those that it knows. It returns the service's URL.
func newFakeRAM(t *testing.T) (*fakeRAM, string) {
	t.Helper()
	f := &fakeRAM{t: t, roles: map[string]*ramRole{}, policies: map[string]*fakePolicy{}, attached: map[string][]attached{}}
	server := httptest.NewServer(f)
	t.Cleanup(server.Close)
	t.Cleanup(func() { network.(*http.Transport).CloseIdleConnections() })
	useCredentials(t)
	return f, server.URL
}

func (f *fakeRAM) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	known := map[string]acs3.Credential{testKeyID: {Secret: testSecret, Token: testToken}}
	if err := f.signatures.Verify(r, nil, known, time.Now()); err != nil {
		f.t.Errorf("not authentic: %v", err)
		refuse(w, err.Status, err.Code, err.Message)
		return
	}
	action, version := r.Header.Get("X-Acs-Action"), r.Header.Get("X-Acs-Version")
	if action == "GetFunction" && version == "2023-03-30" && r.Method == http.MethodGet {
		f.getFunction(w, r)
		return
	}
	perform, ok := ramActions[action]
	if !ok || version != perform.version || r.Method != http.MethodPost {
		f.t.Errorf("%s %s %s is not emulated", r.Method, action, version)
		refuse(w, http.StatusNotFound, "InvalidAction.NotFound", "Specified api is not found.")
		return
	}
	query := map[string]string{}
	for name := range r.URL.Query() {
		query[name] = r.URL.Query().Get(name)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.before != nil {
		if err := f.before(f, action); err != nil {
			refuse(w, err.Status, err.Code, err.Message)
			return
		}
	}
	answer, err := perform.perform(f, query)
	if err != nil {
		refuse(w, err.Status, err.Code, err.Message)
		return
	}
	if perform.changes {
		f.changes = append(f.changes, action)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

type object = map[string]any

func exists(what, name string) *acs3.Error {
	return &acs3.Error{Status: http.StatusConflict, Code: "EntityAlreadyExists." + what, Message: fmt.Sprintf("The %s %s already exists.", what, name)}
}

func missing(what, name string) *acs3.Error {
	return &acs3.Error{Status: http.StatusNotFound, Code: "EntityNotExist." + what, Message: fmt.Sprintf("The %s does not exist: %s", what, name)}
}

var ramActions = map[string]struct {
	version string
	changes bool
	perform func(f *fakeRAM, query map[string]string) (any, *acs3.Error)
}{
	"GetCallerIdentity": {"2015-04-01", false, func(*fakeRAM, map[string]string) (any, *acs3.Error) {
		return object{"AccountId": testAccount, "IdentityType": "RAMUser"}, nil
	}},
	"GetRole": {"2015-05-01", false, func(f *fakeRAM, q map[string]string) (any, *acs3.Error) {
		if role := f.roles[q["RoleName"]]; role != nil {
			return object{"Role": role}, nil
		}
		return nil, missing("Role", q["RoleName"])
	}},
	"CreateRole": {"2015-05-01", true, func(f *fakeRAM, q map[string]string) (any, *acs3.Error) {
		if f.roles[q["RoleName"]] != nil {
			return nil, exists("Role", q["RoleName"])
		}
		f.roles[q["RoleName"]] = &ramRole{
			RoleName: q["RoleName"], Arn: "acs:ram::" + testAccount + ":role/" + q["RoleName"],
			Description: q["Description"], AssumeRolePolicyDocument: q["AssumeRolePolicyDocument"],
		}
		return object{"Role": f.roles[q["RoleName"]]}, nil
	}},
	"UpdateRole": {"2015-05-01", true, func(f *fakeRAM, q map[string]string) (any, *acs3.Error) {
		role := f.roles[q["RoleName"]]
		if role == nil {
			return nil, missing("Role", q["RoleName"])
		}
		role.AssumeRolePolicyDocument = q["NewAssumeRolePolicyDocument"]
		return object{"Role": role}, nil
	}},
	"GetPolicy": {"2015-05-01", false, func(f *fakeRAM, q map[string]string) (any, *acs3.Error) {
		p := f.policies[q["PolicyName"]]
		if p == nil || q["PolicyType"] != "Custom" {
			return nil, missing("Policy", q["PolicyName"])
		}
		return object{
			"Policy":               object{"PolicyName": q["PolicyName"], "PolicyType": "Custom", "Description": p.description},
			"DefaultPolicyVersion": object{"IsDefaultVersion": true, "PolicyDocument": p.versions[len(p.versions)-1]},
		}, nil
	}},
	"CreatePolicy": {"2015-05-01", true, func(f *fakeRAM, q map[string]string) (any, *acs3.Error) {
		if f.policies[q["PolicyName"]] != nil {
			return nil, exists("Policy", q["PolicyName"])
		}
		if err := checkDocument(q["PolicyDocument"]); err != nil {
			return nil, err
		}
		f.policies[q["PolicyName"]] = &fakePolicy{q["Description"], []string{q["PolicyDocument"]}}
		return object{}, nil
	}},
	"CreatePolicyVersion": {"2015-05-01", true, func(f *fakeRAM, q map[string]string) (any, *acs3.Error) {
		const most = 5
		p := f.policies[q["PolicyName"]]
		if p == nil {
			return nil, missing("Policy", q["PolicyName"])
		}
		if err := checkDocument(q["PolicyDocument"]); err != nil {
			return nil, err
		}
		if q["SetAsDefault"] != "true" {
			f.t.Error("a version that does not count")
		}
		if len(p.versions) == most {
			if q["RotateStrategy"] != "DeleteOldestNonDefaultVersionWhenLimitExceeded" {
				return nil, &acs3.Error{Status: http.StatusConflict, Code: "LimitExceeded.Policy.Version", Message: "The count of policy version beyond the current limits."}
			}
			p.versions = slices.Delete(p.versions, 0, 1)
		}
		p.versions = append(p.versions, q["PolicyDocument"])
		return object{}, nil
	}},
	"ListPoliciesForRole": {"2015-05-01", false, func(f *fakeRAM, q map[string]string) (any, *acs3.Error) {
		return object{"Policies": object{"Policy": f.attached[q["RoleName"]]}}, nil
	}},
	"AttachPolicyToRole": {"2015-05-01", true, func(f *fakeRAM, q map[string]string) (any, *acs3.Error) {
		a := attached{q["PolicyName"], q["PolicyType"]}
		if f.roles[q["RoleName"]] == nil {
			return nil, missing("Role", q["RoleName"])
		}
		if f.policies[a.PolicyName] == nil || a.PolicyType != "Custom" {
			return nil, missing("Policy", a.PolicyName)
		}
		if slices.Contains(f.attached[q["RoleName"]], a) {
			return nil, exists("Role.Policy", a.PolicyName)
		}
		f.attached[q["RoleName"]] = append(f.attached[q["RoleName"]], a)
		return object{}, nil
	}},
}

func checkDocument(text string) *acs3.Error {
	if len(text) > documentLimit || !json.Valid([]byte(text)) {
		return &acs3.Error{Status: http.StatusBadRequest, Code: "InvalidParameter.PolicyDocument.Length", Message: "The length of policy document beyond the current limits."}
	}
	return nil
}
