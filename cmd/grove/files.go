package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/grovecloud/grove/client"
)

type uploadCmd struct {
	File string `arg:"" type:"existingfile" help:"A .gcode.3mf, .3mf, .gcode, .stl or .step file."`
	Name string `help:"Another name for it." placeholder:"NAME"`
}

// Run uploads a file, with a progress bar on a terminal.
func (c *uploadCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	name := c.Name
	if name == "" {
		name = filepath.Base(c.File)
	}
	item, err := cl.Upload(ctx, client.Upload{Name: name, Size: info.Size(), Body: f, Progress: progress(info.Size(), name)})
	if err != nil {
		return err
	}
	return at.show(item, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "file id\t%s\nname\t%s\nsize\t%d bytes\nprintable\t%s\n", item.FileID, item.FileName, item.Size, yes(item.Printable))
		if item.Problem != "" {
			fmt.Fprintf(w, "problem\t%s\n", item.Problem)
		}
	})
}

// progress shows a bar on a terminal and nothing elsewhere.
func progress(total int64, what string) func(int64) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish())
	return func(n int64) { _ = bar.Set64(n) } // a picture; nothing depends on it
}

type filesCmd struct {
	List filesListCmd `cmd:"" default:"withargs" help:"List your files."`
	Get  filesGetCmd  `cmd:"" help:"Download a file and check it."`
}

type filesListCmd struct {
	paged
	Name string `help:"Only files of this name." placeholder:"NAME"`
}

// Run lists files.
func (c *filesListCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Files(ctx, c.Name, c.page())
	if err != nil {
		return err
	}
	return showList(at, c.paged, list, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tNAME\tSIZE\tPLATES\tPRINTABLE\tPROBLEM")
		for _, f := range list.Items {
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", f.ID, f.Name, f.SizeBytes, len(f.Plates), yes(f.Printable), f.Problem)
		}
	})
}

type filesGetCmd struct {
	ID  string `arg:""`
	Out string `short:"o" help:"Where to write it; - for standard output." required:"" placeholder:"FILE"`
}

// Run downloads a file. What does not match its checksum is not kept.
func (c *filesGetCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if c.Out == "-" {
		_, err := cl.Download(ctx, c.ID, os.Stdout)
		return err
	}
	half, err := os.CreateTemp(filepath.Dir(c.Out), ".grove-*")
	if err != nil {
		return unwritten(c.Out, err)
	}
	defer os.Remove(half.Name())
	_, err = cl.Download(ctx, c.ID, half)
	if closed := half.Close(); err == nil && closed != nil {
		return unwritten(c.Out, closed)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(half.Name(), c.Out); err != nil {
		return unwritten(c.Out, err)
	}
	return nil
}
