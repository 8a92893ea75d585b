package e2e

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"adb-backup/function/local/fakeadb"
)

// describe says what AnalyticDB is like from now on.
func (s *story) describe(ts *testscript.TestScript, neg bool, args []string) error {
	var wrong []error
	s.service.Set(func(o *fakeadb.Options) {
		for _, arg := range args {
			if err := set(o, arg); err != nil {
				wrong = append(wrong, fmt.Errorf("%s: %w", arg, err))
			}
		}
	})
	return errors.Join(wrong...)
}

func set(o *fakeadb.Options, arg string) (err error) {
	key, value, _ := strings.Cut(arg, "=")
	switch key {
	case "takes":
		o.Takes, err = time.ParseDuration(value)
	case "listed-after":
		o.ListedAfter, err = time.ParseDuration(value)
	case "skew":
		o.Skew, err = time.ParseDuration(value)
	case "latency":
		o.Latency, err = time.ParseDuration(value)
	case "size":
		o.Size, err = strconv.ParseInt(value, 10, 64)
	case "no-status":
		o.NoStatus = true
	case "hide-running":
		o.HideRunning = true
	case "ends":
		o.Ends, err = one(value, map[string]fakeadb.Ending{"complete": fakeadb.Completes, "fail": fakeadb.Fails, "never": fakeadb.NeverEnds})
	case "precision":
		o.Layout, err = one(value, map[string]string{"minutes": fakeadb.Minutes, "seconds": fakeadb.Seconds})
	case "words": // running,completed,failed
		w := strings.SplitN(value+",,", ",", 4)
		o.Words = fakeadb.Words{Running: w[0], Completed: w[1], Failed: w[2]}
	case "overlap": // CODE: refuses a CreateBackup while a backup of the cluster runs
		o.Overlap = &fakeadb.Error{Status: 400, Code: value, Message: "A backup runs."}
	case "busy": // CLUSTER:DURATION
		id, lasts, _ := strings.Cut(value, ":")
		var d time.Duration
		d, err = time.ParseDuration(lasts)
		o.Busy = []fakeadb.Busy{{Cluster: id, Until: time.Now().Add(d)}}
	case "false-zone":
		o.FalseZone, err = time.ParseDuration(value)
	case "layout":
		o.Layout = value
	case "upper-ids":
		o.UpperIDs = true
	case "no-tags":
		o.Tags = fakeadb.TagsAbsent
	case "clusters": // ID[@REGION],…
		o.Clusters = []fakeadb.Cluster{}
		for id := range strings.SplitSeq(value, ",") {
			id, region, _ := strings.Cut(id, "@")
			o.Clusters = append(o.Clusters, fakeadb.Cluster{ID: id, Region: region})
		}
	case "deny": // ACTION[@CLUSTER],…
		o.Denied = nil
		for what := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == ',' }) {
			action, cluster, _ := strings.Cut(what, "@")
			o.Denied = append(o.Denied, fakeadb.Denial{Action: action, Cluster: cluster})
		}
	default:
		err = errors.New("there is no such option")
	}
	return err
}

func one[T any](word string, of map[string]T) (T, error) {
	value, ok := of[word]
	if !ok {
		return value, fmt.Errorf("%q is none of %v", word, of)
	}
	return value, nil
}

// cluster adds a cluster to the account.
func (s *story) cluster(ts *testscript.TestScript, neg bool, args []string) error {
	c := fakeadb.Cluster{ID: args[0], Created: time.Now().Add(-24 * 365 * time.Hour)}
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		switch tag, isTag := strings.CutPrefix(key, "tag."); {
		case isTag:
			c.Tags = append(c.Tags, fakeadb.Tag{Key: tag, Value: value})
		case key == "region":
			c.Region = value
		case key == "group":
			c.ResourceGroup = value
		case key == "status":
			c.Status = value
		case key == "version":
			c.DBVersion = value
		case key == "age":
			age, err := time.ParseDuration(value)
			if err != nil {
				return err
			}
			c.Created = time.Now().Add(-age)
		default:
			return fmt.Errorf("a cluster has no %s", key)
		}
	}
	s.service.Set(func(o *fakeadb.Options) {
		others := slices.DeleteFunc(slices.Clone(o.Clusters), func(other fakeadb.Cluster) bool { return other.ID == c.ID && other.Region == c.Region })
		o.Clusters = append(others, c)
	})
	return nil
}

// deleteBackups takes all backups of a cluster away.
func (s *story) deleteBackups(ts *testscript.TestScript, neg bool, args []string) error {
	for _, b := range s.service.Backups(args[0]) {
		s.service.Remove(b.ID)
	}
	return nil
}

// existing puts backups there that are older than the story. Each of several starts a minute before the one before it.
func (s *story) existing(ts *testscript.TestScript, neg bool, args []string) error {
	now := s.service.Now()
	b := fakeadb.Backup{Cluster: args[0], Size: 5_000_000_000, Start: now.Add(-time.Hour)}
	lasts, count := 10*time.Minute, 1
	for _, arg := range args[1:] {
		key, value, _ := strings.Cut(arg, "=")
		var err error
		var d time.Duration
		switch key {
		case "start":
			d, err = time.ParseDuration(value)
			b.Start = now.Add(d)
		case "lasts":
			lasts, err = time.ParseDuration(value)
		case "ends":
			err = setEnding(&b, value)
		case "type":
			b.Type = value
		case "parent":
			b.Parent = value
		case "region":
			b.Region = value
		case "status":
			b.Status = value
		case "id":
			b.ID = value
		case "size":
			b.Size, err = strconv.ParseInt(value, 10, 64)
		case "count":
			count, err = strconv.Atoi(value)
		default:
			err = errors.New("a backup has no such field")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", arg, err)
		}
	}
	for range count {
		if b.Ends != fakeadb.NeverEnds {
			b.End = b.Start.Add(lasts)
		}
		s.service.Add(b)
		b.Start = b.Start.Add(-time.Minute)
	}
	return nil
}

func setEnding(b *fakeadb.Backup, value string) error {
	var o fakeadb.Options
	err := set(&o, "ends="+value)
	b.Ends = o.Ends
	return err
}

// calls counts those that arrived at the service, faulty ones too.
func (s *story) calls(ts *testscript.TestScript, neg bool, args []string) error {
	s.mu.Lock()
	n := s.arrived[args[0]]
	if args[0] == "all" {
		for _, m := range s.arrived {
			n += m
		}
	}
	s.mu.Unlock()
	least, most, isRange := strings.Cut(args[1], "..")
	if !isRange {
		most = least
	}
	from, err := strconv.Atoi(least)
	to, err2 := strconv.Atoi(most)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	if n < from || n > to {
		return fmt.Errorf("%d calls of %s", n, args[0])
	}
	return nil
}

func (s *story) backups(ts *testscript.TestScript, neg bool, args []string) error {
	cluster := args[0]
	if cluster == "all" {
		cluster = ""
	}
	want, err := strconv.Atoi(args[1])
	if got := len(s.service.Backups(cluster)); err == nil && got != want {
		err = fmt.Errorf("%d backups of %s", got, args[0])
	}
	return err
}

func (s *story) callsAtOnce(ts *testscript.TestScript, neg bool, args []string) error {
	most, err := strconv.Atoi(args[0])
	if got := s.service.MaxInFlight(); err == nil && (got > most || got == 0) {
		err = fmt.Errorf("%d calls at once", got)
	}
	return err
}
