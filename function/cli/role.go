package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"adb-backup/function/credentials"
	"adb-backup/function/terminal"

	"github.com/urfave/cli/v3"
)

// made begins the description of every role and policy that this command makes. It changes no role or policy without it.
const made = "Made by adb-backup: "

func roleCommand() *cli.Command {
	return &cli.Command{
		Name: "role", Usage: "make the RAM role that the function works as, or bring it up to date with s.yaml",
		Flags:  append(placeFlags(), &cli.BoolFlag{Name: "yes", Usage: "do not ask before anything is changed"}),
		Action: role,
	}
}

func role(ctx context.Context, cmd *cli.Command) error {
	stdout, stderr := cmd.Root().Writer, cmd.Root().ErrWriter
	file := cmd.String("s")
	e, err := parseEndpoint(cmd.String("endpoint"))
	if err != nil {
		return err
	}
	s, err := readSettings(file)
	if err != nil {
		return err
	}
	want, err := s.wantedRole()
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	c, err := new(credentials.Source).Get(ctx)
	if err != nil {
		return err
	}
	account, err := callerAccount(ctx, c, s.Region, e)
	if err != nil {
		return ramHint(err)
	}
	if want.account != "" && want.account != account {
		return fmt.Errorf("the role of %s is in account %s, but the credentials (%s) are of account %s", file, want.account, c.From, account)
	}
	r := newRAM(c, e)
	p, err := r.plan(ctx, want)
	if err != nil {
		return ramHint(err)
	}
	say(stdout, "Account %s, role %s, policy %s\n%s", account, want.name, want.policyName, p.text())
	if len(p.changes) == 0 {
		fmt.Fprintln(stdout, "Nothing to do.")
		return nil
	}
	if err := confirm(ctx, cmd.Bool("yes"), os.Stdin, terminal.IsTerminal(os.Stdin), stderr); err != nil {
		return err
	}
	return p.carryOut(ctx, r, stdout)
}

// wanted is the role as s.yaml needs it.
type wanted struct {
	name       string
	policyName string // the role's name, as far as RAM allows it for a policy
	account    string // empty: that of the credentials
	policy     document
	why        string // why the policy covers more than the clusters; empty: it does not
	about      string // the clusters, for a person
}

// notInPolicyNames matches the characters that the name of a role may have and the name of a policy may not.
var notInPolicyNames = regexp.MustCompile(`[^A-Za-z0-9-]`)

func (s settings) wantedRole() (wanted, error) {
	name, account, err := roleName(s.Role)
	if err != nil {
		return wanted{}, fmt.Errorf("vars.role: %w", err)
	}
	clusters, err := s.scope()
	if err != nil {
		return wanted{}, err
	}
	d, why := clusters.grant([]string{createAction, describeAction}, s.destinationGrants()...)
	if len(d.compact()) > documentLimit {
		return wanted{}, errors.New("the policy would be too long: name fewer destinations or regions")
	}
	return wanted{name: name, policyName: notInPolicyNames.ReplaceAllString(name, "-"), account: account, policy: d, why: why, about: clusters.String()}, nil
}

// ramHint adds to an error what to do about it.
func ramHint(err error) error {
	switch {
	case hasCode(err, "NoPermission"), hasCode(err, "Forbidden"):
		return fmt.Errorf("%w: these credentials may not manage RAM. Somebody who may can run this, or grant what make policy prints", err)
	case hasCode(err, "LimitExceeded"):
		return fmt.Errorf("%w: the account cannot have more of these", err)
	}
	return err
}

// confirm asks whether to go on. A missing terminal is an error, because nobody could answer.
func confirm(ctx context.Context, yes bool, stdin io.Reader, isTerminal bool, stderr io.Writer) error {
	if yes {
		return nil
	}
	if !isTerminal {
		return wrong("nothing was changed: there is no terminal to ask on. With YES=1 (or -yes) it does not ask")
	}
	fmt.Fprint(stderr, "Go on? [y/N] ")
	answered := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(stdin).ReadString('\n') // an error leaves it empty: no
		answered <- answer
	}()
	select {
	case answer := <-answered:
		if answer = strings.ToLower(strings.TrimSpace(answer)); answer == "y" || answer == "yes" {
			return nil
		}
	case <-ctx.Done(): // Ctrl-C
		fmt.Fprintln(stderr)
	}
	return errors.New("nothing was changed")
}
