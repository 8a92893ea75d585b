package fakeadb

import (
	"errors"
	"fmt"
	"testing"
	"time"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
)

// refusal is the code and status of an error of the service.
func refusal(err error) string {
	var refused *openapi.ClientError
	if !errors.As(err, &refused) {
		return fmt.Sprint(err)
	}
	return fmt.Sprint(*refused.Code, " ", *refused.StatusCode)
}

func TestOnlyEndedBackupsAreListedAfterALag(t *testing.T) {
	bubble(t, Options{HideRunning: true, Takes: time.Hour, ListedAfter: time.Minute}, func(t *testing.T, s *Service, client *adb.Client) {
		s.Add(Backup{ID: "7", Cluster: one, Start: s.Now().Add(-time.Second), End: s.Now()})
		create(t.Context(), client, one)
		for _, c := range []struct {
			after time.Duration
			want  int
		}{{0, 1}, {time.Hour, 1}, {59 * time.Second, 1}, {time.Second, 2}} {
			time.Sleep(c.after)
			if got := len(mustList(t, client).Items.Backup); got != c.want {
				t.Errorf("another %v: %d listed, want %d", c.after, got, c.want)
			}
		}
	})
}

func TestAnOverlapIsRefused(t *testing.T) {
	bubble(t, Options{HideRunning: true, Takes: time.Hour, Overlap: ErrBackupExists}, func(t *testing.T, s *Service, client *adb.Client) {
		s.Add(Backup{Cluster: one, Type: "IncrementalBackup", Start: s.Now()}, Backup{Cluster: one, Parent: "6", Start: s.Now()})
		want := []string{"<nil>", "BackupJobExists 400", "<nil>"}
		for i := range want {
			_, err := create(t.Context(), client, one)
			if got := refusal(err); got != want[i] {
				t.Errorf("create %d: %s, want %s", i, got, want[i])
			}
			time.Sleep(30 * time.Minute)
		}
		if _, err := create(t.Context(), client, two); err != nil {
			t.Errorf("another cluster: %v", err)
		}
	})
}

func TestABusyClusterIsBusyForAWhile(t *testing.T) {
	at := func(d time.Duration) time.Time { return time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC).Add(d) }
	o := Options{Busy: []Busy{{one, at(time.Minute), nil}, {one, at(2 * time.Minute), ErrClusterState}}}
	bubble(t, o, func(t *testing.T, s *Service, client *adb.Client) {
		for _, want := range []string{"OperationDenied.DBClusterStatus 403", "IncorrectDBInstanceState 400", "<nil>"} {
			_, err := create(t.Context(), client, one)
			if got := refusal(err); got != want {
				t.Errorf("after %v: %s, want %s", time.Since(at(0)), got, want)
			}
			if _, err := create(t.Context(), client, two); err != nil {
				t.Errorf("another cluster: %v", err)
			}
			time.Sleep(time.Minute)
		}
	})
}

func TestACallSaysWhatItShowed(t *testing.T) {
	var last Call
	bubble(t, Options{Takes: time.Hour, OnCall: func(c Call) { last = c }}, func(t *testing.T, s *Service, client *adb.Client) {
		s.Add(Backup{Cluster: one, Start: s.Now(), End: s.Now()})
		create(t.Context(), client, one)
		if !last.Effect || last.Action != "CreateBackup" || last.Cluster != one {
			t.Errorf("%+v", last)
		}
		if mustList(t, client); last.Effect || last.Listed != 2 || last.Running != 1 {
			t.Errorf("%+v", last)
		}
	})
}
