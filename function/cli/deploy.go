package main

import (
	"archive/zip"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"adb-backup/function/credentials"

	"github.com/urfave/cli/v3"
)

func deployCommand() *cli.Command {
	return settingsCommand("deploy", "check s.yaml, then let Serverless Devs deploy the function and its triggers", deploy, endpointFlag(), yesFlag())
}

func deploy(ctx context.Context, c *cli.Command, s settings) error {
	stderr, found := c.Root().ErrWriter, s.inspect(time.Now())
	found.print(stderr)
	if found.has(stateWrong) {
		return wrong("nothing was deployed, because %s is wrong, as said above", s.file)
	}
	who, run, err := serverlessDevs(ctx, c, s)
	if err != nil {
		return err
	}
	found = &checkup{about: "the account"}
	if s.compareRole(ctx, found, who) {
		return no("nothing was deployed: the role %s does not exist: make role first", s.Role)
	}
	found.print(stderr)
	online, err := s.online(ctx, who)
	if err != nil {
		return err
	}
	if lost := s.takenAway(online); len(lost) > 0 {
		fmt.Fprintf(stderr, "%s: online, and not in this shell, so nobody would be told of a failure any more. Set it here to keep it.\n", strings.Join(lost, ", "))
		if err := goOn(ctx, c, "Take the alarm away?"); err != nil {
			return err
		}
	}
	// s verify finds faults that s deploy passes over.
	if err := run("verify"); err != nil {
		return fmt.Errorf("%w. If it could not reach something: s fetches its component fc3 from the internet", err)
	}
	// The deploy tool passes over the triggers after the first one of EventBridge if that one is unchanged, and then fails on
	// new ones. So, where the function exists, those are deployed by name, before the rest.
	if first := slices.IndexFunc(s.Triggers, func(t trigger) bool { return t.Type == "eventbridge" }); online.props != nil && first >= 0 {
		for _, late := range s.Triggers[first+1:] {
			if err := run("deploy", "--trigger", late.Name, "-y"); err != nil {
				return err
			}
		}
	}
	return run("deploy", "-y")
}

// online returns the function as Function Compute has it, in the form of s.yaml's. It has no props if it is not deployed.
func (s settings) online(ctx context.Context, who credentials.Credentials) (online settings, err error) {
	at := deployed{Region: s.Region, Name: s.FunctionName, Endpoint: s.cloud}
	var function, async mapping
	var listed struct {
		Triggers []struct{ TriggerName, TriggerType, TriggerConfig string }
	}
	err = cmp.Or(at.get(ctx, who, "GetFunction", "", &function), at.get(ctx, who, "GetAsyncInvokeConfig", "/async-invoke-config", &async),
		at.get(ctx, who, "ListTriggers", "/triggers", &listed))
	if err != nil || function == nil {
		return online, err
	}
	var triggers []trigger
	for _, t := range listed.Triggers {
		var config mapping
		json.Unmarshal([]byte(t.TriggerConfig), &config) // what cannot be read differs
		triggers = append(triggers, trigger{t.TriggerName, t.TriggerType, config})
	}
	function["asyncInvokeConfig"], function["triggers"] = async, triggers
	online.props = function
	return online, json.Unmarshal([]byte(shown(function)), &online)
}

// takenAway returns the variables of the alarm that are online and that a deployment from this shell would empty.
func (s settings) takenAway(online settings) []string {
	return slices.DeleteFunc([]string{"ADB_ALARM_WEBHOOK", "ADB_ALARM_SECRET"}, func(name string) bool {
		return online.variable(name) == "" || s.variable(name) != ""
	})
}

