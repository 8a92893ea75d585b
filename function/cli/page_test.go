package main

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"

	"github.com/google/go-cmp/cmp"
)

// sampleOverview has six clusters that show each case, over and over until there are n.
func sampleOverview(n int) *overview {
	now := time.Date(2026, 11, 30, 9, 6, 20, 0, shanghai)
	o := &overview{Now: now, MaxAge: 26 * time.Hour, Days: 31}
	kinds := []string{"wz9or2xawpnc", "bp1c8v3q9xk27d", "2ze6m0t4hj85sg", "uf61r7d9kw30xq", "bp1s4nd80xg5ty", "uf6d5p8l3w6y1x"}
	for i := range n {
		c := backup.Cluster{ID: "amv-" + kinds[i%6], Region: "cn-hangzhou"}
		if i >= 6 {
			c.ID += fmt.Sprint(i)
		}
		r := told(backup.Listing{Sets: sampleSets(now, i%6)}, now, 31)
		r.Cluster = c
		o.Rows = append(o.Rows, r)
	}
	return o
}

// sampleSets are a month's backups: all well; nights missed; failed, and smaller since; new, and running; weekly, and stopped;
// none.
func sampleSets(now time.Time, kind int) []backup.Set {
	var sets []backup.Set
	for night := 1; night <= 31 && kind < 5; night++ {
		s := set(now, time.Duration(24*night-4)*time.Hour, backup.SetComplete)
		s.Size = int64(4600-15*night) << 20
		s.Expires = backup.Span{From: s.End.From.AddDate(0, 0, 7), Until: s.End.Until.AddDate(0, 0, 7)}
		switch {
		case kind == 1 && (night == 5 || night >= 12 && night <= 14), kind == 3 && night > 11, kind == 4 && (night < 10 || night > 26 || night%7 != 3):
			continue
		case kind == 2 && (night == 2 || night == 9):
			s.State, s.Size = backup.SetFailed, 1<<20
		case kind == 0 && night == 20:
			s.Size = 0 // it is not given
		case kind == 3 && night == 3:
			s.Size -= 100 << 20 // that is no fall
		case kind == 2 && night < 5:
			s.Size = 1800 << 20
		}
		sets = append(sets, s)
	}
	if kind == 0 {
		sets = append(sets, backup.Set{ID: "1", Size: 80 << 20, State: backup.SetComplete, Start: sets[3].Start})
	}
	if kind == 3 {
		sets = append(sets, set(now, 5*time.Minute, backup.SetRunning))
	}
	return sets
}

