package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"time"

	"github.com/goccy/go-yaml"
)

// settings are what s.yaml deploys, with its variables filled in.
type settings struct {
	Region       string
	FunctionName string
	Role         string // a name or an ARN
	Access       string // the alias of Serverless Devs' credentials
	Environment  map[string]string
	VPC          map[string]string // vpcConfig
	Triggers     []trigger
	Destinations []string // the ARNs of those that are told how an asynchronous invocation ended

	Timeout  time.Duration // of one attempt
	Attempts int           // of one event
	EventAge time.Duration // how long an event lives
}

// trigger is one of the function's triggers.
type trigger struct {
	Name    string
	Type    string // timer, eventbridge …
	Enabled bool
	Cron    string // of a timer
	Payload string // of a timer
	Filter  string // of an eventbridge trigger
}

// deployment holds the fields of s.yaml that this program reads.
type deployment struct {
	Access    string
	Resources map[string]struct {
		Component string
		Props     struct {
			Region, FunctionName string
			Role                 string
			Timeout              int
			AsyncInvokeConfig    struct {
				MaxAsyncRetryAttempts     *int
				MaxAsyncEventAgeInSeconds int
				DestinationConfig         map[string]struct{ Destination string }
			}
			EnvironmentVariables map[string]any
			VpcConfig            any // a mapping, or the word auto
			Triggers             []struct {
				TriggerName, TriggerType string
				TriggerConfig            struct {
					Enable, TriggerEnable  *bool
					CronExpression         string
					Payload                string
					EventRuleFilterPattern string
				}
			}
		}
	}
}

// readSettings reads an s.yaml that deploys one function.
func readSettings(file string) (settings, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return settings{}, err
	}
	s, err := parseSettings(source)
	if err != nil {
		return settings{}, fmt.Errorf("%s: %w", file, err)
	}
	return s, nil
}

func parseSettings(source []byte) (settings, error) {
	var doc map[string]any
	if err := yaml.Unmarshal(source, &doc); err != nil {
		return settings{}, err
	}
	vars, _ := doc["vars"].(map[string]any)
	var read deployment
	text, err := json.Marshal(render(doc, vars, 0))
	if err == nil {
		err = json.Unmarshal(text, &read)
	}
	if wrong := new(json.UnmarshalTypeError); errors.As(err, &wrong) {
		return settings{}, fmt.Errorf("%s must not be a %s", wrong.Field, wrong.Value)
	} else if err != nil {
		return settings{}, err
	}
	names := slices.Sorted(maps.Keys(read.Resources))
	names = slices.DeleteFunc(names, func(name string) bool { return read.Resources[name].Component != "fc3" })
	if len(names) != 1 {
		return settings{}, fmt.Errorf("resources must hold one function (component fc3), not %d", len(names))
	}
	s := read.settings(names[0])
	if s.Region == "" || s.FunctionName == "" {
		return settings{}, errors.New("the function needs region and functionName")
	}
	return s, nil
}

// settings returns what one resource says, with the platform's defaults for what it leaves out.
func (doc deployment) settings(resource string) settings {
	p := doc.Resources[resource].Props
	vpc, _ := p.VpcConfig.(map[string]any)
	s := settings{
		Region: p.Region, FunctionName: p.FunctionName, Role: p.Role, Access: cmp.Or(doc.Access, "default"),
		Environment: scalars(p.EnvironmentVariables), VPC: scalars(vpc),
		Timeout: 3 * time.Second, Attempts: 1 + 3, EventAge: 24 * time.Hour,
	}
	if p.Timeout > 0 {
		s.Timeout = time.Duration(p.Timeout) * time.Second
	}
	async := p.AsyncInvokeConfig
	if async.MaxAsyncRetryAttempts != nil {
		s.Attempts = 1 + *async.MaxAsyncRetryAttempts
	}
	if async.MaxAsyncEventAgeInSeconds > 0 {
		s.EventAge = time.Duration(async.MaxAsyncEventAgeInSeconds) * time.Second
	}
	for _, name := range slices.Sorted(maps.Keys(async.DestinationConfig)) {
		s.Destinations = append(s.Destinations, async.DestinationConfig[name].Destination)
	}
	for _, t := range p.Triggers {
		c := t.TriggerConfig
		s.Triggers = append(s.Triggers, trigger{
			Name: t.TriggerName, Type: t.TriggerType,
			Enabled: (c.Enable == nil || *c.Enable) && (c.TriggerEnable == nil || *c.TriggerEnable),
			Cron:    c.CronExpression, Payload: c.Payload, Filter: c.EventRuleFilterPattern,
		})
	}
	return s
}

// scalar returns a value of YAML as text.
func scalar(value any) string {
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

func scalars(values map[string]any) map[string]string {
	texts := map[string]string{}
	for name, value := range values {
		texts[name] = scalar(value)
	}
	return texts
}

// What the deploy tool fills in: ${vars.name}, and ${env('NAME', 'default')}.
var (
	variable    = regexp.MustCompile(`\$\{vars\.([A-Za-z0-9_]+)\}`)
	environment = regexp.MustCompile(`\$\{env\('(\w+)'(?:,\s*'([^']*)')?\)\}`)
)

// render fills in every string of a value, as the deploy tool does after it has read YAML, so a variable may hold quotes. An
// unknown variable stays as it is, and so does whatever else the tool fills in, such as ${config('AccountID')}.
func render(value any, vars map[string]any, depth int) any {
	switch v := value.(type) {
	case map[string]any:
		rendered := make(map[string]any, len(v))
		for k, item := range v {
			rendered[k] = render(item, vars, depth)
		}
		return rendered
	case []any:
		rendered := make([]any, len(v))
		for i, item := range v {
			rendered[i] = render(item, vars, depth)
		}
		return rendered
	case string:
		return renderText(v, vars, depth)
	}
	return value
}

func renderText(text string, vars map[string]any, depth int) any {
	const deepest = 5 // a variable may name another one; one that names itself must come to an end
	if depth == deepest {
		return text
	}
	if m := variable.FindStringSubmatch(text); m != nil && m[0] == text {
		if value, ok := vars[m[1]]; ok {
			return render(value, vars, depth+1)
		}
	}
	text = environment.ReplaceAllStringFunc(text, func(reference string) string {
		m := environment.FindStringSubmatch(reference)
		return cmp.Or(os.Getenv(m[1]), m[2])
	})
	return variable.ReplaceAllStringFunc(text, func(reference string) string {
		value, ok := vars[variable.FindStringSubmatch(reference)[1]]
		if !ok {
			return reference
		}
		return scalar(render(value, vars, depth+1))
	})
}