// compareFunction compares the function's code, settings and triggers with s.yaml.
func (s settings) compareFunction(c *checkup, online settings, account string) {
	code := scalar(s.props["code"])
	content, err := os.ReadFile(filepath.Join(filepath.Dir(s.file), code))
	switch {
	case err != nil || !strings.HasSuffix(code, ".zip"):
		c.say(stateNote, "%s is not here, so the code that is online was not compared: make package makes it", code)
	case scalar(online.props["codeChecksum"]) == fmt.Sprint(crc64.Checksum(content, crc64.MakeTable(crc64.ECMA))):
		c.say(stateRight, "the code that is online is that of %s", code)
	default:
		c.say(stateMissing, "the code that is online is another than that of %s: make deploy", code)
	}
	lost, variables, want := s.takenAway(online), mapping{}, s.compared(account)
	for name := range online.EnvironmentVariables { // one that s.yaml does not have must not be there
		variables[name] = ""
	}
	maps.Copy(variables, s.EnvironmentVariables)
	for _, name := range lost { // this shell does not know the alarm's
		delete(variables, name)
		c.say(stateNote, "%s is set online and not in this shell: a deployment from here would take it away", name)
	}
	want["environmentVariables"] = variables
	faults := differ("", want, online.compared(account))
	for _, fault := range faults {
		c.say(stateMissing, "online, %s: make deploy", fault)
	}
	if faults == nil {
		c.say(stateRight, "the function %s in %s has the settings and the triggers of s.yaml", s.FunctionName, s.Region)
	}
	for _, t := range online.Triggers {
		if want["trigger "+t.Name] == nil {
			c.say(stateNote, "the trigger %s is online, and s.yaml does not name it: it goes on firing", t.Name)
		}
	}
}

// compared returns the settings and the triggers that are compared, of s.yaml or of what is online.
func (s settings) compared(account string) mapping {
	role, _ := roleName(s.Role)
	all := mapping{"role": strings.ToLower(role)} // as RAM writes it
	for key := range strings.FieldsSeq("runtime handler timeout cpu memorySize diskSize internetAccess environmentVariables asyncInvokeConfig") {
		all[key] = s.props[key]
	}
	for key, id := range map[string]string{"vpcConfig": "vpcId", "logConfig": "project"} { // a deployment clears what s.yaml leaves out
		all[key] = cmp.Or[any](s.props[key], mapping{id: ""})
	}
	for _, t := range s.Triggers {
		all["trigger "+t.Name] = mapping{"type": t.Type, "config": t.Config}
	}
	json.Unmarshal([]byte(strings.ReplaceAll(shown(all), "${config('AccountID')}", account)), &all)
	return all
}

// differ names what s.yaml wants and what is online does not have. What is online may hold more.
func differ(place string, want, have any) (faults []string) {
	inside, several := want.(mapping)
	online, _ := have.(mapping)
	switch {
	case several && online == nil && len(inside) > 0:
		return []string{place + " is missing"}
	case several:
		for _, key := range slices.Sorted(maps.Keys(inside)) {
			faults = append(faults, differ(strings.TrimSpace(place+" "+key), inside[key], online[key])...)
		}
		return faults
	case want == nil, want == "auto", open(scalar(want)), have == nil && reflect.ValueOf(want).IsZero(), unpacked(want) == unpacked(have):
		return nil
	case strings.HasPrefix(place, "environmentVariables "): // some are secrets
		return []string{place + " has another value"}
	}
	return []string{fmt.Sprintf("%s is %s, not %s", place, shown(have), shown(want))}
}

// unpacked shows a value, and of a text that holds JSON, as a filter does, what it holds, so that spaces in it make no difference.
func unpacked(value any) string {
	var inside any
	if text, ok := value.(string); ok && json.Unmarshal([]byte(text), &inside) == nil {
		value = inside
	}
	return shown(value)
}

func logsCommand() *cli.Command {
	return settingsCommand("logs", "show the deployed function's log of the last hour", logs, endpointFlag(),
		&cli.BoolFlag{Name: "tail", Usage: "go on with what is logged from now on"})
}

