package credentials

import (
	"encoding/json"
	"os"
	"path/filepath"
)

// Region returns the region of the environment, else that of Alibaba Cloud CLI's current profile. It is empty where neither
// has one, and unchecked.
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

// cliProfile is what is of interest in a profile of Alibaba Cloud CLI, without its secrets.
type cliProfile struct {
	Name     string `json:"name"`
	Mode     string `json:"mode"`
	RegionID string `json:"region_id"`
}

// cliFile is the configuration of Alibaba Cloud CLI.
func cliFile(getenv func(string) string) string {
	if path := getenv("ALIBABA_CLOUD_CONFIG_FILE"); path != "" {
		return path
	}
	return filepath.Join(getenv("HOME"), ".aliyun", "config.json")
}

// readCLI reads the current profile. Without one it returns a zero profile that has the name alone.
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
	if name := getenv("ALIBABA_CLOUD_PROFILE"); name != "" {
		config.Current = name
	}
	for _, p := range config.Profiles {
		if p.Name == config.Current {
			return p, nil
		}
	}
	return cliProfile{Name: config.Current}, nil
}
