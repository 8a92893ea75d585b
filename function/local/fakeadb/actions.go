package fakeadb

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"
)

// action is an operation of the API.
type action struct {
	perform func(*Service, *call, Options, url.Values) (any, *Error)
	account bool // it is about all clusters of the account, not about one
}

// actions are all that is emulated.
var actions = map[string]action{
	"CreateBackup":       {perform: (*Service).createBackup},
	"DescribeBackups":    {perform: (*Service).describeBackups},
	"DescribeDBClusters": {perform: (*Service).describeClusters, account: true},
}

var clusterID = regexp.MustCompile(`^am[a-z]*-[a-z0-9]+$`)

// perform carries an action out. Permission is checked before existence, so that a refusal does not tell which clusters exist.
func (s *Service) perform(c *call, o Options, r *http.Request) (any, *Error) {
	a := actions[c.Action]
	if !a.account {
		switch {
		case c.Cluster == "":
			return nil, missing("DBClusterId")
		case len(c.Cluster) > 64 || !clusterID.MatchString(c.Cluster):
			return nil, ErrClusterMalformed
		}
	}
	if slices.ContainsFunc(o.Denied, c.isDenied) {
		return nil, c.denied()
	}
	if !a.account && o.Clusters != nil && o.cluster(c.Cluster, c.Region) == nil {
		return nil, ErrClusterNotFound
	}
	return a.perform(s, c, o, r.URL.Query())
}

func (c *call) isDenied(d Denial) bool {
	return (d.Action == "" || d.Action == c.Action) && (d.Region == "" || d.Region == c.Region) &&
		(d.Cluster == "" || d.Cluster == c.Cluster)
}

// denied is RAM's refusal. A list of clusters can only be allowed for dbcluster/*.
func (c *call) denied() *Error {
	const account = "1234567890123456"
	resource := "acs:adb:" + c.Region + ":" + account + ":dbcluster/" + cmp.Or(c.Cluster, "*")
	e := ErrNoPermission.with("You are not authorized to perform this operation. Action: adb:%s. Resource: %s", c.Action, resource)
	e.Denied = map[string]string{
		"AuthAction":               "adb:" + c.Action,
		"AuthPrincipalDisplayName": "adb-backup-role:" + c.KeyID,
		"AuthPrincipalOwnerId":     account,
		"AuthPrincipalType":        "AssumedRoleUser",
		"NoPermissionType":         "ImplicitDeny",
		"PolicyType":               "AccountLevelIdentityBasedPolicy",
	}
	return e
}

// createBackup answers with the request id alone, and has no token that would make it idempotent: the service has none.
func (s *Service) createBackup(c *call, o Options, _ url.Values) (any, *Error) {
	accepted := o.now()
	if err := o.refusesBackup(c, accepted); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	overlaps := func(b Backup) bool { return b.Type == "FullBackup" && b.Parent == "" && b.State(accepted) <= Running }
	if o.Overlap != nil && slices.ContainsFunc(s.backups[place{c.Cluster, c.Region}], overlaps) {
		return nil, o.Overlap
	}
	b := Backup{
		Cluster:   c.Cluster,
		Region:    c.Region,
		Start:     accepted.Add(o.StartsAfter),
		End:       accepted.Add(o.StartsAfter + o.Takes),
		Listed:    accepted.Add(max(o.ListedAfter, o.StartsAfter)),
		Ends:      o.Ends,
		Size:      cmp.Or(o.Size, 5_000_000_000),
		RequestID: c.RequestID,
	}
	s.add(b)
	c.Effect = true
	return struct{ RequestId string }{c.RequestID}, nil
}

// refusesBackup returns why the cluster takes no backup at this moment, or nil.
func (o Options) refusesBackup(c *call, now time.Time) *Error {
	for _, b := range o.Busy {
		if (b.Cluster == "" || b.Cluster == c.Cluster) && now.Before(b.Until) {
			return cmp.Or(b.Error, ErrClusterBusy)
		}
	}
	switch here := o.cluster(c.Cluster, c.Region); {
	case here == nil:
		return nil
	case here.DBVersion == dataWarehouse:
		return ErrClusterIDNotFound // this version of the API does not know the Data Warehouse Edition
	case slices.Contains([]string{"Preparing", "Creating", "Restoring", "Deleting"}, here.Status):
		return ErrClusterBusy
	}
	return nil
}
