package main

import (
	"cmp"
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

// ram calls Resource Access Management for one role and its policy.
type ram struct{ caller }

// newRAM returns RAM for c's owner, at e or, if e is zero, in the cloud.
func newRAM(c credentials.Credentials, e adb.Endpoint) ram {
	e.Host = cmp.Or(e.Host, "ram.aliyuncs.com")
	return ram{caller{c, e}}
}

func (r ram) do(ctx context.Context, action string, query map[string]string, into any) error {
	return r.call(ctx, action, "2015-05-01", query, into)
}

// hasCode reports whether err is a service's error whose code begins with prefix.
func hasCode(err error, prefix string) bool {
	e := new(apiError)
	return errors.As(err, &e) && strings.HasPrefix(e.Code, prefix)
}

// ramRole is a role as RAM describes it.
type ramRole struct {
	RoleName, Arn, Description string
	AssumeRolePolicyDocument   string
}

// role returns a role, nil if none has that name.
func (r ram) role(ctx context.Context, name string) (*ramRole, error) {
	var reply struct{ Role ramRole }
	err := r.do(ctx, "GetRole", map[string]string{"RoleName": name}, &reply)
	if hasCode(err, "EntityNotExist.Role") {
		return nil, nil
	}
	return &reply.Role, err
}

// ramPolicy is a custom policy with the document of its default version.
type ramPolicy struct{ Description, Document string }

// policy returns a custom policy, nil if none has that name.
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

// attached is a policy that is attached to a role.
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

// roleName reads the role of s.yaml: a name, or an ARN, which names the account as well.
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

// ramDocument is a policy document as RAM returns it. A list of one item may be a plain value.
type ramDocument struct {
	Version   string
	Statement []map[string]any
}

func parseDocument(text string) (ramDocument, error) {
	var d ramDocument
	err := json.Unmarshal([]byte(text), &d)
	return d, err
}

// list returns the values of a statement's field, sorted.
func list(field any) []string {
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

// grants returns what a document allows, one line for each action and resource, sorted. Documents that grant the same give the
// same lines, however they are written. only reports whether the document holds nothing else, such as a condition or a Deny.
func (d ramDocument) grants() (lines []string, only bool) {
	only = true
	for _, s := range d.Statement {
		for field := range s {
			only = only && slices.Contains([]string{"Effect", "Action", "Resource"}, field)
		}
		only = only && s["Effect"] == "Allow"
		for _, action := range list(s["Action"]) {
			for _, resource := range list(s["Resource"]) {
				lines = append(lines, action+" on "+resource)
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines), only
}

// trustsFunctionCompute reports whether Function Compute may work as a role with this trust policy.
func (d ramDocument) trustsFunctionCompute() bool {
	return slices.ContainsFunc(d.Statement, func(s map[string]any) bool {
		principal, _ := s["Principal"].(map[string]any)
		return s["Effect"] == "Allow" && s["Condition"] == nil && slices.Contains(list(s["Action"]), "sts:AssumeRole") &&
			slices.Contains(list(principal["Service"]), "fc.aliyuncs.com")
	})
}