func logs(ctx context.Context, c *cli.Command, s settings) error {
	_, run, err := serverlessDevs(ctx, c, s)
	switch {
	case err != nil:
		return err
	case c.Bool("tail"):
		return run("logs", "--tail") // written out: the component takes -t for something else
	}
	return run("logs")
}

func removeCommand() *cli.Command {
	return settingsCommand("remove", "take the function and its triggers out of the cloud; backups stay", remove, endpointFlag(), yesFlag())
}

func remove(ctx context.Context, c *cli.Command, s settings) error {
	fmt.Fprintf(c.Root().ErrWriter, "The function %s in %s goes, with its triggers: nothing backs up any more. Backups, role and log stay.\n", s.FunctionName, s.Region)
	if err := goOn(ctx, c, "Remove it?"); err != nil { // before anything is called
		return err
	}
	_, run, err := serverlessDevs(ctx, c, s)
	if err != nil {
		return err
	}
	return run("remove", "-y")
}

// handedOver is the alias under which s finds credentials that this program hands to it, and the name of the variable that
// holds them. Unlike s's own three variables, such an alias can carry a security token.
const handedOver = "adb_backup_serverless_devs_key"

// serverlessDevs returns the caller's credentials and what runs Serverless Devs' command s with them. They are handed over in
// its environment and nowhere else. It says whose they are.
func serverlessDevs(ctx context.Context, c *cli.Command, s settings) (who credentials.Credentials, run func(args ...string) error, err error) {
	who, account, err := s.identify(ctx)
	if err = cmp.Or(missingTools(), err); err != nil {
		return who, nil, err
	}
	fmt.Fprintf(c.Root().ErrWriter, "credentials: %s, account %s\n", who.From, account)
	// s would rather take its own three variables, even if they are empty, and in a pipeline the alias that a variable names.
	for _, misleading := range append([]string{"serverless_devs_access_cicd_alias_name"}, credentials.ServerlessDevs...) {
		os.Unsetenv(misleading)
	}
	os.Setenv(handedOver, shown(map[string]string{
		"AccountID": account, "AccessKeyID": who.AccessKeyID, "AccessKeySecret": who.AccessKeySecret, "SecurityToken": who.SecurityToken,
	}))
	return who, func(args ...string) error {
		fmt.Fprintln(c.Root().ErrWriter, "s", strings.Join(args, " "))
		cmd := exec.CommandContext(ctx, "s", append(args, "--template", s.file, "--access", handedOver)...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, c.Root().Writer, c.Root().ErrWriter
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 10 * time.Second
		if err := cmd.Run(); err != nil { // not wrapped: the exit code of s is not this program's
			return fmt.Errorf("s %s failed (%v); what it says is above", args[0], err)
		}
		return nil
	}, nil
}

func packageCommand() *cli.Command {
	return &cli.Command{
		Name: "package", Usage: "pack dist/main as a zip with the same bytes on any machine",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "binary", Value: "dist/main", Usage: "the file to pack"},
			&cli.StringFlag{Name: "o", Value: "dist/function.zip", Usage: "the file to write"},
		},
		Action: writePackage,
	}
}

// writePackage writes a zip that holds only the binary. Its bytes depend only on the binary's: the entry has no owner, and
// always the same time and mode. The mode has the execute bit, without which Function Compute runs nothing.
func writePackage(_ context.Context, c *cli.Command) error {
	out, binary := c.String("o"), c.String("binary")
	content, err := os.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("%w: run `make build` first", err)
	}
	header := &zip.FileHeader{Name: filepath.Base(binary), Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o755)
	var packed bytes.Buffer // nothing fails that is written to memory
	z := zip.NewWriter(&packed)
	entry, _ := z.CreateHeader(header)
	entry.Write(content)
	z.Close()
	if err := os.WriteFile(out, packed.Bytes(), 0o644); err != nil {
		return err
	}
	fmt.Fprintf(c.Root().ErrWriter, "%s holds %s\n", out, binary)
	return nil
}
