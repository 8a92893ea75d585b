// Package backup is the rule of adb-backup: what must be true of a cluster's backups, what AnalyticDB's list shows of them,
// and what to do next. Decide and Follow are the rule itself, pure functions. A Runner carries it out against a Service.
package backup

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Cluster names an AnalyticDB for MySQL cluster, such as amv-wz9or2xawpnc in cn-hangzhou. Both parts have passed
// CheckClusterID and CheckRegion: a region becomes part of a host name to which credentials are sent.
type Cluster struct {
	ID     string
	Region string
}

func (c Cluster) String() string { return c.ID + " (" + c.Region + ")" }

var (
	clusterIDForm = regexp.MustCompile(`^am[a-z]*-[a-z0-9]+$`)
	regionForm    = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
)

// CheckClusterID returns an error that says what is wrong with a cluster id. A valid one matches ^am[a-z]*-[a-z0-9]+$ and
// has at most 64 characters. The documentation masks its examples (amv-wz9or2xawpnc****): such an id is told apart.
func CheckClusterID(id string) error {
	switch {
	case len(id) <= 64 && clusterIDForm.MatchString(id):
		return nil
	case strings.HasPrefix(id, "am") && strings.HasSuffix(id, "*"):
		return errors.New(Quote(id) + " is a masked example: give the whole cluster id")
	default:
		return errors.New(Quote(id) + " is not a cluster id such as amv-wz9or2xawpnc")
	}
}

// CheckRegion returns an error that says what is wrong with a region. A valid one matches ^[a-z]{2,}(-[a-z0-9]+)+$ and has
// at most 32 characters. Nothing that fails here may reach the SDK, which makes a host name of it.
func CheckRegion(name string) error {
	if len(name) > 32 || !regionForm.MatchString(name) {
		return errors.New(Quote(name) + " is not a region such as cn-hangzhou")
	}
	return nil
}

// Quote returns s in quotes if it is short and plain, for a message. Of any other text it returns only a description, since
// events may carry secrets.
func Quote(s string) string {
	if len(s) > 64 {
		return fmt.Sprintf("a string of %d characters", utf8.RuneCountInString(s))
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return "a string with other than printable ASCII characters"
	}
	return strconv.Quote(s)
}
