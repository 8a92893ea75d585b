package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode/utf8"

	"adb-backup/function/terminal"

	"golang.org/x/term"
)

// screen is what an output can show.
type screen struct {
	width   int // in columns; 0: unlimited
	colours bool
}

func screenOf(w io.Writer) screen {
	if !terminal.IsTerminal(w) {
		return screen{}
	}
	s := screen{colours: os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
	if width, _, err := term.GetSize(int(w.(*os.File).Fd())); err == nil {
		s.width = width
	}
	return s
}

// Colours of a terminal.
const (
	plain  = ""
	red    = "31"
	green  = "32"
	yellow = "33"
	dim    = "2"
	bold   = "1"
)

func (s screen) paint(colour, text string) string {
	if !s.colours || colour == plain || text == "" {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// cell is a text in a column, and its colour.
type cell struct{ text, colour string }

// line is a row as it is printed.
type line struct {
	cells [5]cell // as headings names them
	strip [days]mark
	none  bool   // there is no strip
	notes []cell // what is wrong, what runs or failed since, and warnings
}

// Layouts of a time. The short one leaves out the year, so that the table fits on 80 columns.
const (
	longTime  = "2006-01-02 15:04"
	shortTime = "01-02 15:04"
)

// print writes the table. On a narrow screen, what does not fit beside a row stands below it.
func (o *overview) print(w io.Writer, s screen) error {
	lines := o.lines(longTime)
	widths := columns(lines)
	tooWide := func(notes int) bool { return s.width > 0 && sum(widths)+notes > s.width }
	notesBelow := tooWide(longestNote(lines))
	if tooWide(0) {
		lines = o.lines(shortTime)
		widths = columns(lines)
	}
	var b strings.Builder
	t := table{screen: s, widths: widths, notesBelow: notesBelow, cut: tooWide(0)}
	t.head(&b)
	for _, l := range lines {
		t.line(&b, l)
	}
	o.foot(&b, s)
	_, err := io.WriteString(w, b.String())
	return err
}

// lines returns the rows as they are printed, with times in a layout.
func (o *overview) lines(layout string) []line {
	var lines []line
	for _, r := range o.Rows {
		l := line{strip: r.Strip, none: r.Err != nil}
		l.cells[0], l.cells[1] = cell{r.Cluster.ID, bold}, cell{r.Cluster.Region, plain}
		switch {
		case r.Err != nil:
			l.cells[2] = cell{"not read", red}
			l.notes = append(l.notes, cell{r.Err.Error(), red})
		case r.Last == nil:
			l.cells[2] = cell{"none", red}
			l.notes = append(l.notes, cell{fmt.Sprintf("no complete backup in %d days", statusWindow/(24*time.Hour)), red})
		default:
			colour := plain
			if o.tooOld(r) {
				colour = red
				l.notes = append(l.notes, cell{"older than " + short(o.MaxAge), red})
			}
			l.cells[2] = cell{r.Last.Start.From.In(o.Now.Location()).Format(layout), colour}
			l.cells[3] = cell{age(o.Now.Sub(r.Last.Start.From)), colour}
			l.cells[4] = cell{size(r.Last.Size), plain}
		}
		if since := r.since(o.Now, layout); since != "" {
			l.notes = append(l.notes, cell{since, yellow})
		}
		for _, warning := range r.Warnings {
			l.notes = append(l.notes, cell{warning, yellow})
		}
		lines = append(lines, l)
	}
	return lines
}

var headings = [5]string{"CLUSTER", "REGION", "LAST BACKUP", "AGE", "SIZE"}

// columns returns the width of each column, without the gap after it.
func columns(lines []line) []int {
	widths := make([]int, 0, 6)
	for i, heading := range headings {
		width := len(heading)
		for _, l := range lines {
			width = max(width, utf8.RuneCountInString(l.cells[i].text))
		}
		widths = append(widths, width)
	}
	return append(widths, days)
}

// gap is between two columns.
const gap = "  "

// sum returns the width of all columns, with the gaps between them.
func sum(widths []int) int {
	n := len(gap) * (len(widths) - 1)
	for _, w := range widths {
		n += w
	}
	return n
}

// longestNote returns the width of the longest notes beside a row.
func longestNote(lines []line) int {
	longest := 0
	for _, l := range lines {
		width := 0
		for _, n := range l.notes {
			width += len(gap) + utf8.RuneCountInString(n.text)
		}
		longest = max(longest, width)
	}
	return longest
}

// table is how lines are laid out.
type table struct {
	screen
	widths     []int
	notesBelow bool
	cut        bool // a row does not fit on a line: cluster and region have a line of their own
}

func (t table) head(b *strings.Builder) {
	var l line
	for i, heading := range headings {
		l.cells[i] = cell{heading, dim}
	}
	t.row(b, l, t.paint(dim, fmt.Sprintf("LAST %d DAYS", days)))
	b.WriteString("\n")
}

func (t table) line(b *strings.Builder, l line) {
	t.row(b, l, t.strip(l))
	for _, n := range l.notes {
		if t.notesBelow {
			for _, part := range wrap(n.text, t.width-4) {
				b.WriteString("\n    " + t.paint(n.colour, part))
			}
		} else {
			b.WriteString(gap + t.paint(n.colour, n.text))
		}
	}
	b.WriteString("\n")
}

// row writes the cells of a line, and the strip after them.
func (t table) row(b *strings.Builder, l line, strip string) {
	for i, c := range l.cells {
		padding := strings.Repeat(" ", t.widths[i]-utf8.RuneCountInString(c.text))
		switch {
		case i >= 3: // numbers
			b.WriteString(padding + t.paint(c.colour, c.text) + gap)
		case t.cut && i == 0:
			b.WriteString(t.paint(c.colour, c.text) + gap)
		case t.cut && i == 1:
			b.WriteString(c.text + "\n    ")
		default:
			b.WriteString(t.paint(c.colour, c.text) + padding + gap)
		}
	}
	b.WriteString(strip)
}

var markColours = map[mark]string{markNone: dim, markFailed: red, markRunning: yellow, markComplete: green}

// strip returns the strip of a line as it is printed.
func (t table) strip(l line) string {
	if l.none {
		return strings.Repeat(" ", days)
	}
	var b strings.Builder
	for _, m := range l.strip {
		b.WriteString(t.paint(markColours[m], string(rune(m))))
	}
	return b.String()
}

// foot writes what stands below the table.
func (o *overview) foot(b *strings.Builder, s screen) {
	for _, skipped := range o.Skipped {
		b.WriteString(s.paint(yellow, fmt.Sprintf("%v is skipped: %s", skipped.Cluster, skipped.Reason)) + "\n")
	}
	for _, err := range o.Failed {
		b.WriteString(s.paint(red, err.Error()) + "\n")
	}
	if len(o.Rows) == 0 {
		return
	}
	b.WriteString("\n")
	legend := fmt.Sprintf("One mark a day, today last: %c complete, %c failed, %c running, %c none. A last backup is a complete one, and its time is its start. Days and times are in %s.",
		markComplete, markFailed, markRunning, markNone, o.Zone)
	for _, part := range wrap(legend, s.width) {
		b.WriteString(s.paint(dim, part) + "\n")
	}
}

// wrap breaks a text at spaces into lines of at most width. Width 0 is unlimited.
func wrap(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var lines []string
	for _, word := range strings.Fields(text) {
		if last := len(lines) - 1; last >= 0 && utf8.RuneCountInString(lines[last])+1+utf8.RuneCountInString(word) <= width {
			lines[last] += " " + word
		} else {
			lines = append(lines, word)
		}
	}
	return lines
}
