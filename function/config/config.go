// Package config reads the function's environment variables, for the function and for the command that deploys it.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/adb"
	"adb-backup/function/alarm"
	"adb-backup/function/backup"
)

// settings are all variables that the function reads, with their defaults. Any other ADB_ variable stops the process.
var settings = map[string]string{
	"ADB_ENDPOINT":         "",
	"ADB_NETWORK":          "public",
	"ADB_DEFAULT_CLUSTERS": "",
	"ADB_MAX_CONCURRENCY":  "16",
	"ADB_ALARM_WEBHOOK":    "",
	"ADB_ALARM_SECRET":     "",
	"ADB_POLL_INTERVAL":    "5s",
	"ADB_SETTLE_TIME":      "2m",
	"ADB_DDL_PAUSE":        "10m",
	"ADB_STATUS_COMPLETED": "",
	"ADB_STATUS_FAILED":    "",
	"LOG_LEVEL":            "info",
	"DEBUG":                "",
}

// Config is the function's environment, checked.
type Config struct {
	ADB             adb.Options
	Times           backup.Settings
	DefaultClusters []string
	Alarm           *alarm.Robot // nil: no webhook is set
	LogLevel        slog.Level
}

// Load reads a list of NAME=value. An empty variable counts as not set. The error names every variable that cannot be used.
func Load(environ []string) (Config, error) {
	e := read(environ)
	const day = 24 * time.Hour // the longest that a function may run
	c := Config{
		ADB: adb.Options{
			Endpoint:    parse(e, "ADB_ENDPOINT", adb.ParseEndpoint),
			Concurrency: parse(e, "ADB_MAX_CONCURRENCY", within(strconv.Atoi, 1, 1000)),
			Statuses:    backup.NewStatuses(Words(e.values["ADB_STATUS_COMPLETED"]), Words(e.values["ADB_STATUS_FAILED"])),
		},
		Times: backup.Settings{
			Poll:     parse(e, "ADB_POLL_INTERVAL", within(time.ParseDuration, time.Millisecond, day)),
			Settle:   parse(e, "ADB_SETTLE_TIME", within(time.ParseDuration, 0, day)),
			DDLPause: parse(e, "ADB_DDL_PAUSE", within(time.ParseDuration, 0, day)),
		},
		DefaultClusters: Words(e.values["ADB_DEFAULT_CLUSTERS"]),
		Alarm: parse(e, "ADB_ALARM_WEBHOOK", func(webhook string) (*alarm.Robot, error) {
			return alarm.New(webhook, e.values["ADB_ALARM_SECRET"])
		}),
	}
	c.ADB.Endpoint.VPC = parse(e, "ADB_NETWORK", oneOf("public", "vpc")) == "vpc"
	c.LogLevel.UnmarshalText([]byte(parse(e, "LOG_LEVEL", oneOf("debug", "info", "warn", "error"))))
	parse(e, "DEBUG", func(value string) (string, error) { return value, CheckDebug(value) })
	for _, id := range c.DefaultClusters {
		if err := backup.CheckClusterID(id); err != nil {
			e.faults = append(e.faults, fmt.Errorf("ADB_DEFAULT_CLUSTERS has a wrong entry: %w", err))
		}
	}
	return c, errors.Join(e.faults...)
}

// environment is what is set, and what is wrong with it.
type environment struct {
	values map[string]string
	faults []error
}

func read(environ []string) *environment {
	e := &environment{values: maps.Clone(settings)}
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		e.values[name] = cmp.Or(strings.TrimSpace(value), e.values[name])
		if _, known := settings[name]; !known && strings.HasPrefix(name, "ADB_") {
			fault := name + " is not a setting of the function"
			if meant := events.Nearest(name, slices.Sorted(maps.Keys(settings))); meant != "" {
				fault += ": did you mean " + meant + "?"
			}
			e.faults = append(e.faults, errors.New(fault))
		}
	}
	return e
}

// parse reads a variable, unless it is empty. The fault names the variable.
func parse[T any](e *environment, name string, read func(string) (T, error)) (value T) {
	if e.values[name] == "" {
		return value
	}
	value, err := read(e.values[name])
	if err != nil {
		e.faults = append(e.faults, fmt.Errorf("%s %w", name, err))
	}
	return value
}

// within reads a value from least to most.
func within[T cmp.Ordered](read func(string) (T, error), least, most T) func(string) (T, error) {
	return func(text string) (T, error) {
		value, err := read(text)
		if err != nil || value < least || value > most {
			err = fmt.Errorf("must be from %v to %v", least, most)
		}
		return value, err
	}
}

// oneOf reads one of some words, without regard to case.
func oneOf(words ...string) func(string) (string, error) {
	return func(text string) (word string, err error) {
		if word = strings.ToLower(text); !slices.Contains(words, word) {
			err = errors.New("must be one of " + strings.Join(words, ", "))
		}
		return word, err
	}
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
