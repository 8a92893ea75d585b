package adb

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"
)

func TestClassify(t *testing.T) {
	for _, c := range []struct {
		status int
		code   string
		want   backup.ErrorKind
	}{
		{400, "Throttling", backup.KindThrottled}, {400, "Throttling.User", backup.KindThrottled}, {503, "Throttling.Api", backup.KindThrottled},
		{429, "", backup.KindThrottled}, {429, "Whatever", backup.KindThrottled}, {400, "Throttling.Other", backup.KindThrottled},
		{0, "", backup.KindUnanswered}, {200, "", backup.KindUnanswered}, {302, "", backup.KindUnanswered}, {408, "", backup.KindUnanswered},
		{408, "NoPermission", backup.KindUnanswered}, {400, "SignatureNonceUsed", backup.KindUnanswered}, {500, "InternalError", backup.KindUnanswered},
		{502, "", backup.KindUnanswered}, {503, "ServiceUnavailable", backup.KindUnanswered}, {500, "NoPermission", backup.KindUnanswered},
		{404, "InvalidDBCluster.NotFound", backup.KindNotFound}, {400, "InvalidDBClusterId.NotFound", backup.KindNotFound},
		{400, "InvalidDBClusterId.Malformed", backup.KindRefused}, {404, "", backup.KindRefused}, {400, "", backup.KindRefused},
		{403, "OperationDenied", backup.KindRefused}, {400, "InvalidTimeStamp.Expired", backup.KindRefused}, {400, "IdempotentParameterMismatch", backup.KindRefused},
		{403, "NoPermission", backup.KindDenied}, {403, "NoPermission.Action", backup.KindDenied}, {403, "Forbidden.RAM", backup.KindDenied},
		{401, "Unauthorized", backup.KindDenied}, {404, "InvalidAccessKeyId.NotFound", backup.KindDenied}, {400, "SignatureDoesNotMatch", backup.KindDenied}, {400, "IncompleteSignature", backup.KindDenied},
		{400, "InvalidSecurityToken.Expired", backup.KindDenied}, {400, "IncompleteSignature", backup.KindDenied},
		{401, "", backup.KindDenied}, {403, "", backup.KindDenied},
		{400, "BackupJobExists", backup.KindNotNow}, {400, "IncorrectDBInstanceState", backup.KindNotNow}, {403, "IncorrectTaskStatus", backup.KindNotNow},
		{400, "ACS.Cluster.InvalidWorkerState", backup.KindNotNow}, {403, "OperationDenied.DBClusterStatus", backup.KindNotNow}, {409, "OperationDenied.OrderProcessing", backup.KindNotNow},
		{500, "BackupJobExists", backup.KindUnanswered}, {408, "BackupJobExists", backup.KindUnanswered}, {429, "BackupJobExists", backup.KindThrottled},
		{200, "BackupJobExists", backup.KindUnanswered}, {200, "Throttling", backup.KindUnanswered}, {101, "", backup.KindUnanswered},
	} {
		if got := classify(c.status, c.code); got != c.want {
			t.Errorf("%d %q: %d, want %d", c.status, c.code, got, c.want)
		}
	}
}

func TestHint(t *testing.T) {
	for _, c := range []struct {
		name, value string
		want        time.Duration
	}{
		{"Retry-After", "7", 7 * time.Second}, {"Retry-After", "-7", 0}, {"Retry-After", "soon", 0},
		{"Retry-After", "9223372036854775807", time.Hour},
		{"X-Ratelimit-User", "Limit:50,Remain:0,TimeLeft:1500", 1500 * time.Millisecond},
		{"X-Ratelimit-User-Api", "Limit:50,Remain:0,TimeLeft:900", 900 * time.Millisecond},
		{"X-Ratelimit-User", "TimeLeft:9223372036854775807", time.Hour}, {"X-Ratelimit-User", "nonsense", 0},
	} {
		if got := retryAfter(http.Header{c.name: {c.value}}); got != c.want {
			t.Errorf("%s: %s: %v, want %v", c.name, c.value, got, c.want)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		for date, want := range map[string]time.Duration{"Sat, 01 Jan 2000 00:00:09 GMT": 9 * time.Second, "Fri, 31 Dec 1999 23:59:59 GMT": 0} {
			if got := retryAfter(http.Header{"Retry-After": {date}}); got != want {
				t.Errorf("%s: %v, want %v", date, got, want)
			}
		}
	})
	if retryAfter(nil) != 0 {
		t.Error("no reply gives no hint")
	}
}
