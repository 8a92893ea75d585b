package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"adb-backup/events"
	"adb-backup/function/config"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
)

// The pages that a person reads, and what they tell to type and to paste.

const (
	firstPage = "README.md"
	chinese   = ".github/README.zh-CN.md"
)

var pageNames = []string{firstPage, chinese, "events/README.md", "function/README.md", "function/cli/README.md", "function/local/README.md", ".github/CONTRIBUTING.md"}

// page is a page in its parts.
type page struct {
	name   string
	blocks []codeBlock
	prose  string // what is left without the blocks
}

type codeBlock struct{ language, text string }

var fence = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")

func readPage(t *testing.T, name string) page {
	t.Helper()
	p := page{name: name, prose: fence.ReplaceAllString(readSource(t, name), "")}
	for _, m := range fence.FindAllStringSubmatch(readSource(t, name), -1) {
		p.blocks = append(p.blocks, codeBlock{m[1], m[2]})
	}
	return p
}

func readSource(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

var inlineCode = regexp.MustCompile("`([^`\n]+)`")

// code returns the code in the prose.
func (p page) code() []string { return firstGroups(inlineCode, p.prose) }

func firstGroups(pattern *regexp.Regexp, text string) []string {
	var all []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// table returns the code in the first column of the table whose first heading is given.
func (p page) table(t *testing.T, heading string) (names []string, rows map[string][]string) {
	t.Helper()
	_, table, found := strings.Cut(p.prose, "\n| "+heading+" |")
	if !found {
		t.Fatalf("%s has no table of %s", p.name, heading)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	rows = map[string][]string{}
	for _, line := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(line, " | ")
		for _, name := range firstGroups(inlineCode, cells[0]) {
			names, rows[name] = append(names, name), cells
		}
	}
	return names, rows
}

// Every link leads to a file of this repository, and to a heading that is there.
func TestPagesLinks(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)]*)\)`)
	for _, name := range pageNames {
		p := readPage(t, name)
		for _, target := range firstGroups(link, p.prose) {
			file, anchor, anchored := strings.Cut(target, "#")
			if file == "" {
				file = path.Base(name)
			}
			file = path.Join(path.Dir(name), file)
			if _, err := os.Stat(filepath.Join("../..", file)); err != nil {
				t.Errorf("%s: link %s: %v", name, target, err)
			} else if anchored && !slices.Contains(anchors(readPage(t, file)), anchor) {
				t.Errorf("%s: link %s: there is no such heading", name, target)
			}
		}
		for _, sample := range regexp.MustCompile(`events/[a-z-]+\.(?:json|txt)`).FindAllString(readSource(t, name), -1) {
			if _, err := os.Stat(filepath.Join("../..", sample)); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// anchors are the names under which GitHub and GitLab find a page's headings.
func anchors(p page) []string {
	var all []string
	for _, heading := range firstGroups(regexp.MustCompile(`(?m)^#+ (.*)$`), p.prose) {
		heading = regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(heading), "")
		all = append(all, strings.ReplaceAll(heading, " ", "-"))
	}
	return all
}

// commands are the lines that a page tells to type.
func (p page) commands() []string {
	lines := p.code()
	for _, b := range p.blocks {
		if b.language == "sh" || b.language == "yaml" {
			lines = append(lines, strings.Split(b.text, "\n")...)
		}
	}
	return lines
}

// Every command is a target of the Makefile with variables that it has, or a command of the programs with flags that it has.
func TestPagesCommands(t *testing.T) {
	makefile, options := readSource(t, "Makefile"), readSource(t, "function/local/main.go")
	target := regexp.MustCompile(`\bmake (?:-s )?([a-z]+)(?: ([A-Z]+)=)?`)
	flags := regexp.MustCompile(` -([a-z][a-z-]*)`)
	for _, name := range pageNames {
		for _, line := range readPage(t, name).commands() {
			for _, m := range target.FindAllStringSubmatch(line, -1) {
				if !strings.Contains(makefile, "\n"+m[1]+":") || !strings.Contains(makefile, m[2]) {
					t.Errorf("%s: %q is not in the Makefile", name, m[0])
				}
			}
			program, args, _ := strings.Cut(line[max(0, strings.Index(line, "dist/")):], " ")
			for _, flag := range firstGroups(flags, " "+args) {
				known := true
				switch program {
				case "dist/adb-backup":
					known = strings.Contains(helpOf(t, strings.Fields(args)[0])+"\n  -h ", "\n  -"+flag+" ")
				case "dist/local":
					known = strings.Contains(options, `"`+flag+`"`)
				}
				if !known {
					t.Errorf("%s: %s has no flag -%s", name, program, flag)
				}
			}
		}
	}
}

