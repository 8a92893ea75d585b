package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/config"
	"adb-backup/function/credentials"

	"github.com/goccy/go-yaml"
	"github.com/urfave/cli/v3"
)

// settings are what s.yaml deploys, with its variables filled in. A number that it leaves out is 0.
type settings struct {
	Region, FunctionName, Role         string
	Timeout, CPU, MemorySize, DiskSize float64
	EnvironmentVariables               mapping // texts, if they are right
	Triggers                           []trigger
	AsyncInvokeConfig                  async

	file     string
	cloud    adb.Endpoint // of this program's own calls; zero: the services' own hosts
	document mapping      // all of s.yaml
	resource mapping      // the function's part of it
	props    mapping      // and of that what is deployed

	timers  []timer
	zone    *time.Location // of the first timer; UTC: there is none
	scope   scope          // one request for each cluster and each selector that a timer names, and for each default cluster
	unclear error          // why the scope is not known
}

// mapping is a mapping of YAML.
type mapping = map[string]any

// async is what becomes of an event that the function fails at.
type async struct {
	MaxAsyncRetryAttempts, MaxAsyncEventAgeInSeconds float64
	DestinationConfig                                map[string]struct{ Destination string }
}

// destinations returns the ARNs of those that are told how an asynchronous invocation ended.
func (a async) destinations() (all []string) {
	for _, name := range slices.Sorted(maps.Keys(a.DestinationConfig)) {
		all = append(all, a.DestinationConfig[name].Destination)
	}
	return all
}

// life is how long the platform may go on with an event.
func (a async) life() time.Duration { return time.Duration(a.MaxAsyncEventAgeInSeconds) * time.Second }

// trigger is one of the function's triggers.
type trigger struct {
	Name   string  `json:"triggerName"`
	Type   string  `json:"triggerType"` // timer, eventbridge …
	Config mapping `json:"triggerConfig"`
}

// variable returns one of the function's environment variables.
func (s settings) variable(name string) string { return scalar(s.EnvironmentVariables[name]) }

// scalar returns a value of YAML as text.
func scalar(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// shown writes a value on one line.
func shown(value any) string {
	text, _ := json.Marshal(value) // it comes from YAML or JSON
	return string(text)
}

// settingsCommand is a command that works with an s.yaml. Its arguments stand behind its name, as help shows them.
func settingsCommand(name, usage string, act func(context.Context, *cli.Command, settings) error, flags ...cli.Flag) *cli.Command {
	name, args, _ := strings.Cut(name, " ")
	return &cli.Command{
		Name: name, ArgsUsage: args, Usage: usage, Flags: append([]cli.Flag{fileFlag("the file that says what is deployed")}, flags...),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, err := readSettings(c.String("s"), "")
			endpoint, unfit := parseEndpoint(c.String("endpoint"))
			if err = errors.Join(err, unfit); err != nil {
				return err
			}
			s.cloud = endpoint
			return act(ctx, c, s)
		},
	}
}

// endpointFlag says where this program itself reaches the cloud.
func endpointFlag() cli.Flag {
	return &cli.StringFlag{Name: "endpoint", Usage: "the host, host:port or URL for this program's own calls (for those of AnalyticDB ADB_ENDPOINT comes first); http only to a loopback address"}
}

// identify returns the caller's credentials and the account that they belong to. If they do not say it, it asks the region's STS.
func (s settings) identify(ctx context.Context) (who credentials.Credentials, account string, err error) {
	if who, err = new(credentials.Source).Get(ctx); err != nil || who.Account != "" {
		return who, who.Account, err
	}
	if err := backup.CheckRegion(s.Region); err != nil {
		return who, "", err
	}
	s.cloud.Host = cmp.Or(s.cloud.Host, "sts."+s.Region+".aliyuncs.com")
	var identity struct{ AccountId string }
	if err := (call{who: who, endpoint: s.cloud, action: "GetCallerIdentity", version: "2015-04-01"}).do(ctx, &identity); err != nil {
		return who, "", err
	}
	if _, err := strconv.ParseUint(identity.AccountId, 10, 64); err != nil {
		return who, "", errors.New("GetCallerIdentity: the reply has no account id")
	}
	return who, identity.AccountId, nil
}

// parseEndpoint reads the flag -endpoint, or ADB_ENDPOINT. An empty one gives a zero Endpoint, which stands for the service's own host.
func parseEndpoint(value string) (adb.Endpoint, error) {
	e, err := adb.ParseEndpoint(value)
	if value != "" && err != nil {
		return e, wrong("the endpoint %w", err)
	}
	return e, nil
}

