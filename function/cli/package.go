package main

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v3"
)

func packageCommand() *cli.Command {
	return &cli.Command{
		Name: "package", Usage: "pack dist/main as a zip with the same bytes on any machine",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "binary", Value: "dist/main", Usage: "the `FILE` to pack"},
			&cli.StringFlag{Name: "o", Value: "dist/function.zip", Usage: "the `FILE` to write"},
		},
		Action: func(_ context.Context, c *cli.Command) error {
			out, binary := c.String("o"), c.String("binary")
			if err := writePackage(out, binary); err != nil {
				return err
			}
			fmt.Fprintf(c.Root().ErrWriter, "%s holds %s\n", out, binary)
			return nil
		},
	}
}

// writePackage writes a zip that holds only the binary. Its bytes depend only on the binary's: the entry has no owner, and
// always the same time and mode. The mode has the execute bit, without which Function Compute runs nothing.
func writePackage(out, binary string) error {
	content, err := os.ReadFile(binary)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there: run `make build` first", binary)
	} else if err != nil {
		return err
	}
	// It is written under another name and renamed, so that a failure does not leave half a package.
	f, err := os.CreateTemp(filepath.Dir(out), ".function-*.zip")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(zipExecutable(f, filepath.Base(binary), content), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), out)
}

func zipExecutable(w io.Writer, name string, content []byte) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o755)
	entry, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := entry.Write(content); err != nil {
		return err
	}
	return z.Close()
}
