package main

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"adb-backup/function/adb"
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
