package credentials

import (
	"cmp"
	"encoding/json"
	"os"
	"path/filepath"
)

// Region returns the region that the environment names, else that of Alibaba Cloud CLI's current profile. It is empty if
// neither has one. It is not checked.
func Region(getenv func(string) string) string {
	if region := getenv("ALIBABA_CLOUD_REGION_ID"); region != "" {
		return region
	}
	current, err := readCLI(getenv)
	if err != nil {
		return ""
	}
	return current.RegionID
}

// cliProfile is a profile of Alibaba Cloud CLI, without its secrets.
type cliProfile struct {
	Name     string `json:"name"`
	Mode     string `json:"mode"`
	RegionID string `json:"region_id"`
}

// cliFile returns the path of Alibaba Cloud CLI's configuration.
func cliFile(getenv func(string) string) string {
	return cmp.Or(getenv("ALIBABA_CLOUD_CONFIG_FILE"), filepath.Join(getenv("HOME"), ".aliyun", "config.json"))
}

// readCLI reads the current profile. If the file does not have it, the profile returned has only its name.
func readCLI(getenv func(string) string) (cliProfile, error) {
	var config struct {
		Current  string       `json:"current"`
		Profiles []cliProfile `json:"profiles"`
	}
	content, err := os.ReadFile(cliFile(getenv))
	if err == nil {
		err = json.Unmarshal(content, &config)
	}
	if err != nil {
		return cliProfile{}, err
	}
	current := cmp.Or(getenv("ALIBABA_CLOUD_PROFILE"), config.Current)
	for _, p := range config.Profiles {
		if p.Name == current {
			return p, nil
		}
	}
	return cliProfile{Name: current}, nil
}
