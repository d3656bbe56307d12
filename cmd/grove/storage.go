package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
)

type printersFilesCmd struct {
	Serial string `arg:"" help:"The printer's serial."`
	Path   string `arg:"" optional:"" default:"/" help:"The folder, such as /timelapse."`
	Get    string `help:"Download this file of the folder." placeholder:"NAME" xor:"do"`
	Delete string `help:"Delete this file of the folder, for good." placeholder:"NAME" xor:"do"`
	Out    string `short:"o" help:"Where to write it, - for standard output; else here, under its own name." placeholder:"FILE"`
}

// Run lists a folder on a printer's own storage, or downloads or deletes a file of it.
func (c *printersFilesCmd) Run(ctx context.Context, at *cloud) error {
	if c.Get == "" && c.Out != "" {
		return grove.Errorf(grove.Invalid, "bad_flags", "--out says where to write a file; name the file with --get")
	}
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if c.Get != "" {
		return c.get(ctx, cl)
	}
	if c.Delete != "" {
		gone := path.Join("/", c.Path, c.Delete)
		if err := cl.DeleteStorageFile(ctx, c.Serial, gone); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "%s is deleted.\n", gone)
		return nil
	}
	list, err := cl.StorageFiles(ctx, c.Serial, c.Path)
	if err != nil {
		return err
	}
	return at.show(list, func(w *tabwriter.Writer) {
		if len(list) == 0 {
			fmt.Fprintln(w, "Nothing there.")
			return
		}
		fmt.Fprintln(w, "NAME\tSIZE\tCHANGED")
		for _, e := range list {
			name, changed := e.Name, ""
			if e.Folder {
				name += "/"
			}
			if !e.ChangedAt.IsZero() {
				changed = e.ChangedAt.Format(time.DateTime)
			}
			fmt.Fprintf(w, "%s\t%d\t%s\n", name, e.SizeBytes, changed)
		}
	})
}

func (c *printersFilesCmd) get(ctx context.Context, cl *client.Client) error {
	from := path.Join("/", c.Path, c.Get)
	return keep(cmp.Or(c.Out, path.Base(from)), func(w io.Writer) error {
		_, err := cl.StorageFile(ctx, c.Serial, from, w)
		return err
	})
}
