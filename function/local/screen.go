package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// columns is the width where no terminal has its own.
const columns = 80

// screen is what the person sees: lines, on a terminal in colours and with a bar at the bottom while something is awaited.
// Calls, log and deliveries write at the same time.
type screen struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool // a bar can be drawn, and long lines are folded
	colour   bool
	width    func() int // in characters; a terminal's may change
	began    time.Time
	bar      string // what is drawn of it
}

func newScreen(w io.Writer, environ []string) *screen {
	env := environment(environ)
	s := &screen{w: w, width: func() int { return columns }, began: time.Now()}
	if file, ok := w.(*os.File); ok && env["TERM"] != "dumb" && term.IsTerminal(int(file.Fd())) {
		s.terminal, s.colour = true, env["NO_COLOR"] == ""
		s.width = func() int {
			width, _, err := term.GetSize(int(file.Fd()))
			if err != nil || width <= 0 {
				return columns
			}
			return min(max(width, 30), 160) // narrower ones have no room for ids, and nobody reads longer lines
		}
	}
	return s
}

// The colours are the terminal's own, so that they suit its background.
const (
	plain  = ""
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

func (s *screen) paint(colour, text string) string {
	if !s.colour || colour == plain || text == "" {
		return text
	}
	return colour + text + "\x1b[0m"
}

// write puts whole lines above the bar.
func (s *screen) write(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear := ""
	if s.bar != "" {
		clear = "\r\x1b[K"
	}
	fmt.Fprint(s.w, clear, strings.TrimSuffix(text, "\n"), "\n", s.bar)
}

// text writes a paragraph.
func (s *screen) text(text string) { s.write(strings.Join(wrap(text, s.width()), "\n")) }

func (s *screen) blank() { s.write("") }

const labelWidth = 10

// field writes a label and a paragraph beside it.
func (s *screen) field(label, text string) {
	for i, line := range wrap(text, s.width()-labelWidth) {
		if i > 0 {
			label = ""
		}
		s.write(s.paint(bold, fmt.Sprintf("%-*s", labelWidth, label)) + line)
	}
}

// event writes a line with the time since the start and what it is about. On a terminal it is folded under itself, in a
// narrow one further to the left; in a file it stays one line, for whoever searches there.
func (s *screen) event(colour, what, text string) {
	const headWidth, narrow = 19, 60
	indent := headWidth
	head := fmt.Sprintf("%7.2fs  %-*s  ", time.Since(s.began).Seconds(), headWidth-12, what)
	lines := []string{text}
	if width := s.width(); s.terminal && width >= narrow {
		lines = wrap(text, width-indent)
	} else if s.terminal {
		indent = 4
		lines = wrap(strings.Repeat("x", headWidth-1)+" "+text, width-indent)
		lines[0] = lines[0][min(headWidth, len(lines[0])):]
	}
	for i, line := range lines {
		if i > 0 {
			head = strings.Repeat(" ", indent)
		}
		s.write(s.paint(dim, head) + s.paint(colour, line))
	}
}

// setBar draws the bar, or takes it away; only on a terminal.
func (s *screen) setBar(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar == text || !s.terminal {
		return
	}
	s.bar = text
	fmt.Fprint(s.w, "\r\x1b[K", text)
}

// wrap breaks a text at spaces into lines of so many characters; a word that is longer has a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line, length := "", 0
		for word := range strings.SplitSeq(paragraph, " ") {
			n := utf8.RuneCountInString(word)
			switch {
			case line == "":
				line, length = word, n
			case length+1+n <= width:
				line, length = line+" "+word, length+1+n
			default:
				lines = append(lines, line)
				line, length = word, n
			}
		}
		lines = append(lines, line)
	}
	return lines
}
