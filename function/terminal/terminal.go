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
	"strings"
	"time"

	"golang.org/x/term"
)

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

// Paint returns a text in a colour, if w is a terminal that has colours, and NO_COLOR does not ask for none.
func (c Colour) Paint(w io.Writer, text string) string {
	file, ok := w.(*os.File)
	if c == Plain || text == "" || !ok || !term.IsTerminal(int(file.Fd())) || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
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
			if width > 0 && len([]rune(line+" "+word)) > width {
				lines, line = append(lines, line), word
				continue
			}
			line += " " + word
		}
		lines = append(lines, line)
	}
	return lines
}

// ErrNoTerminal says that nobody can be asked.
var ErrNoTerminal = errors.New("there is no terminal to ask on")

// Confirm asks a question and reports whether the answer is yes. Anything but y or yes is no. It returns ErrNoTerminal if in
// is a file and no terminal, and the context's error if that ends before an answer.
func Confirm(ctx context.Context, in io.Reader, out io.Writer, question string) (bool, error) {
	if file, ok := in.(*os.File); ok && !term.IsTerminal(int(file.Fd())) {
		return false, ErrNoTerminal
	}
	fmt.Fprintf(out, "%s [y/N] ", question)
	answered := make(chan string, 1)
	go func() {
		answer, _ := bufio.NewReader(in).ReadString('\n') // what cannot be read is no yes
		answered <- strings.ToLower(strings.TrimSpace(answer))
	}()
	select {
	case <-ctx.Done():
		fmt.Fprintln(out)
		return false, ctx.Err()
	case answer := <-answered:
		return answer == "y" || answer == "yes", nil
	}
}

// Progress writes what takes long, and since when, every 20 seconds until stop is called, so that nobody takes the program for
// dead. When stop returns it writes nothing any more.
func Progress(w io.Writer, what string) (stop func()) {
	began, tick, ended := time.Now(), time.Tick(20*time.Second), make(chan struct{})
	go func() {
		for {
			select {
			case <-tick:
				fmt.Fprintf(w, "%s, after %s\n", what, time.Since(began).Round(time.Second))
			case ended <- struct{}{}:
				return
			}
		}
	}()
	return func() { <-ended }
}