func helpOf(t *testing.T, command string) string {
	var help bytes.Buffer
	run(t.Context(), []string{command, "-h"}, &help, io.Discard)
	return regexp.MustCompile(`(?m)^ +-+([a-z][a-z-]*)\b`).ReplaceAllString(help.String(), "  -$1 ")
}

// Every request and every event is one that the function takes.
func TestPagesRequests(t *testing.T) {
	other := regexp.MustCompile(`"Statement"|"Status"|"errorType"|^\{"source"|^\{"cluster"`)
	for _, name := range pageNames {
		p := readPage(t, name)
		texts := slices.DeleteFunc(p.code(), func(code string) bool { return !strings.HasPrefix(code, `{"`) })
		for _, b := range p.blocks {
			if b.language == "json" {
				texts = append(texts, b.text)
			}
		}
		for _, text := range texts {
			if other.MatchString(text) {
				if !json.Valid([]byte(text)) {
					t.Errorf("%s: not JSON: %s", name, text)
				}
				continue
			}
			text = strings.NewReplacer("${cluster}", "amv-1", "${time}", "2026-11-23T02:00:00Z").Replace(text)
			if _, err := events.Decode([]byte(text), events.Invocation{Region: "cn-hangzhou", Received: time.Now(), Timeout: time.Hour}); err != nil {
				t.Errorf("%s: %v: %s", name, err, text)
			}
		}
	}
}

