package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/printfile"
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
	f, err := openFile(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	item, err := f.upload(ctx, cl, cmp.Or(c.Name, f.name))
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

// localFile is a file to be sent.
type localFile struct {
	*os.File
	name string
	size int64
}

// openFile opens a file that has something in it.
func openFile(path string) (*localFile, error) {
	f, err := os.Open(path) //nolint:gosec // the user names their own file
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case info.IsDir():
		err = grove.Errorf(grove.Invalid, grove.ReasonUploadFailed, "%s is a directory, not a file", info.Name())
	case info.Size() == 0:
		err = grove.Errorf(grove.Invalid, grove.ReasonUploadFailed, "%s: the file is empty", info.Name())
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	return &localFile{File: f, name: info.Name(), size: info.Size()}, nil
}

// upload sends it, with a progress bar on a terminal.
func (f *localFile) upload(ctx context.Context, cl *client.Client, name string) (cloudapi.FileItem, error) {
	item, err := cl.Upload(ctx, client.Upload{Name: name, Size: f.size, Body: f, Progress: progress(f.size, name)})
	if errors.Is(err, grove.Limited) {
		err = advise(err, "What is there already can be printed by its name or id, see: grove files. Who runs the cloud sets how many: grove serve --limits.")
	}
	return item, err
}

// printable refuses what no printer would take. Plate 0 is the first.
func (f *localFile) printable(ctx context.Context, plate int) error {
	info, err := printfile.Read(ctx, f, f.size, f.name, printfile.Limits{})
	if err != nil {
		return fmt.Errorf("read %s: %w", f.name, err)
	}
	_, found := grove.File{Plates: info.Plates}.Plate(plate)
	switch {
	case info.Problem != "":
		return grove.Errorf(grove.Invalid, grove.ReasonPrintFailed, "%s can't be printed: %s", f.name, info.Problem)
	case !info.Sliced || len(info.Plates) == 0:
		return grove.Errorf(grove.Invalid, grove.ReasonPrintFailed, "%s can't be printed: it holds no sliced plate; slice it first", f.name)
	case plate != 0 && !found:
		return grove.Errorf(grove.Invalid, grove.ReasonPrintFailed, "%s has no sliced plate %d", f.name, plate)
	}
	return nil
}

// stored is the id under which the cloud has this very file by this name, or
// nothing. Only a Grove can be asked.
func (f *localFile) stored(ctx context.Context, cl *client.Client) (string, error) {
	list, err := cl.Files(ctx, client.FileQuery{Name: f.name}, grove.Page{Limit: 100})
	if errors.Is(err, grove.NotFound) || err == nil && len(list.Items) == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	sum := sha256.New()
	if _, err := io.Copy(sum, io.NewSectionReader(f, 0, f.size)); err != nil {
		return "", fmt.Errorf("read %s: %w", f.name, err)
	}
	for _, there := range list.Items {
		if there.Printable && there.SHA256 == hex.EncodeToString(sum.Sum(nil)) {
			return there.ID, nil
		}
	}
	return "", nil
}

// progress shows a bar on a terminal and nothing elsewhere.
func progress(total int64, what string) func(int64) {
	if !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(os.Stderr), progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true), progressbar.OptionShowCount(), progressbar.OptionThrottle(40*time.Millisecond), progressbar.OptionClearOnFinish())
	_ = bar.RenderBlank() // a picture; nothing depends on it
	return func(n int64) { _ = bar.Set64(n) }
}

type filesCmd struct {
	List     filesListCmd     `cmd:"" default:"withargs" help:"List your files."`
	Get      filesGetCmd      `cmd:"" help:"Download a file and check it."`
	Rename   filesRenameCmd   `cmd:"" help:"Give a file another name."`
	Tag      filesTagCmd      `cmd:"" help:"Say what a file is filed under."`
	Versions filesVersionsCmd `cmd:"" help:"List the files of the same name."`
	Delete   filesDeleteCmd   `cmd:"" help:"Delete a file, unless a job still prints it."`
}

