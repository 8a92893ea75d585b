package fakeadb

import (
	"cmp"
	"net/http"
	"net/url"
	"regexp"
)

// actions are all that is emulated.
var actions = map[string]func(*Service, *call, Options, url.Values) (any, *Error){
	"CreateBackup":    (*Service).createBackup,
	"DescribeBackups": (*Service).describeBackups,
}

var clusterID = regexp.MustCompile(`^am[a-z]*-[a-z0-9]+$`)

// perform carries an action out, after what all of them check: the cluster, and the permission.
func (s *Service) perform(c *call, o Options, r *http.Request) (any, *Error) {
	switch {
	case c.Cluster == "":
		return nil, missing("DBClusterId")
	case len(c.Cluster) > 64 || !clusterID.MatchString(c.Cluster):
		return nil, ErrClusterMalformed
	}
	for _, d := range o.Denied {
		if (d.KeyID == "" || d.KeyID == c.KeyID) && (d.Action == "" || d.Action == c.Action) && (d.Cluster == "" || d.Cluster == c.Cluster) {
			return nil, denied(c, o)
		}
	}
	if o.Clusters != nil {
		if region, exists := o.Clusters[c.Cluster]; !exists || region != c.Region {
			return nil, ErrClusterNotFound
		}
	}
	return actions[c.Action](s, c, o, r.URL.Query())
}

func missing(parameter string) *Error {
	e := ErrMissingParameter.with("%s is mandatory for this action.", parameter)
	e.Code = "Missing" + parameter
	return e
}

func denied(c *call, o Options) *Error {
	account := cmp.Or(o.Account, "1234567890123456")
	resource := "acs:adb:" + c.Region + ":" + account + ":dbcluster/" + c.Cluster
	e := ErrNoPermission.with("You are not authorized to perform this operation. Action: adb:%s. Resource: %s", c.Action, resource)
	e.Denied = &AccessDeniedDetail{
		AuthAction:               "adb:" + c.Action,
		AuthPrincipalDisplayName: "adb-backup-role:" + c.KeyID,
		AuthPrincipalOwnerId:     account,
		AuthPrincipalType:        "AssumedRoleUser",
		NoPermissionType:         "ImplicitDeny",
		PolicyType:               "AccountLevelIdentityBasedPolicy",
	}
	return e
}

// createBackup answers with nothing but the request's id, and takes no token that would make it idempotent: as the service.
func (s *Service) createBackup(c *call, o Options, _ url.Values) (any, *Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	accepted := nowOf(o)
	b := Backup{
		Cluster:   c.Cluster,
		Region:    c.Region,
		Start:     accepted.Add(o.StartsAfter),
		Listed:    accepted.Add(max(o.ListedAfter, o.StartsAfter)),
		Ends:      o.Ends,
		Size:      cmp.Or(o.Size, 5_000_000_000),
		RequestID: c.RequestID,
	}
	if o.Ends != NeverEnds {
		b.End = b.Start.Add(o.Takes)
	}
	s.add(b)
	c.Effect = true
	return struct{ RequestId string }{c.RequestID}, nil
}