// wellFormed reads a page as a browser's strictest relative would, and returns its text without tags.
func wellFormed(t *testing.T, page string) string {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	var text strings.Builder
	for {
		token, err := d.Token()
		if err == io.EOF {
			return text.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if words, ok := token.(xml.CharData); ok {
			text.Write(words)
		}
	}
}

// The page has what there is to say: the rows in the order of s.yaml, the cards in trouble first. It needs nothing from outside,
// runs nothing, and suits dark screens, narrow ones and paper.
func TestThePage(t *testing.T) {
	page := sampleOverview(6).html()
	if dir := os.Getenv("PAGES"); dir != "" { // to look at them in a browser
		for _, n := range []int{1, 6, 60} {
			os.WriteFile(filepath.Join(dir, fmt.Sprintf("status-%d.html", n)), []byte(sampleOverview(n).html()), 0o600)
		}
	}
	has(t, wellFormed(t, page), "2 of 6 clusters have no complete backup that started in the last 26h|Made Mon 30 Nov 2026, 09:06 · 31 days, 31 Oct to 30 Nov · times in Asia/Shanghai|"+
		"amv-bp1s4nd80xg5ty: 9d20h old, more than 26h|amv-uf6d5p8l3w6y1x: no complete backup in 31 days|No backup: 16 Nov to 18 Nov (3 days), Wed 25 Nov.|"+
		"Failed, and not made good that day: Sat 21 Nov, Sat 28 Nov.|The backup of Thu 26 Nov is less than half as large as the one before it: 1.8 GiB after 4.4 GiB.|"+
		"Since the first backup that is shown, no day was missed.|running since Mon 30 Nov 09:01|Kept untilSun 6 Dec 13:23|Took17m|Size, at most 4.5 GiB")
	has(t, page, `http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"|prefers-color-scheme: dark|max-width: 800px|@media print|size: A4|Unknown::before { content: "✕ "`)
	in := func(pattern string) (found []string) {
		for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(page, -1) {
			found = append(found, m[1])
		}
		return found
	}
	order := []string{"amv-wz9or2xawpnc", "amv-bp1c8v3q9xk27d", "amv-2ze6m0t4hj85sg", "amv-uf61r7d9kw30xq", "amv-bp1s4nd80xg5ty", "amv-uf6d5p8l3w6y1x"}
	for pattern, want := range map[string][]string{
		`<th scope="row"><a href="#([^"]+)"`:      order,
		`<section class="card" id="([^"]+)"`:      {order[4], order[5], order[1], order[2], order[0], order[3]},
		`role="img" aria-label="(Calendar) of 31`: {"Calendar", "Calendar", "Calendar", "Calendar", "Calendar", "Calendar"},
		`<path class="(fall)"`:                    {"fall"},
		`<h1 class="([^"]+)"`:                     {"Missing"},
		`<td class="last ([^"]+)"`:                {"Completed", "Completed", "Completed", "Completed", "Missing", "Missing"},
		`<span class="badge ([^"]+)"`:             {"Missing", "Missing", "Completed", "Completed", "Completed", "Completed"},
		`class="strip" role="img" aria-label="of 31 days: ([^"]+)"`: {"30 complete, 0 running, 0 failed, 0 none", "26 complete, 0 running, 0 failed, 4 none", "28 complete, 0 running, 2 failed, 0 none",
			"11 complete, 1 running, 0 failed, 0 none", "3 complete, 0 running, 0 failed, 21 none", "0 complete, 0 running, 0 failed, 30 none"},
		`(<script|<link|<img|src=|url\(|https?:|@import| style=| on[a-z]+=)`: nil,
	} {
		if diff := cmp.Diff(want, in(pattern)); diff != "" {
			t.Errorf("%s: %s", pattern, diff)
		}
	}
	has(t, page[strings.LastIndex(page, `class="calendar"`):], `<th>Oct</th><td></td><td></td><td></td><td></td><td></td><td class="open"|<th>Nov</th><td class="open" title="Mon 2 Nov: open">2</td>|`+
		`<tr><th></th><td class="running" title="Mon 30 Nov: running">30</td></tr>`)
	if wellFormed(t, sampleOverview(60).html()); strings.Count(sampleOverview(60).html(), "<section") != 60 {
		t.Error("sixty clusters have sixty cards")
	}
}

// Whatever the service says is text on the page, and what could not be read is said.
func TestThePageEscapes(t *testing.T) {
	const evil = `"><script>alert('1')</script>&amp;`
	o := sampleOverview(2)
	o.Rows[0].Err = errors.New(evil)
	o.Rows[1].Last.ID, o.Rows[1].Warnings = evil, []string{evil}
	o.Failed = []string{evil}
	o.Skipped = []backup.Skipped{{Cluster: backup.Cluster{ID: evil, Region: evil}, Reason: evil}}
	page := o.html()
	if text := wellFormed(t, page); strings.Contains(page, "<script") || strings.Count(text, evil) != 8 || !strings.Contains(text, "2 of 3 could not be read") {
		t.Errorf("%d times in\n%s", strings.Count(text, evil), page)
	}
	has(t, wellFormed(t, (&overview{Now: o.Now}).html()), "No cluster is selected; is a tag missing?")
	has(t, sampleOverview(4).html(), `<h1 class="Completed">Each cluster has a complete backup that started in the last 26h</h1>`)
}
