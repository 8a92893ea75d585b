package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// settings are what s.yaml deploys, with its variables filled in and the platform's defaults for what it leaves out.
type settings struct {
	Region, FunctionName string
	Role                 string // a name or an ARN
	Code                 any    // a file, or where it is stored
	Timeout              int    // seconds
	InternetAccess       *bool
	VpcConfig            any     // a mapping, or the word auto
	EnvironmentVariables mapping // texts, if they are right
	Triggers             []trigger
	AsyncInvokeConfig    async

	access   string  // the alias of Serverless Devs' credentials
	document mapping // all of s.yaml
	resource mapping // the function's part of it
	props    mapping // and of that what is deployed

	literalSecret bool     // the alarm's URL or secret stands in the file
	unset         []string // variables of the shell that it needs and does not have
}

// mapping is a mapping of YAML.
type mapping = map[string]any

// async is what becomes of an event that the function fails at.
type async struct {
	MaxAsyncRetryAttempts     int
	MaxAsyncEventAgeInSeconds int
	DestinationConfig         map[string]struct{ Destination string }
}

// destinations returns the ARNs of those that are told how an asynchronous invocation ended.
func (a async) destinations() (all []string) {
	for _, name := range slices.Sorted(maps.Keys(a.DestinationConfig)) {
		all = append(all, a.DestinationConfig[name].Destination)
	}
	return all
}

// trigger is one of the function's triggers.
type trigger struct {
	Name   string  `json:"triggerName"`
	Type   string  `json:"triggerType"` // timer, eventbridge …
	Config mapping `json:"triggerConfig"`
}

func (t trigger) enabled() bool {
	return t.Config["enable"] != false && t.Config["triggerEnable"] != false
}

// get returns one of the trigger's settings as text.
func (t trigger) get(key string) string { return scalar(t.Config[key]) }

// life is how long the platform may go on with an event.
func (s settings) life() time.Duration {
	return time.Duration(s.AsyncInvokeConfig.MaxAsyncEventAgeInSeconds) * time.Second
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

// readSettings reads an s.yaml that deploys one function. Whatever is wrong with it is the caller's to correct.
func readSettings(file string) (settings, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return settings{}, wrong("%w", err)
	}
	s, err := parseSettings(source)
	if err != nil {
		return settings{}, wrong("%s: %w", file, err)
	}
	return s, nil
}

func parseSettings(source []byte) (settings, error) {
	s := settings{Timeout: 3, AsyncInvokeConfig: async{MaxAsyncRetryAttempts: 3, MaxAsyncEventAgeInSeconds: 24 * 60 * 60}}
	if err := yaml.Unmarshal(bytes.TrimPrefix(source, []byte("\ufeff")), &s.document); err != nil {
		return s, err
	}
	s.literalSecret = literalSecret.Match(source)
	vars, _ := s.document["vars"].(mapping)
	s.document, _ = s.render(s.document, vars, 0).(mapping)
	s.access = cmp.Or(scalar(s.document["access"]), "default")
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
	text, err := json.Marshal(s.props)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	if mistaken := new(json.UnmarshalTypeError); errors.As(err, &mistaken) {
		return s, fmt.Errorf("%s must not be a %s", mistaken.Field, mistaken.Value)
	}
	if err == nil && (s.Region == "" || s.FunctionName == "") {
		err = errors.New("the function needs region and functionName")
	}
	return s, err
}

var literalSecret = regexp.MustCompile(`(?m)^\s*ADB_ALARM_(?:WEBHOOK|SECRET):\s*['"]?[^\s'"$#]`)

// What the deploy tool fills in: ${vars.name}, and ${env('NAME', 'default')} with quotes of either kind or none.
var (
	varReference = regexp.MustCompile(`\$\{\s*vars\.([\w.-]+)\s*\}`)
	envReference = regexp.MustCompile(`\$\{\s*env\(\s*['"]?(\w+)['"]?\s*(,\s*['"]?([^'")]*?)['"]?\s*)?\)\s*\}`)
)

// render fills in every string of a value, as the deploy tool does after it has read YAML, so a variable may hold quotes. What
// is not known here stays as it is, such as ${config('AccountID')}.
func (s *settings) render(value any, vars mapping, depth int) any {
	switch v := value.(type) {
	case mapping:
		rendered := make(mapping, len(v))
		for k, item := range v {
			rendered[k] = s.render(item, vars, depth)
		}
		return rendered
	case []any:
		rendered := make([]any, len(v))
		for i, item := range v {
			rendered[i] = s.render(item, vars, depth)
		}
		return rendered
	case string:
		return s.renderText(v, vars, depth)
	}
	return value
}

// renderText fills in a string. One that is nothing but a variable becomes that variable's value, which may be of any kind.
func (s *settings) renderText(text string, vars mapping, depth int) any {
	const deepest = 5 // a variable may name another one; one that names itself must come to an end
	if depth == deepest {
		return text
	}
	var whole any
	text = varReference.ReplaceAllStringFunc(text, func(reference string) string {
		value := any(vars)
		for name := range strings.SplitSeq(varReference.FindStringSubmatch(reference)[1], ".") {
			inside, _ := value.(mapping)
			value = inside[name]
		}
		if value == nil {
			return reference
		}
		value = s.render(value, vars, depth+1)
		if reference == text {
			whole = value
		}
		return scalar(value)
	})
	if whole != nil {
		return whole
	}
	return envReference.ReplaceAllStringFunc(text, func(reference string) string {
		m := envReference.FindStringSubmatch(reference)
		value, set := os.LookupEnv(m[1])
		if !set && m[2] == "" {
			if !slices.Contains(s.unset, m[1]) {
				s.unset = append(s.unset, m[1])
			}
			return reference
		}
		return cmp.Or(value, m[3])
	})
}
