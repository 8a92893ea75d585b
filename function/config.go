package main

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
)

// config is the function's environment, checked.
type config struct {
	adb             adb.Options
	times           backup.Settings
	defaultClusters []string
	logLevel        slog.Level
}

// loadConfig reads the environment. An empty variable counts as unset. The error names every variable that cannot be used.
func loadConfig(getenv func(string) string) (config, error) {
	var c config
	var faults []error
	read := func(name string, use func(string) error) {
		if v := strings.TrimSpace(getenv(name)); v != "" {
			if err := use(v); err != nil {
				faults = append(faults, fmt.Errorf("%s %w", name, err))
			}
		}
	}
	const most = 24 * time.Hour // as long as a function may run
	duration := func(name string, d *time.Duration, standard, least time.Duration) {
		*d = standard
		read(name, func(v string) (err error) {
			if *d, err = time.ParseDuration(v); err != nil || *d < least || *d > most {
				return fmt.Errorf("must be a duration from %v to %v, such as %v", least, most, standard)
			}
			return nil
		})
	}

	read("ADB_ENDPOINT", func(v string) (err error) {
		c.adb.Endpoint, err = adb.ParseEndpoint(v)
		return err
	})
	read("ADB_NETWORK", func(v string) error {
		if v != "public" && v != "vpc" {
			return errors.New("must be public or vpc")
		}
		c.adb.Endpoint.VPC = v == "vpc"
		return nil
	})
	read("ADB_DEFAULT_CLUSTERS", func(v string) error {
		c.defaultClusters = words(v)
		for _, id := range c.defaultClusters {
			if err := backup.CheckClusterID(id); err != nil {
				return fmt.Errorf("has a wrong entry: %w", err)
			}
		}
		return nil
	})
	c.adb.Concurrency = 16
	read("ADB_MAX_CONCURRENCY", func(v string) (err error) {
		if c.adb.Concurrency, err = strconv.Atoi(v); err != nil || c.adb.Concurrency < 1 || c.adb.Concurrency > 1000 {
			return errors.New("must be a whole number from 1 to 1000")
		}
		return nil
	})
	duration("ADB_POLL_INTERVAL", &c.times.Poll, 5*time.Second, time.Millisecond)
	duration("ADB_SETTLE_TIME", &c.times.Settle, 60*time.Second, 0)
	duration("ADB_DDL_PAUSE", &c.times.DDLPause, 10*time.Minute, 0)
	completed := words(getenv("ADB_STATUS_COMPLETED"))
	read("ADB_STATUS_FAILED", func(v string) error {
		for _, word := range words(v) {
			if slices.ContainsFunc(completed, func(c string) bool { return strings.EqualFold(c, word) }) {
				return fmt.Errorf("has %q in common with ADB_STATUS_COMPLETED", word)
			}
		}
		return nil
	})
	c.adb.Statuses = backup.NewStatuses(completed, words(getenv("ADB_STATUS_FAILED")))
	read("LOG_LEVEL", func(v string) error {
		if !slices.Contains([]string{"debug", "info", "warn", "error"}, strings.ToLower(v)) {
			return errors.New("must be debug, info, warn or error")
		}
		return c.logLevel.UnmarshalText([]byte(v))
	})
	read("DEBUG", func(v string) error {
		if on := words(v); slices.Contains(on, "dara") || slices.Contains(on, "tea") {
			return errors.New("must not name dara or tea: the SDK would print the security token of every call")
		}
		return nil
	})
	return c, errors.Join(faults...)
}

// words are the parts of a list separated by commas.
func words(list string) []string {
	var w []string
	for part := range strings.SplitSeq(list, ",") {
		if part = strings.TrimSpace(part); part != "" {
			w = append(w, part)
		}
	}
	return w
}
