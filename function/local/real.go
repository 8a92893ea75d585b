package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/local/fakefc"
	"adb-backup/function/terminal"
)

// useReal takes the person's credentials and region, as every tool of Alibaba Cloud does. Ctrl-C ends the run before the timeout,
// and the backup goes on.
func (r *run) useReal(ctx context.Context) error {
	env := environment(r.std.environ)
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
	r.invocation = fakefc.Invocation{
		Region: region, Timeout: 4 * time.Hour,
		AccountID:   cmp.Or(found.Account, "*"), // a * stands for it where the function names the resource to grant
		AccessKeyID: found.AccessKeyID, AccessKeySecret: found.AccessKeySecret, SecurityToken: found.SecurityToken,
	}
	r.env = realEnv(r.std.environ)
	r.decode()
	return nil
}

// realEnv is the person's settings for the function, and the variables that it needs to reach the service from this machine. The
// calls cannot be shown here, so the log shows each one that fails, unless the person has chosen otherwise.
func realEnv(environ []string) []string {
	env := append([]string{"LOG_LEVEL=debug"}, ownSettings(environ)...)
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
func (r *run) confirm() error {
	if r.in.err != nil || !r.in.any(isEnsure) {
		return nil
	}
	r.screen.field("Cost", "a backup that is made is kept, and paid for, as long as the cluster's backup policy says; for about ten minutes no DDL is allowed")
	if r.yes {
		return nil
	}
	switch ok, err := terminal.Confirm(r.std.in, r.std.out, "Go ahead?"); {
	case errors.Is(err, terminal.ErrNoTerminal):
		return fmt.Errorf("nothing was called: this makes backups, and %w. With YES=1 (or -yes) it does not ask", err)
	case err != nil:
		return err
	case !ok:
		return errors.New("nothing was called")
	}
	return nil
}

// leftBehind says what Ctrl-C leaves in the cloud.
func (r *run) leftBehind() string {
	if r.requested.Load() {
		return "Interrupted. The function's process was ended, but the backup that was requested goes on in the cloud, is kept and costs money. adb-backup status shows its state."
	}
	return "Interrupted. The function's process was ended. Its log does not say that a backup was requested; if CreateBackup was on its way, one may go on in the cloud: adb-backup status shows it."
}