type filesListCmd struct {
	paged
	Name   string `help:"Only files of this name." placeholder:"NAME"`
	Search string `help:"Only files with these words in their name, tags or names of plates." placeholder:"WORDS"`
	Tag    string `help:"Only files with this tag." placeholder:"TAG"`
	Kind   string `help:"Only files of this kind: 3mf, gcode, stl or step." placeholder:"KIND"`
	Sort   string `help:"The order: ${enum}." enum:"newest,name,size" default:"newest" placeholder:"ORDER"`
}

// Run lists files.
func (c *filesListCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	wish := client.FileQuery{Name: c.Name, Search: c.Search, Tag: c.Tag, Kind: c.Kind, Sort: grove.FileSort(c.Sort)}
	list, err := cl.Files(ctx, wish, c.page())
	if err != nil {
		return err
	}
	return showFiles(at, c.paged, list)
}

func showFiles(at *cloud, p paged, list grove.List[cloudapi.StoredFile]) error {
	return showList(at, p, list, "No such files. Send one with: grove upload FILE", func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tNAME\tSIZE\tPLATES\tPRINTABLE\tTAGS\tPROBLEM")
		for _, f := range list.Items {
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\t%s\n", f.ID, f.Name, f.SizeBytes, len(f.Plates), yes(f.Printable), strings.Join(f.Tags, ","), f.Problem)
		}
	})
}

type filesRenameCmd struct {
	ID   string `arg:"" help:"The file's id."`
	Name string `arg:"" help:"Its new name, with the ending it has."`
}

// Run renames a file.
func (c *filesRenameCmd) Run(ctx context.Context, at *cloud) error {
	return changeFile(ctx, at, c.ID, cloudapi.FileChange{Name: &c.Name})
}

type filesTagCmd struct {
	ID   string   `arg:"" help:"The file's id."`
	Tags []string `arg:"" optional:"" help:"All tags that it has from now on; none takes them away."`
}

// Run says what a file is filed under.
func (c *filesTagCmd) Run(ctx context.Context, at *cloud) error {
	tags := append([]string{}, c.Tags...)
	return changeFile(ctx, at, c.ID, cloudapi.FileChange{Tags: &tags})
}

func changeFile(ctx context.Context, at *cloud, id string, change cloudapi.FileChange) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	f, err := cl.ChangeFile(ctx, id, change)
	if err != nil {
		return err
	}
	return at.show(f, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "file id\t%s\nname\t%s\ntags\t%s\n", f.ID, f.Name, strings.Join(f.Tags, ", "))
	})
}

type filesVersionsCmd struct {
	paged
	ID string `arg:"" help:"The file's id."`
}

// Run lists the files of the same name.
func (c *filesVersionsCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.FileVersions(ctx, c.ID, c.page())
	if err != nil {
		return err
	}
	return showFiles(at, c.paged, list)
}

type filesGetCmd struct {
	ID  string `arg:"" help:"The file's id."`
	Out string `short:"o" help:"Where to write it; - for standard output." required:"" placeholder:"FILE"`
}

// Run downloads a file. What does not match its checksum is not kept.
func (c *filesGetCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	return keep(c.Out, func(w io.Writer) error {
		_, err := cl.Download(ctx, c.ID, w)
		return err
	})
}

// keep writes a file, whole or not at all; - is standard output.
func keep(out string, fetch func(io.Writer) error) error {
	if out == "-" {
		return fetch(os.Stdout)
	}
	half, err := os.CreateTemp(filepath.Dir(out), ".grove-*")
	if err != nil {
		return unwritten(out, err)
	}
	defer os.Remove(half.Name())
	err = fetch(half)
	if closed := half.Close(); err == nil && closed != nil {
		return unwritten(out, closed)
	}
	if err != nil {
		return err
	}
	if err := os.Rename(half.Name(), out); err != nil {
		return unwritten(out, err)
	}
	return nil
}

type filesDeleteCmd struct {
	ID string `arg:"" help:"The file's id."`
}

// Run deletes a file.
func (c *filesDeleteCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if err := cl.DeleteFile(ctx, c.ID); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s is deleted.\n", c.ID)
	return nil
}
