package main

import (
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"
)

// samples are clusters and their last nights: o is a complete backup, u one without a size, i one with an incremental backup
// beside it, l one that is a little smaller, which is no fall, s a small one, x a failed one, and > one that runs.
var samples = []struct{ id, nights string }{
	{"amv-well", "ooooooooooouoooooooooooooooiooo"},
	{"amv-gaps", "ooooooooooooooooo...oooooo.oooo"},
	{"amv-failed", "ooooooooooooooooooooooxoooossxs"},
	{"amv-new", "....................ooooooooloo>"},
	{"amv-weekly", ".......o......o......o........."},
	{"amv-none", ""},
}

// sampleOverview has the first n of the samples.
func sampleOverview(n int) *overview {
	now := time.Date(2026, 11, 30, 9, 6, 20, 0, shanghai)
	o := newOverview(now, 26*time.Hour, 31)
	for _, sample := range samples[:n] {
		var sets []backup.Set
		for i, night := range sample.nights {
			s := listedSet(now, time.Duration(24*(31-i)-4)*time.Hour, backup.SetComplete)
			s.Size, s.Expires.From = int64(4135+15*i)<<20, s.End.From.AddDate(0, 0, 7)
			switch night {
			case '.':
				continue
			case 'u':
				s.Size = 0
			case 'i':
				sets = append(sets, backup.Set{ID: "1", Size: 80 << 20, State: backup.SetComplete, Start: s.Start})
			case 'l':
				s.Size -= 100 << 20
			case 's':
				s.Size = 1800 << 20
			case 'x':
				s.State, s.Size = backup.SetFailed, 1<<20
			case '>':
				s = listedSet(now, 5*time.Minute, backup.SetRunning)
			}
			sets = append(sets, s)
		}
		o.told(sample.id, sets, nil)
	}
	return o
}

// wellFormed reads a page as a browser's strictest relative would, and returns its text without tags.
func wellFormed(t *testing.T, page string) (text string) {
	t.Helper()
	d := xml.NewDecoder(strings.NewReader(page))
	for token, err := d.Token(); err != io.EOF; token, err = d.Token() {
		if err != nil {
			t.Fatal(err)
		}
		if words, ok := token.(xml.CharData); ok {
			text += string(words)
		}
	}
	return text
}

// The page has what there is to say: the rows in the order of s.yaml, the cards in trouble first. It needs nothing from outside,
// runs nothing, and suits dark screens, narrow ones and paper.
func TestThePage(t *testing.T) {
	page := sampleOverview(6).html()
	has(t, wellFormed(t, page), "2 of 6 clusters have no complete backup that started in the last 26h|Made Mon 30 Nov 2026, 09:06 · 31 days, 31 Oct to 30 Nov · times in Asia/Shanghai|"+
		"amv-weekly: 9d20h old, more than 26h|amv-none: no complete backup in 31 days|No backup: 16 Nov to 18 Nov (3 days), Wed 25 Nov.|"+
		"Failed, and not made good that day: Sat 21 Nov, Sat 28 Nov.|The backup of Thu 26 Nov is less than half as large as the one before it: 1.8 GiB after 4.4 GiB.|"+
		"Since the first backup that is shown, no day was missed.|running since Mon 30 Nov 09:01|Kept untilSun 6 Dec 13:23|Took17m|Size, at most 4.5 GiB")
	has(t, page, `http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"|prefers-color-scheme: dark|max-width: 800px|@media print|size: A4|Unknown::before { content: "✕ "`)
	for pattern, want := range map[string]string{
		`<th scope="row"><a href="#([^"]+)"`:      "amv-well amv-gaps amv-failed amv-new amv-weekly amv-none",
		`<section class="card" id="([^"]+)"`:      "amv-weekly amv-none amv-gaps amv-failed amv-well amv-new",
		`role="img" aria-label="(Calendar) of 31`: "Calendar Calendar Calendar Calendar Calendar Calendar",
		`<path class="fall" d="([^"]+)"/>`:        "M263.9 57.8h14l-7 11z",
		`<h1 class="([^"]+)"`:                     "Missing",
		`<td class="last ([^"]+)"`:                "Completed Completed Completed Completed Missing Missing",
		`<span class="badge ([^"]+)"`:             "Missing Missing Completed Completed Completed Completed",
		`class="strip" role="img" aria-label="of 31 days: ([^"]+) none"`: "30 complete, 0 running, 0 failed, 0 26 complete, 0 running, 0 failed, 4 28 complete, 0 running, 2 failed, 0 " +
			"11 complete, 1 running, 0 failed, 0 3 complete, 0 running, 0 failed, 21 0 complete, 0 running, 0 failed, 30",
		`(<script|<link|<img|src=|url\(|https?:|@import| style=| on[a-z]+=)`: "",
	} {
		if got := strings.Join(firstGroups(regexp.MustCompile(pattern), page), " "); got != want {
			t.Errorf("%s: %s", pattern, got)
		}
	}
	has(t, page[strings.LastIndex(page, `class="calendar"`):], `<th>Oct</th><td></td><td></td><td></td><td></td><td></td><td class="open"|<th>Nov</th><td class="open" title="Mon 2 Nov: open">2</td>|`+
		`<tr><th></th><td class="running" title="Mon 30 Nov: running">30</td></tr>|<path class="axis" d="M8 112h300"/><text x="8" y="128">31 Oct</text>`)
}

// Whatever the service says is text on the page, and what could not be read is said.
func TestThePageEscapes(t *testing.T) {
	const evil = `"><script>alert('1')</script>&amp;`
	o := sampleOverview(1)
	o.Backups[0].BackupId, o.Backups[0].Warnings = evil, []string{evil}
	o.Errors, o.Skipped = []string{evil}, []left{{evil, evil, evil}}
	page := o.told("amv-1", nil, errors.New(evil)).html()
	if text := wellFormed(t, page); strings.Contains(page, "<script") || strings.Count(text, evil) != 8 || !strings.Contains(text, "2 of 3 could not be read") {
		t.Errorf("%d times in\n%s", strings.Count(text, evil), page)
	}
	empty := newOverview(o.now, 0, 1)
	empty.judge()
	has(t, wellFormed(t, empty.html()), "No cluster is selected; is a tag missing?")
	has(t, sampleOverview(4).html(), `<h1 class="Completed">Each cluster has a complete backup that started in the last 26h</h1>`)
}
