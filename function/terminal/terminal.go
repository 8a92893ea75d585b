// Package terminal is what the programs for people have in common: how wide and how colourful their output may be, a question
// with two answers, and a sign of life while something takes long.
package terminal

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// IsTerminal reports whether a reader or a writer is a terminal.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Width returns how many columns a terminal has. It is 0 where there is none, or where it does not say.
func Width(w io.Writer) (width int) {
	if file, ok := w.(*os.File); ok {
		width, _, _ = term.GetSize(int(file.Fd())) // 0 beside an error
	}
	return width
}

// Colour is a colour of the terminal's own, so that it suits its background.
type Colour string

// The colours. Plain leaves a text as it is.
const (
	Plain  Colour = ""
	Bold   Colour = "1"
	Red    Colour = "31"
	Green  Colour = "32"
	Yellow Colour = "33"
	Cyan   Colour = "36"
)

// Colourful reports whether a writer may be painted on: a terminal that can, if NO_COLOR does not ask for none.
func Colourful(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Paint returns a text in a colour.
func (c Colour) Paint(text string) string {
	if c == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Wrap breaks a text at spaces into lines of so many characters. A longer word has a line of its own. Width 0 is unlimited.
func Wrap(text string, width int) (lines []string) {
	for paragraph := range strings.SplitSeq(text, "\n") {
		words := strings.Split(paragraph, " ")
		line := words[0]
		for _, word := range words[1:] {
			if width > 0 && utf8.RuneCountInString(line+" "+word) > width {
				lines = append(lines, line)
				line = word
			} else {
				line += " " + word
			}
		}
		lines = append(lines, line)
	}
	return lines
}

// Why a question has no answer.
var (
	ErrNoTerminal  = errors.New("there is no terminal to ask on")
	ErrInterrupted = errors.New("there was no answer")
)

// Confirm asks a question and reports whether the answer is yes. Anything but y or yes is no. It returns ErrNoTerminal if in
// is a file and no terminal, and ErrInterrupted if somebody presses Ctrl-C instead.
func Confirm(in io.Reader, out io.Writer, question string) (bool, error) {
	if _, file := in.(*os.File); file && !IsTerminal(in) {
		return false, ErrNoTerminal
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	fmt.Fprintf(out, "%s [y/N] ", question)
	answered := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(in).ReadString('\n') // what cannot be read is no yes
		answered <- strings.ToLower(strings.TrimSpace(answer))
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(out)
		return false, ErrInterrupted
	case answer := <-answered:
		return answer == "y" || answer == "yes", nil
	}
}

// silence is how long a program may say nothing while it waits.
const silence = 20 * time.Second

// Progress writes a line now and then until stop is called, so that nobody takes the program for dead: what tell returns of
// the time since the start. When stop returns it writes nothing any more.
func Progress(w io.Writer, tell func(elapsed time.Duration) string) (stop func()) {
	began, ended := time.Now(), make(chan struct{})
	go func() {
		tick := time.NewTicker(silence)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				fmt.Fprintln(w, tell(time.Since(began).Round(time.Second)))
			case ended <- struct{}{}:
				return
			}
		}
	}()
	return func() { <-ended }
}
