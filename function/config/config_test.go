package config

import (
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/alarm"
	"adb-backup/function/backup"
)

func load(env map[string]string) (Config, error) {
	var environ []string
	for name, value := range env {
		environ = append(environ, name+"="+value)
	}
	return Load(environ)
}

func TestConfigDefaults(t *testing.T) {
	for name, env := range map[string]map[string]string{
		"unset": nil,
		"empty": {"ADB_ENDPOINT": "", "ADB_NETWORK": " ", "ADB_DEFAULT_CLUSTERS": "", "ADB_MAX_CONCURRENCY": "", "ADB_SETTLE_TIME": "", "LOG_LEVEL": ""},
	} {
		c, err := load(env)
		if err != nil || c.ADB.Concurrency != 16 || c.Times != (backup.Settings{Poll: 5 * time.Second, Settle: 2 * time.Minute, DDLPause: 10 * time.Minute}) ||
			c.ADB.Endpoint != (adb.Endpoint{}) || c.DefaultClusters != nil || c.LogLevel != slog.LevelInfo {
			t.Errorf("%s: %+v, %v", name, c, err)
		}
	}
}

func TestConfig(t *testing.T) {
	c, err := load(map[string]string{
		"ADB_ENDPOINT": "http://127.0.0.1:8080", "ADB_NETWORK": "vpc", "ADB_DEFAULT_CLUSTERS": "amv-1, amv-2,", "ADB_MAX_CONCURRENCY": "3",
		"ADB_POLL_INTERVAL": "10ms", "ADB_SETTLE_TIME": "1s", "ADB_DDL_PAUSE": "0s", "ADB_STATUS_COMPLETED": "archived,Frozen", "ADB_STATUS_FAILED": "Lost",
		"LOG_LEVEL": "DEBUG", "DEBUG": "something",
	})
	if err != nil || c.ADB.Endpoint != (adb.Endpoint{Host: "127.0.0.1:8080", Plain: true, VPC: true}) || len(c.DefaultClusters) != 2 || c.ADB.Concurrency != 3 ||
		c.Times != (backup.Settings{Poll: 10 * time.Millisecond, Settle: time.Second}) || c.LogLevel != slog.LevelDebug ||
		c.ADB.Statuses.State("FROZEN", false) != backup.SetComplete || c.ADB.Statuses.State("lost", true) != backup.SetFailed {
		t.Errorf("%+v, %v", c, err)
	}
}

// TestWrongConfig: the message names every variable that cannot be used, and no other.
func TestWrongConfig(t *testing.T) {
	wrong := map[string][]string{
		"ADB_ENDPOINT":         {"http://adb.aliyuncs.com", "a/b", "https://u:p@adb.aliyuncs.com"},
		"ADB_NETWORK":          {"private", "VPN"},
		"ADB_DEFAULT_CLUSTERS": {"amv-1,amv_2", "amv-wz9or2xawpnc****"},
		"ADB_MAX_CONCURRENCY":  {"0", "-1", "many", "1001", "1.5"},
		"ADB_ALARM_WEBHOOK":    {"http://ops.example/token-1", "ops.example/token-1", "https://token-1@ops.example/", "https:///token-1"},
		"ADB_POLL_INTERVAL":    {"0s", "-5s", "5", "soon", "25h", "2562047h"},
		"ADB_SETTLE_TIME":      {"-1s", "60"},
		"ADB_DDL_PAUSE":        {"-1s", "ten"},
		"LOG_LEVEL":            {"verbose", "info+1"},
		"DEBUG":                {"dara", "x,tea", "tea"},
	}
	all := map[string]string{}
	for name, values := range wrong {
		all[name] = values[0]
		for _, v := range values {
			_, err := load(map[string]string{name: v})
			if err == nil || !strings.Contains(err.Error(), name) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), "token-1") {
				t.Errorf("%s=%s: %v", name, v, err)
			}
		}
	}
	_, err := load(all)
	for name := range wrong {
		if err == nil || !strings.Contains(err.Error(), name+" ") {
			t.Errorf("%s is not told in: %v", name, err)
		}
	}
}

// TestAlarm: a webhook makes a robot, which signs with the secret. A secret alone makes none.
func TestAlarm(t *testing.T) {
	for _, webhook := range []string{"", "  "} {
		if c, err := load(map[string]string{"ADB_ALARM_WEBHOOK": webhook, "ADB_ALARM_SECRET": "SEC0123"}); err != nil || c.Alarm != nil {
			t.Errorf("%q: %v, %v", webhook, c.Alarm, err)
		}
	}
	for secret, signed := range map[string]bool{"": false, "SEC0123": true} {
		c, err := load(map[string]string{"ADB_ALARM_WEBHOOK": "https://ops.example/robot/send?access_token=x", "ADB_ALARM_SECRET": secret})
		if err != nil {
			t.Fatal(err)
		}
		var asked http.Request
		c.Alarm.Transport = roundTrip(func(r *http.Request) { asked = *r })
		if c.Alarm.Send(t.Context(), alarm.Message{}); asked.URL.Query().Has("sign") != signed {
			t.Errorf("%q: %v", secret, asked.URL)
		}
	}
}

// roundTrip takes note of a request, and fails.
type roundTrip func(*http.Request)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) {
	f(r)
	return nil, errors.New("no answer")
}

// TestUnknownSetting: an ADB_ variable that the function does not know stops it, with the name that was probably meant.
func TestUnknownSetting(t *testing.T) {
	for name, want := range map[string]string{
		"ADB_POLL_INTERVL":  "did you mean ADB_POLL_INTERVAL?",
		"ADB_SETTLETIME":    "did you mean ADB_SETTLE_TIME?",
		"ADB_SOMETHING_NEW": "ADB_SOMETHING_NEW is not a setting of the function",
	} {
		for _, value := range []string{"5s", ""} {
			if _, err := load(map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s=%s: %v", name, value, err)
			}
		}
	}
	if _, err := load(map[string]string{"adb_poll": "x", "PATH": "/bin", "XADB_Y": "z"}); err != nil {
		t.Errorf("variables of others: %v", err)
	}
}

// TestLimits: the least and the most that a setting may be, and every level.
func TestLimits(t *testing.T) {
	for name, values := range map[string][]string{
		"ADB_MAX_CONCURRENCY": {"1", "1000"},
		"ADB_POLL_INTERVAL":   {"1ms", "24h"},
		"ADB_SETTLE_TIME":     {"0s", "24h"},
		"ADB_DDL_PAUSE":       {"0s", "24h"},
		"LOG_LEVEL":           {"debug", "info", "Warn", "ERROR"},
	} {
		for _, value := range values {
			if _, err := load(map[string]string{name: value}); err != nil {
				t.Error(err)
			}
		}
	}
	for name, value := range map[string]string{"ADB_POLL_INTERVAL": "999us", "ADB_SETTLE_TIME": "24h0m1s"} {
		if _, err := load(map[string]string{name: value}); err == nil || !strings.Contains(err.Error(), "must be from ") {
			t.Errorf("%s=%s: %v", name, value, err)
		}
	}
}
