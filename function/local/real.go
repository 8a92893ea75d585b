package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/local/fakefc"
)

// realTimeout is how long the function may wait for a real backup. Ctrl-C ends the run sooner, and the backup goes on.
const realTimeout = 4 * time.Hour

// useReal takes the person's credentials and region, as every tool of Alibaba Cloud does.
func (s *stage) useReal(ctx context.Context) error {
	env := environment(s.std.environ)
	region := credentials.Region(func(name string) string { return env[name] })
	if region == "" {
		return errors.New("in which region? Set it, as in ALIBABA_CLOUD_REGION_ID=cn-hangzhou make run …, or in Alibaba Cloud CLI's configuration")
	}
	if err := backup.CheckRegion(region); err != nil {
		return fmt.Errorf("the region of your configuration: %w", err)
	}
	found, err := new(credentials.Source).Get(ctx)
	if err != nil {
		return err
	}
	s.invocation = fakefc.Invocation{
		Payload: s.incoming.payload,
		Region:  region,
		// Without an account id, a * stands for it where the function names the resource to grant.
		AccountID:   cmp.Or(found.Account, "*"),
		Timeout:     realTimeout,
		AccessKeyID: found.AccessKeyID, AccessKeySecret: found.AccessKeySecret, SecurityToken: found.SecurityToken,
	}
	s.env = realEnv(s.std.environ)
	s.incoming.decode(s.invocation, s.env)
	return nil
}

// realEnv is the person's settings for the function, and the variables that it needs to reach the service from this machine. The
// calls cannot be shown here, so the log shows each one that fails, unless the person has chosen otherwise.
func realEnv(environ []string) []string {
	env := append([]string{"LOG_LEVEL=debug"}, settingsIn(environ)...)
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		switch strings.ToUpper(name) {
		case "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR":
			env = append(env, e)
		}
	}
	return env
}

// confirm asks before a backup, which costs money. A Verify costs nothing, and a wrong event makes no backup.
func (s *stage) confirm() error {
	requests := s.incoming.event.Requests
	if s.incoming.err != nil || !slices.ContainsFunc(requests, func(r backup.Request) bool { return r.Action == backup.ActionEnsure }) {
		return nil
	}
	s.screen.field("Cost", "a backup that is made is kept, and paid for, as long as the cluster's backup policy says; for about ten minutes no DDL is allowed")
	if s.yes {
		return nil
	}
	file, _ := s.std.in.(*os.File)
	if file == nil || !term.IsTerminal(int(file.Fd())) {
		return errors.New("nothing was called: this makes backups, and there is no terminal to ask on. With YES=1 (or -yes) it does not ask")
	}
	return s.ask()
}

func (s *stage) ask() error {
	fmt.Fprint(s.std.out, "Go ahead? [y/N] ")
	reply, _ := bufio.NewReader(s.std.in).ReadString('\n')
	if reply = strings.ToLower(strings.TrimSpace(reply)); reply != "y" && reply != "yes" {
		return errors.New("nothing was called")
	}
	return nil
}
