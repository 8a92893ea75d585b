// Package config reads the function's environment variables: the function when it starts, and the commands that deploy it, to
// check them beforehand.
package config

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/adb"
	"adb-backup/function/backup"
)

// Config is the function's environment, checked.
type Config struct {
	ADB             adb.Options
	Times           backup.Settings
	DefaultClusters []string
	LogLevel        slog.Level

	completed, failed []string // words of BackupStatus that are added to the built-in ones
}

// variable is an environment variable and what its value does to the configuration.
type variable struct {
	name string
	set  func(c *Config, value string) error
}

// variables are all that the function reads. Any other ADB_ variable stops the process.
var variables = []variable{
	{"ADB_ENDPOINT", setEndpoint},
	{"ADB_NETWORK", setNetwork}, // after ADB_ENDPOINT
	{"ADB_DEFAULT_CLUSTERS", setDefaultClusters},
	{"ADB_MAX_CONCURRENCY", setConcurrency},
	{"ADB_POLL_INTERVAL", duration(time.Millisecond, "5s", func(c *Config) *time.Duration { return &c.Times.Poll })},
	{"ADB_SETTLE_TIME", duration(0, "2m", func(c *Config) *time.Duration { return &c.Times.Settle })},
	{"ADB_DDL_PAUSE", duration(0, "10m", func(c *Config) *time.Duration { return &c.Times.DDLPause })},
	{"ADB_STATUS_COMPLETED", setCompleted},
	{"ADB_STATUS_FAILED", setFailed}, // after ADB_STATUS_COMPLETED
	{"LOG_LEVEL", setLogLevel},
	{"DEBUG", func(_ *Config, value string) error { return CheckDebug(value) }},
}

// Load reads an environment, a list of NAME=value. An empty variable counts as unset. The error names every variable
// that cannot be used.
func Load(environ []string) (Config, error) {
	c := Config{Times: backup.Settings{Poll: 5 * time.Second, Settle: 2 * time.Minute, DDLPause: 10 * time.Minute}}
	c.ADB.Concurrency = 16
	values := map[string]string{}
	var faults []error
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		values[name] = strings.TrimSpace(value)
		if strings.HasPrefix(name, "ADB_") && !known(name) {
			faults = append(faults, unknown(name))
		}
	}
	for _, v := range variables {
		if value := values[v.name]; value != "" {
			if err := v.set(&c, value); err != nil {
				faults = append(faults, fmt.Errorf("%s %w", v.name, err))
			}
		}
	}
	c.ADB.Statuses = backup.NewStatuses(c.completed, c.failed)
	return c, errors.Join(faults...)
}

func known(name string) bool {
	return slices.ContainsFunc(variables, func(v variable) bool { return v.name == name })
}

// unknown returns the error for a variable that the function does not know, so that a misspelt setting is not silently ignored.
func unknown(name string) error {
	var names []string
	for _, v := range variables {
		names = append(names, v.name)
	}
	if meant := events.Nearest(name, names); meant != "" {
		return fmt.Errorf("%s is not a setting of the function: did you mean %s?", name, meant)
	}
	return fmt.Errorf("%s is not a setting of the function", name)
}

func setEndpoint(c *Config, value string) (err error) {
	vpc := c.ADB.Endpoint.VPC
	c.ADB.Endpoint, err = adb.ParseEndpoint(value)
	c.ADB.Endpoint.VPC = vpc
	return err
}

func setNetwork(c *Config, value string) error {
	if value != "public" && value != "vpc" {
		return errors.New("must be public or vpc")
	}
	c.ADB.Endpoint.VPC = value == "vpc"
	return nil
}

func setDefaultClusters(c *Config, value string) error {
	c.DefaultClusters = Words(value)
	for _, id := range c.DefaultClusters {
		if err := backup.CheckClusterID(id); err != nil {
			return fmt.Errorf("has a wrong entry: %w", err)
		}
	}
	return nil
}

func setConcurrency(c *Config, value string) (err error) {
	if c.ADB.Concurrency, err = strconv.Atoi(value); err != nil || c.ADB.Concurrency < 1 || c.ADB.Concurrency > 1000 {
		return errors.New("must be a whole number from 1 to 1000")
	}
	return nil
}

// duration returns a setter for a duration from least to a day, the longest that a function may run.
func duration(least time.Duration, example string, field func(*Config) *time.Duration) func(*Config, string) error {
	const most = 24 * time.Hour
	return func(c *Config, value string) error {
		d, err := time.ParseDuration(value)
		if err != nil || d < least || d > most {
			return fmt.Errorf("must be a duration from %v to %v, such as %s", least, most, example)
		}
		*field(c) = d
		return nil
	}
}

func setCompleted(c *Config, value string) error {
	c.completed = Words(value)
	return nil
}

func setFailed(c *Config, value string) error {
	c.failed = Words(value)
	for _, word := range c.failed {
		if slices.ContainsFunc(c.completed, func(other string) bool { return strings.EqualFold(other, word) }) {
			return fmt.Errorf("has %q in common with ADB_STATUS_COMPLETED", word)
		}
	}
	return nil
}

func setLogLevel(c *Config, value string) error {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, strings.ToLower(value)) {
		return errors.New("must be debug, info, warn or error")
	}
	return c.LogLevel.UnmarshalText([]byte(value))
}

// CheckDebug returns an error if the SDK would print every request with its secrets. value is that of the variable DEBUG.
func CheckDebug(value string) error {
	if on := Words(value); slices.Contains(on, "dara") || slices.Contains(on, "tea") {
		return errors.New("must not name dara or tea: the SDK would print the security token of every call")
	}
	return nil
}

// Words splits a list at its commas. It leaves out spaces and empty words.
func Words(list string) []string {
	var words []string
	for word := range strings.SplitSeq(list, ",") {
		if word = strings.TrimSpace(word); word != "" {
			words = append(words, word)
		}
	}
	return words
}
