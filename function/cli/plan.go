package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// plan is what there is, and what is to be done.
type plan struct {
	lines []string // what there is and what will be done, for a person
	steps []change
}

type change struct {
	done string // said when it is done
	call func(context.Context) error
}

func (p *plan) keep(format string, a ...any) {
	p.lines = append(p.lines, "  right already  "+fmt.Sprintf(format, a...))
}

func (p *plan) add(what, done string, call func(context.Context) error) {
	p.lines = append(p.lines, "  to do          "+what)
	p.steps = append(p.steps, change{done, call})
}

func (p *plan) text() string { return strings.Join(p.lines, "\n") + "\n" }

// plan looks at what there is. An error means that nothing may be changed.
func (r ram) plan(ctx context.Context, want wanted) (*plan, error) {
	role, err := r.role(ctx, want.name)
	if err != nil {
		return nil, err
	}
	policy, err := r.policy(ctx, want.policyName)
	if err != nil {
		return nil, err
	}
	if role != nil && !strings.HasPrefix(role.Description, made) {
		return nil, fmt.Errorf("the role %s exists, and this command did not make it, so it is left alone: name another one under vars.role, or give it the policies that make policy prints", want.name)
	}
	if policy != nil && !strings.HasPrefix(policy.Description, made) {
		return nil, fmt.Errorf("the policy %s exists, and this command did not make it, so it is left alone: name another role under vars.role, or give the role the policies that make policy prints", want.policyName)
	}
	p := new(plan)
	if err := r.planRole(p, want, role); err != nil {
		return nil, err
	}
	if err := r.planPolicy(p, want, policy); err != nil {
		return nil, err
	}
	return p, r.planAttachment(ctx, p, want, role)
}

func (r ram) planRole(p *plan, want wanted, role *ramRole) error {
	if role == nil {
		p.add("create the role, which Function Compute may work as", "created the role", func(ctx context.Context) error {
			return r.do(ctx, "CreateRole", map[string]string{
				"RoleName": want.name, "AssumeRolePolicyDocument": trustPolicy().compact(),
				"Description": made + "Function Compute works as this role to back up AnalyticDB for MySQL",
			}, new(any))
		})
		return nil
	}
	trust, err := parseDocument(role.AssumeRolePolicyDocument)
	if err != nil {
		return fmt.Errorf("the trust policy of the role %s cannot be read: %w", want.name, err)
	}
	if trust.trustsFunctionCompute() {
		p.keep("the role: Function Compute may work as it")
		return nil
	}
	ours, err := parseDocument(trustPolicy().compact())
	if err != nil {
		return err
	}
	trust.Version, trust.Statement = ours.Version, append(trust.Statement, ours.Statement...)
	text, err := json.Marshal(trust)
	if err != nil {
		return err
	}
	p.add("let Function Compute work as the role; whoever else may stays", "changed the role's trust policy", func(ctx context.Context) error {
		return r.do(ctx, "UpdateRole", map[string]string{"RoleName": want.name, "NewAssumeRolePolicyDocument": string(text)}, new(any))
	})
	return nil
}

func (r ram) planPolicy(p *plan, want wanted, policy *ramPolicy) error {
	if policy == nil {
		p.add("create the policy: back up "+want.about, "created the policy", func(ctx context.Context) error {
			return r.do(ctx, "CreatePolicy", map[string]string{
				"PolicyName": want.policyName, "PolicyDocument": want.policy.compact(), "Description": made + "what the function of adb-backup may do",
			}, new(any))
		})
		p.explain(want)
		return nil
	}
	now, err := parseDocument(policy.Document)
	if err != nil {
		return fmt.Errorf("the policy %s cannot be read: %w", want.policyName, err)
	}
	then, err := parseDocument(want.policy.compact())
	if err != nil {
		return err
	}
	has, ours := now.grants()
	needs, _ := then.grants()
	if foreign := slices.DeleteFunc(slices.Clone(has), granted); !ours || len(foreign) > 0 {
		return fmt.Errorf("the policy %s holds something that this command did not write %s: move that into another policy", want.policyName, foreign)
	}
	if slices.Equal(has, needs) {
		p.keep("the policy: back up %s", want.about)
		return nil
	}
	p.add("renew the policy: back up "+want.about, "renewed the policy", func(ctx context.Context) error {
		return r.do(ctx, "CreatePolicyVersion", map[string]string{
			"PolicyName": want.policyName, "PolicyDocument": want.policy.compact(), "SetAsDefault": "true",
			"RotateStrategy": "DeleteOldestNonDefaultVersionWhenLimitExceeded",
		}, new(any))
	})
	p.compare("+", needs, has)
	if p.compare("-", has, needs) {
		p.lines = append(p.lines, "                 Does another function work as this role? Then give one of them a role of its own.")
	}
	p.explain(want)
	return nil
}

// granted reports whether a line of grants is of the kind that this command writes.
func granted(line string) bool {
	action, _, _ := strings.Cut(line, " on ")
	return slices.Contains([]string{
		createAction, describeAction, listAction, "mns:PublishMessage", "mns:SendMessage", "fc:InvokeFunction", "eventbridge:PutEvents",
	}, action)
}

// compare lists what one document grants and the other does not, and reports whether there is any.
func (p *plan) compare(sign string, these, those []string) bool {
	const most = 10
	var lines []string
	for _, line := range these {
		if !slices.Contains(those, line) {
			lines = append(lines, "                 "+sign+" "+line)
		}
	}
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("                 %s and %d more", sign, len(lines)-most))
	}
	p.lines = append(p.lines, lines...)
	return len(lines) > 0
}

func (p *plan) explain(want wanted) {
	if want.why != "" {
		p.lines = append(p.lines, "                 "+want.why)
	}
}

func (r ram) planAttachment(ctx context.Context, p *plan, want wanted, role *ramRole) error {
	var have []attached
	if role != nil {
		var err error
		if have, err = r.attachedTo(ctx, want.name); err != nil {
			return err
		}
	}
	ours := attached{want.policyName, "Custom"}
	if slices.Contains(have, ours) {
		p.keep("the role has the policy")
	} else {
		p.add("give the role the policy", "gave the role the policy", func(ctx context.Context) error {
			err := r.do(ctx, "AttachPolicyToRole", map[string]string{"RoleName": want.name, "PolicyName": want.policyName, "PolicyType": "Custom"}, new(any))
			if hasCode(err, "EntityAlreadyExists") {
				return nil // somebody else did it meanwhile
			}
			return err
		})
	}
	for _, other := range have {
		if other != ours {
			p.lines = append(p.lines, fmt.Sprintf("  left alone     %s (%s), which the role has as well", other.PolicyName, other.PolicyType))
		}
	}
	return nil
}

// carryOut does what is to be done, in order, and stops at the first failure.
func (p *plan) carryOut(ctx context.Context, stdout io.Writer) error {
	for _, s := range p.steps {
		if err := s.call(ctx); err != nil {
			if hasCode(err, "EntityAlreadyExists") {
				return fmt.Errorf("somebody else made it a moment ago; nothing of theirs was changed: run it again to see what there is now: %w", err)
			}
			return fmt.Errorf("%w; correct that and run it again: it goes on where it stopped", ramHint(err))
		}
		fmt.Fprintln(stdout, s.done)
	}
	return nil
}
