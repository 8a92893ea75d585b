package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"
)

// ram calls Resource Access Management, API 2015-05-01, as far as one role and its policy need it.
type ram struct{ caller }

const (
	ramVersion = "2015-05-01"
	ramHost    = "ram.aliyuncs.com"
)

// newRAM returns RAM as c's owner reaches it, at e or, where e is zero, in the cloud.
func newRAM(c credentials.Credentials, e adb.Endpoint) ram {
	if e.Host == "" {
		e.Host = ramHost
	}
	return ram{caller{c, e}}
}

func (r ram) do(ctx context.Context, action string, query map[string]string, into any) error {
	return r.call(ctx, action, ramVersion, query, into)
}

// hasCode reports whether an error is a service's whose code begins with prefix.
func hasCode(err error, prefix string) bool {
	e := new(apiError)
	return errors.As(err, &e) && strings.HasPrefix(e.Code, prefix)
}

// ramRole is a role as RAM describes it.
type ramRole struct {
	RoleName, Arn, Description string
	AssumeRolePolicyDocument   string
}

// role returns a role, nil if there is none of that name.
func (r ram) role(ctx context.Context, name string) (*ramRole, error) {
	var reply struct{ Role ramRole }
	err := r.do(ctx, "GetRole", map[string]string{"RoleName": name}, &reply)
	if hasCode(err, "EntityNotExist.Role") {
		return nil, nil
	}
	return &reply.Role, err
}

// ramPolicy is a custom policy with its document that counts.
type ramPolicy struct{ Description, Document string }

// policy returns a custom policy, nil if there is none of that name.
func (r ram) policy(ctx context.Context, name string) (*ramPolicy, error) {
	var reply struct {
		Policy               struct{ Description string }
		DefaultPolicyVersion struct{ PolicyDocument string }
	}
	err := r.do(ctx, "GetPolicy", map[string]string{"PolicyType": "Custom", "PolicyName": name}, &reply)
	if hasCode(err, "EntityNotExist.Policy") {
		return nil, nil
	}
	return &ramPolicy{reply.Policy.Description, reply.DefaultPolicyVersion.PolicyDocument}, err
}

// attached is a policy that a role has.
type attached struct{ PolicyName, PolicyType string }

func (r ram) attachedTo(ctx context.Context, role string) ([]attached, error) {
	var reply struct {
		Policies struct{ Policy []attached }
	}
	err := r.do(ctx, "ListPoliciesForRole", map[string]string{"RoleName": role}, &reply)
	return reply.Policies.Policy, err
}

var (
	roleForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	roleARN  = regexp.MustCompile(`^acs:ram::(?:(\d+)|\$\{config\('AccountID'\)\}):role/([^/]+)$`)
)

// roleName reads what s.yaml names as role: a name, or an ARN, which names the account as well.
func roleName(role string) (name, account string, err error) {
	name = role
	if m := roleARN.FindStringSubmatch(role); m != nil {
		account, name = m[1], m[2]
	}
	switch {
	case role == "":
		return "", "", errors.New("there is no role, so the function would have no credentials: name one, and let make role create it")
	case role == "auto":
		return "", "", errors.New("auto does not work in the deploy tool: name a role, and let make role create it")
	case !roleForm.MatchString(name):
		return "", "", fmt.Errorf("%s is neither the name of a role nor an ARN such as acs:ram::1234567890123456:role/adb-backup", backup.Quote(role))
	}
	return name, account, nil
}

// ramDocument is a policy document as RAM may write it: a list of one may be a plain value.
type ramDocument struct {
	Version   string
	Statement []ramStatement
}

type ramStatement map[string]any

func parseDocument(text string) (ramDocument, error) {
	var d ramDocument
	err := json.Unmarshal([]byte(text), &d)
	return d, err
}

// list returns a field's values, sorted.
func (s ramStatement) list(field string) []string { return values(s[field]) }

func values(field any) []string {
	var all []string
	switch v := field.(type) {
	case string:
		all = []string{v}
	case []any:
		for _, item := range v {
			all = append(all, fmt.Sprint(item))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// grants are what a document allows, one line for each action and resource, sorted. Two documents that grant the same are
// equal, however they are written. ok reports whether there is nothing else in it, such as a condition or a Deny.
func (d ramDocument) grants() (lines []string, ok bool) {
	ok = true
	for _, s := range d.Statement {
		for field := range s {
			ok = ok && slices.Contains([]string{"Effect", "Action", "Resource"}, field)
		}
		ok = ok && s["Effect"] == "Allow"
		for _, action := range s.list("Action") {
			for _, resource := range s.list("Resource") {
				lines = append(lines, action+" on "+resource)
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines), ok
}

// trustsFunctionCompute reports whether Function Compute may work as a role with this trust policy.
func (d ramDocument) trustsFunctionCompute() bool {
	return slices.ContainsFunc(d.Statement, func(s ramStatement) bool {
		principal, _ := s["Principal"].(map[string]any)
		return s["Effect"] == "Allow" && s["Condition"] == nil && slices.Contains(s.list("Action"), "sts:AssumeRole") &&
			slices.Contains(values(principal["Service"]), "fc.aliyuncs.com")
	})
}