// openADB returns AnalyticDB with the caller's own credentials. The words of BackupStatus are the built-in ones, and those that
// this program's environment sets or, if it sets none, s.yaml.
func openADB(ctx context.Context, e adb.Endpoint, s settings) (backup.Service, error) {
	c, err := new(credentials.Source).Get(ctx)
	if err != nil {
		return nil, err
	}
	words := func(name string) []string { return config.Words(cmp.Or(os.Getenv(name), s.variable(name))) }
	statuses := backup.NewStatuses(words("ADB_STATUS_COMPLETED"), words("ADB_STATUS_FAILED"))
	api := adb.New(adb.Options{Endpoint: e, Statuses: statuses, Concurrency: statusCalls})
	own := adb.Credentials{AccessKeyID: c.AccessKeyID, AccessKeySecret: c.AccessKeySecret, SecurityToken: c.SecurityToken}
	return api.With(own, cmp.Or(c.Account, "*")), nil
}

// readSettings reads an s.yaml that deploys one function. A region that is not empty stands for its own. Whatever is wrong with it is
// the caller's to correct.
func readSettings(file, region string) (settings, error) {
	nothing := settings{Region: region, zone: time.UTC}
	source, err := os.ReadFile(file)
	if err != nil {
		return nothing, wrong("%w", err)
	}
	s, err := parseSettings(source, region)
	if err != nil {
		return nothing, wrong("%s: %w", file, err)
	}
	s.file = file
	return s, nil
}

func parseSettings(source []byte, region string) (settings, error) {
	s := settings{AsyncInvokeConfig: async{MaxAsyncRetryAttempts: 3, MaxAsyncEventAgeInSeconds: 24 * 60 * 60}} // the platform's default
	if err := yaml.Unmarshal([]byte(strings.TrimPrefix(string(source), "\ufeff")), &s.document); err != nil {
		return s, err
	}
	var err error
	if s.document, err = render(s.document); err != nil {
		return s, err
	}
	resources, _ := s.document["resources"].(mapping)
	functions := 0
	for _, value := range resources {
		resource, _ := value.(mapping)
		if component, _, _ := strings.Cut(scalar(resource["component"]), "@"); component == "fc3" {
			s.resource = resource
			functions++
		}
	}
	if functions != 1 {
		return s, fmt.Errorf("resources must hold one function (component fc3), not %d", functions)
	}
	s.props, _ = s.resource["props"].(mapping)
	err = json.Unmarshal([]byte(shown(s.props)), &s)
	s.Region = cmp.Or(region, s.Region)
	mistaken := new(json.UnmarshalTypeError)
	switch {
	case errors.As(err, &mistaken):
		return s, fmt.Errorf("%s must not be a %s", mistaken.Field, mistaken.Value)
	case s.Region == "" || s.FunctionName == "":
		return s, errors.New("the function needs region and functionName")
	}
	s.readTimers(time.Now())
	return s, err
}

var (
	// reference is what the deploy tool fills in: ${vars.name}, or ${env('NAME', 'default')} with quotes of either kind or none.
	reference  = regexp.MustCompile(`\$\{\s*(?:vars\.([\w.-]+)|env\(\s*['"]?(\w+)['"]?\s*(,\s*['"]?([^'")]*?)['"]?\s*)?\))\s*\}`)
	textInJSON = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
)

// open reports whether a value holds something that only the deploy tool can fill in, such as ${config('AccountID')}.
func open(value string) bool { return strings.Contains(value, "${") }

// render fills in a document, as the deploy tool does after it has read YAML, so a variable may hold quotes.
func render(document mapping) (rendered mapping, err error) {
	text, err := json.Marshal(document)
	for range 5 { // a variable may name another one, and one that names itself must come to an end
		text = textInJSON.ReplaceAllFunc(text, func(quoted []byte) []byte {
			var plain string
			json.Unmarshal(quoted, &plain) // Marshal wrote it
			return []byte(shown(fill(plain, document["vars"])))
		})
	}
	return rendered, errors.Join(err, json.Unmarshal(text, &rendered))
}

// fill fills in a text. What is not known stays as it is. A text that is nothing but a reference becomes the value that it refers
// to, which may be of any kind.
func fill(text string, vars any) (filled any) {
	replaced := reference.ReplaceAllStringFunc(text, func(found string) string {
		m, value := reference.FindStringSubmatch(found), vars
		for name := range strings.SplitSeq(m[1], ".") {
			inside, _ := value.(mapping)
			value = inside[name]
		}
		if env, set := os.LookupEnv(m[2]); set || m[3] != "" {
			value = cmp.Or(env, m[4])
		}
		if value == nil {
			return found
		}
		if found == text {
			filled = value
		}
		return scalar(value)
	})
	return cmp.Or[any](filled, replaced)
}