// What is there to be pasted into a pipeline or into Terraform can be read, and has what does not work without.
func TestPagesPipelines(t *testing.T) {
	for _, name := range pageNames {
		for _, b := range readPage(t, name).blocks {
			if b.language != "yaml" {
				continue
			}
			var read any
			var jobs map[string]struct{ Script []string }
			err := yaml.Unmarshal([]byte(b.text), &read)
			if err == nil && strings.Contains(b.text, "\n  script:") { // a command with ": " in it is no text to YAML, unless it is quoted
				err = yaml.Unmarshal([]byte(b.text), &jobs)
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if credentials := "configure-aliyun-credentials-action"; strings.Contains(b.text, credentials) {
				for _, needed := range []string{"audience: github-actions", "role-session-expiration: 3600"} {
					if !strings.Contains(b.text, needed) {
						t.Errorf("%s: %s without %s", name, credentials, needed)
					}
				}
			}
		}
	}
	if open := unclosed(readSource(t, "function/cli/adb-backup.tf")); open != "" {
		t.Errorf("the Terraform file leaves open or closes too much: %s", open)
	}
}

// unclosed returns the brackets and quotes of a text in Terraform's language that have no partner.
func unclosed(text string) string {
	text = regexp.MustCompile(`(?m)^\s*#.*$|\s# .*$`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"`).ReplaceAllString(text, "")
	pair := regexp.MustCompile(`\[[^][(){}"]*\]|\([^][(){}"]*\)|\{[^][(){}"]*\}`)
	for before := ""; before != text; {
		before, text = text, pair.ReplaceAllString(text, "")
	}
	return regexp.MustCompile(`[^][(){}"]`).ReplaceAllString(text, "")
}

// The tables of the reference have what there is in the code.
func TestPagesTables(t *testing.T) {
	for _, c := range []struct{ page, heading, source, pattern string }{
		{"function/README.md", "variable", "function/config/config.go", `(?m)^\t"([A-Z_]+)": `},
		{"events/README.md", "`errorType`", "function/backup/outcome.go", `ErrorType = "(\w+)"`},
	} {
		names, _ := readPage(t, c.page).table(t, c.heading)
		want := firstGroups(regexp.MustCompile(c.pattern), readSource(t, c.source))
		slices.Sort(names)
		slices.Sort(want)
		if diff := cmp.Diff(want, names); diff != "" || len(want) < 5 {
			t.Errorf("%s, table of %s: -%s, +page\n%s", c.page, c.heading, c.source, diff)
		}
	}
	_, faults, _ := strings.Cut(readSource(t, "function/local/README.md"), "## Faults")
	for _, name := range firstGroups(regexp.MustCompile(`(?m)^\t\{name: "([a-z0-9-]+)"`), readSource(t, "function/local/fault.go")) {
		if !strings.Contains(faults, "`"+name+"`") {
			t.Errorf("the fault %s is not in the table", name)
		}
	}
	lines, _ := readPage(t, "function/README.md").table(t, "line")
	var rule strings.Builder
	for _, file := range []string{"backup/ensure.go", "backup/follow.go", "backup/select.go", "report.go", "handler.go"} {
		rule.WriteString(readSource(t, "function/"+file))
	}
	for _, line := range lines {
		if !strings.Contains(rule.String(), `"`+line+`"`) {
			t.Errorf("nothing logs %q", line)
		}
	}
	_, rows := readPage(t, "function/README.md").table(t, "variable")
	usual, err := config.Load(nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, cells := range rows {
		for _, value := range firstGroups(inlineCode, cells[1]) {
			if c, err := config.Load([]string{name + "=" + value}); err != nil || !cmp.Equal(c, usual, cmp.AllowUnexported(c)) {
				t.Errorf("%s is not the default of %s: %v", value, name, err)
			}
		}
	}
	names, _ := readPage(t, "function/README.md").table(t, "policy")
	for _, p := range policies(settingsOf(t, uncommented(filledIn(t))), nil) {
		if !slices.Contains(names, p.Name) {
			t.Errorf("the policy %s is not in the table", p.Name)
		}
	}
}

// The policies to paste are those that `make policy` prints.
func TestPagesPolicies(t *testing.T) {
	s := settingsOf(t, filledIn(t, "region", "cn-hangzhou", "clusters", `'"DBClusterIds": ["amv-wz9or2xawpnc", "amv-bp1c8v3q9xk27d"]'`, "imageClusters", `""`))
	for _, name := range []string{"trust", "wait"} {
		if !slices.ContainsFunc(readPage(t, "function/README.md").blocks, func(b codeBlock) bool {
			var d document
			return json.Unmarshal([]byte(b.text), &d) == nil && cmp.Equal(d, documentOf(t, s, name))
		}) {
			t.Errorf("the policy %s is another than make policy prints", name)
		}
	}
}

// The Chinese page tells to type and to paste what the first page does.
func TestPagesChinese(t *testing.T) {
	first, translated := readPage(t, firstPage), readPage(t, chinese)
	codeOf := func(p page) (blocks []codeBlock, cells [][]string) {
		for _, b := range p.blocks {
			if b.language != "mermaid" {
				blocks = append(blocks, b)
			}
		}
		for line := range strings.SplitSeq(p.prose, "\n") {
			if strings.HasPrefix(line, "|") {
				cells = append(cells, firstGroups(inlineCode, line))
			}
		}
		return blocks, cells
	}
	wantBlocks, wantCells := codeOf(first)
	blocks, cells := codeOf(translated)
	if diff := cmp.Diff(wantBlocks, blocks, cmp.AllowUnexported(codeBlock{})); diff != "" {
		t.Errorf("blocks: -%s +%s\n%s", firstPage, chinese, diff)
	}
	if diff := cmp.Diff(wantCells, cells); diff != "" {
		t.Errorf("tables: -%s +%s\n%s", firstPage, chinese, diff)
	}
	// Of the code in the text each piece stands in both.
	commands := func(p page) []string { return slices.Compact(slices.Sorted(slices.Values(p.code()))) }
	if diff := cmp.Diff(commands(first), commands(translated)); diff != "" {
		t.Errorf("code in the text: -%s +%s\n%s", firstPage, chinese, diff)
	}
}
