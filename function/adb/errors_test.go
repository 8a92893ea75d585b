package adb

import (
	"net/http"
	"testing"
	"time"

	"adb-backup/function/backup"
)

func TestClassify(t *testing.T) {
	for kind, replies := range map[backup.ErrorKind]map[string][]int{ // a code, and with which statuses it comes
		backup.KindThrottled: {
			"Throttling": {400, 503}, "Throttling.User": {400, 429, 503}, "Throttling.Api": {503}, "Throttling.Other": {400}, "Rejected.Throttling": {400, 503},
			"": {429}, "Whatever": {429}, "BackupJobExists": {429},
		},
		backup.KindUnanswered: {
			"": {101, 200, 302, 408, 500, 502, 503}, "InternalError": {500}, "ServiceUnavailable": {503}, "SignatureNonceUsed": {400},
			"NoPermission": {408, 500}, "BackupJobExists": {200, 408, 500}, "Throttling": {200},
		},
		backup.KindNotFound: {"InvalidDBCluster.NotFound": {404}, "InvalidDBClusterId.NotFound": {400}},
		backup.KindRefused: {
			"InvalidDBClusterId.Malformed": {400}, "": {400, 404}, "OperationDenied": {403}, "InvalidTimeStamp.Expired": {400},
			"IdempotentParameterMismatch": {400}, "Account.InDebt": {400}, "NotForbidden": {400}, "X.InvalidDBCluster.NotFound.Y": {404},
		},
		backup.KindDenied: {
			"NoPermission": {403}, "NoPermission.Action": {403}, "Forbidden.RAM": {403}, "Forbidden.InDebt": {403}, "Unauthorized": {401},
			"InvalidAccessKeyId.NotFound": {404}, "SignatureDoesNotMatch": {400}, "IncompleteSignature": {400}, "InvalidSecurityToken.Expired": {400}, "": {401, 403},
		},
		backup.KindNotNow: {
			"BackupJobExists": {400}, "IncorrectDBInstanceState": {400}, "IncorrectTaskStatus": {403}, "ACS.Cluster.InvalidWorkerState": {400},
			"OperationDenied.DBClusterStatus": {403}, "OperationDenied.OrderProcessing": {409}, "OperationConflict": {400}, "TaskConflict": {409},
			"Instance.TaskConflict.Backup": {404}, "LastTokenProcessing": {403}, "SystemBusy": {400, 403},
		},
	} {
		for code, statuses := range replies {
			for _, status := range statuses {
				if got := classify(status, code); got != kind {
					t.Errorf("%d %q: %d, want %d", status, code, got, kind)
				}
			}
		}
	}
}

// TestHints: what a person can do about a refusal. What the service says about the missing permission counts.
func TestHints(t *testing.T) {
	const on = " on acs:adb:cn-hangzhou:42:dbcluster/amv-1"
	refused := func(body string) canned { return canned{403, body, nil} }
	for name, c := range map[string]struct {
		reply canned
		want  string
	}{
		"no permission":           {refused(`{"Code":"NoPermission"}`), "the caller needs adb:CreateBackup" + on},
		"another action":          {refused(`{"Code":"NoPermission","AccessDeniedDetail":{"AuthAction":"adb:CreateBackups","NoPermissionType":"ImplicitDeny","PolicyType":"AccountLevelIdentityBasedPolicy"}}`), "the caller needs adb:CreateBackups" + on},
		"details in a text":       {refused(`{"Code":"NoPermission","AccessDeniedDetail":"{\"AuthAction\":\"adb:X\"}"}`), "the caller needs adb:X" + on},
		"details that are none":   {refused(`{"Code":"NoPermission","AccessDeniedDetail":["x"]}`), "the caller needs adb:CreateBackup" + on},
		"denied explicitly":       {refused(`{"Code":"NoPermission","AccessDeniedDetail":{"NoPermissionType":"ExplicitDeny","PolicyType":"SessionPolicy"}}`), "a policy forbids adb:CreateBackup" + on + ", whatever else is granted: SessionPolicy"},
		"a control policy":        {refused(`{"Code":"NoPermission","AccessDeniedDetail":{"NoPermissionType":"ExplicitDeny","PolicyType":"ControlPolicy"}}`), "a policy forbids adb:CreateBackup" + on + ", whatever else is granted: ControlPolicy"},
		"a control policy's code": {refused(`{"Code":"Forbidden.ControlPolicy"}`), "a policy forbids adb:CreateBackup" + on + ", whatever else is granted: Forbidden.ControlPolicy"},
		"debt":                    {refused(`{"Code":"Forbidden.InDebt"}`), "the account owes money: its bills must be settled first"},
		"debt, in another code":   {canned{400, `{"Code":"InDebt"}`, nil}, "the account owes money: its bills must be settled first"},
		"the credentials":         {refused(`{"Code":"InvalidSecurityToken.Expired"}`), "the caller's credentials were refused: check them; they were used for adb:CreateBackup" + on},
		"a secret that is wrong":  {refused(`{"Code":"SignatureDoesNotMatch"}`), "the caller's credentials were refused: check them; they were used for adb:CreateBackup" + on},
		"a pause":                 {canned{429, `{}`, http.Header{"Retry-After": {"7"}}}, "the service asks for a pause of 7s"},
		"throttled":               {canned{429, `{}`, nil}, ""},
		"refused":                 {canned{400, `{"Code":"InvalidX"}`, nil}, ""},
		"a secret in it":          {refused(`{"Code":"NoPermission","AccessDeniedDetail":{"AuthAction":"SecretSecret"}}`), "the caller needs ***" + on},
	} {
		t.Run(name, func(t *testing.T) {
			s := sessionOn(func(int, *http.Request) (canned, error) { return c.reply, nil })
			_, _, err := s.CreateBackup(t.Context(), someCluster)
			if e, ok := callError(err); !ok || e.Hint != c.want {
				t.Error(err)
			}
		})
	}
	s := sessionOn(func(int, *http.Request) (canned, error) { return canned{403, `{"Code":"NoPermission"}`, nil}, nil })
	_, err := s.Clusters(t.Context(), "cn-hangzhou", backup.Selector{All: true})
	if e, ok := callError(err); !ok || e.Hint != "the caller needs adb:DescribeDBClusters on acs:adb:cn-hangzhou:42:dbcluster/*" || e.Action != "DescribeDBClusters" {
		t.Error(err)
	}
}

func TestRetryAfter(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        time.Duration
	}{
		{"Retry-After", "7", 7 * time.Second}, {"Retry-After", "-7", 0}, {"Retry-After", "soon", 0}, {"Retry-After", "86400", time.Hour},
		{"X-Ratelimit-User", "Limit:50,Remain:0,TimeLeft:1500", 1500 * time.Millisecond},
		{"X-Ratelimit-User-Api", "Limit:50,Remain:0,TimeLeft:900", 900 * time.Millisecond},
		{"X-Ratelimit-User", "TimeLeft:9223372036854775807", time.Hour}, {"X-Ratelimit-User", "nonsense", 0},
	} {
		if got := retryAfter(http.Header{c.name: {c.value}}); got != c.want {
			t.Errorf("%s: %s: %v, want %v", c.name, c.value, got, c.want)
		}
	}
	if retryAfter(nil) != 0 {
		t.Error("no reply gives no hint")
	}
}
