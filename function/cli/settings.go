package main

import (
	"adb-backup/function/backup"
	"encoding/json"
	"fmt"
	"iter"
	"os"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// settings are what a user edits in s.yaml.
type settings struct {
	Region        string `yaml:"region"`
	FunctionName  string `yaml:"functionName"`
	Role          string `yaml:"role"`
	Clusters      string `yaml:"clusters"`      // "amv-1", "amv-2": the inside of a JSON array
	ImageClusters string `yaml:"imageClusters"` // amv-1,amv-2
	AlarmTopic    string `yaml:"alarmTopic"`
	BackupCron    string `yaml:"backupCron"`
	VerifyCron    string `yaml:"verifyCron"`
	VerifyMaxAge  string `yaml:"verifyMaxAge"`

	// AlarmInUse says whether the failure destination is set, and not a comment any more.
	AlarmInUse bool `yaml:"-"`
}

// placeholder is the cluster that s.yaml ships with. It is no id that a cluster can have, so a function deployed with it
// calls nothing.
const placeholder = "amv-your-cluster"

func readSettings(file string) (settings, error) {
	source, err := os.ReadFile(file)
	if err != nil {
		return settings{}, err
	}
	var doc struct {
		Vars      settings `yaml:"vars"`
		Resources map[string]struct {
			Props struct {
				AsyncInvokeConfig struct {
					DestinationConfig map[string]any `yaml:"destinationConfig"`
				} `yaml:"asyncInvokeConfig"`
			} `yaml:"props"`
		} `yaml:"resources"`
	}
	if err := yaml.Unmarshal(source, &doc); err != nil {
		return settings{}, fmt.Errorf("%s: %w", file, err)
	}
	s := doc.Vars
	if s.Region == "" || s.FunctionName == "" || s.Role == "" {
		return settings{}, fmt.Errorf("%s: vars need region, functionName and role", file)
	}
	for _, r := range doc.Resources {
		s.AlarmInUse = s.AlarmInUse || r.Props.AsyncInvokeConfig.DestinationConfig != nil
	}
	return s, nil
}

// clusterIDs are all the clusters that the triggers name, each once, in their order.
func (s settings) clusterIDs() []string {
	var ids []string
	seen := map[string]bool{}
	for id := range idsIn(s.Clusters + "," + s.ImageClusters) {
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

func idsIn(list string) iter.Seq[string] {
	return strings.FieldsFuncSeq(list, func(r rune) bool { return strings.ContainsRune(`", `, r) })
}

// warnings name what nobody has filled in yet, or not rightly.
func (s settings) warnings() []string {
	var found []string
	if len(s.clusterIDs()) == 0 {
		found = append(found, "vars.clusters names no cluster")
	}
	if json.Unmarshal([]byte("["+s.Clusters+"]"), new([]string)) != nil {
		found = append(found, `vars.clusters: put each id in double quotes, and all of it in single ones: '"amv-1", "amv-2"'`)
	}
	for id := range strings.SplitSeq(s.ImageClusters, ",") {
		if id = strings.TrimSpace(id); id != "" && backup.CheckClusterID(id) != nil {
			found = append(found, fmt.Sprintf("vars.imageClusters: %s is not a cluster id; ids stand there without quotes, with commas between: amv-1,amv-2", id))
		}
	}
	for _, cron := range [][2]string{{"backupCron", s.BackupCron}, {"verifyCron", s.VerifyCron}} {
		fields := cron[1]
		if zoned, ok := strings.CutPrefix(fields, "CRON_TZ="); ok {
			_, fields, _ = strings.Cut(zoned, " ")
		}
		if len(strings.Fields(fields)) != 6 && !strings.HasPrefix(fields, "@every ") {
			found = append(found, fmt.Sprintf("vars.%s: %q needs six fields, seconds first, such as CRON_TZ=Asia/Shanghai 0 0 2 * * *", cron[0], cron[1]))
		}
	}
	if age, err := time.ParseDuration(s.VerifyMaxAge); err != nil || age <= 0 {
		found = append(found, fmt.Sprintf("vars.verifyMaxAge: %q is no duration such as 7h", s.VerifyMaxAge))
	}
	if err := backup.CheckRegion(s.Region); err != nil {
		found = append(found, "vars.region: "+err.Error())
	}
	for id := range idsIn(s.Clusters) {
		if id == placeholder {
			found = append(found, "vars.clusters is still the placeholder "+placeholder+": put your own cluster's id there")
		} else if err := backup.CheckClusterID(id); err != nil {
			found = append(found, "vars.clusters: "+err.Error())
		}
	}
	return found
}
