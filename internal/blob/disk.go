package blob

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path"

	"github.com/grovecloud/grove"
)

// partial is the folder of what is not whole yet. No blob's name leads there.
const partial = ".partial"

// Disk keeps blobs as files under one directory. One process at a time: on
// opening it throws away what others seem to have left half-done.
type Disk struct {
	dir  string
	root *os.Root // every access goes through it, so that no name leads out
}

// OpenDisk opens the directory, makes it if needed, and removes what a killed
// process left half-stored.
func OpenDisk(dir string) (*Disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make blob directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open blob directory: %w", err)
	}
	d := &Disk{dir: dir, root: root}
	if err := d.clear(); err != nil {
		_ = root.Close()
		return nil, err
	}
	return d, nil
}

func (d *Disk) clear() error {
	if err := d.root.RemoveAll(partial); err != nil {
		return fmt.Errorf("remove half-stored blobs: %w", err)
	}
	if err := d.root.Mkdir(partial, 0o700); err != nil {
		return fmt.Errorf("make folder for half-stored blobs: %w", err)
	}
	return nil
}

// Close releases the directory. Blobs that are open stay readable.
func (d *Disk) Close() error {
	if err := d.root.Close(); err != nil {
		return fmt.Errorf("close blob directory: %w", err)
	}
	return nil
}

// Put streams r into a file beside its place, hashing on the way, syncs it,
// moves it to its name and syncs the folder. Memory does not grow with size.
func (d *Disk) Put(ctx context.Context, name string, r io.Reader) (Info, error) {
	if err := checkName(name); err != nil {
		return Info{}, err
	}
	draft := path.Join(partial, rand.Text())
	defer func() { _ = d.root.Remove(draft) }() // gone already when all went well
	info, err := d.write(ctx, draft, r)
	if err != nil {
		return Info{}, fmt.Errorf("write blob %s: %w", name, spaceError(err))
	}
	if err := d.place(draft, name); err != nil {
		return Info{}, fmt.Errorf("place blob %s: %w", name, spaceError(err))
	}
	info.Name = name
	return info, nil
}

// write makes the file, synced.
func (d *Disk) write(ctx context.Context, draft string, r io.Reader) (Info, error) {
	f, err := d.root.OpenFile(draft, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return Info{}, fmt.Errorf("create: %w", err)
	}
	defer f.Close()
	info, err := pour(ctx, f, r)
	if err != nil {
		return Info{}, err
	}
	stat, err := f.Stat()
	if err != nil {
		return Info{}, fmt.Errorf("stat: %w", err)
	}
	info.ModTime = stat.ModTime().UTC()
	return info, f.Close()
}

// Append writes behind what is there, in the file itself, and syncs it.
func (d *Disk) Append(ctx context.Context, name string, at int64, r io.Reader) (Info, error) {
	f, size, err := d.file(name, os.O_RDWR)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	if size < at {
		return Info{}, notFound(name)
	}
	info, err := extend(ctx, f, at, r)
	if err != nil {
		return Info{}, fmt.Errorf("go on with blob %s: %w", name, spaceError(err))
	}
	info.Name = name
	return info, f.Close()
}

// extend makes the file what r gives after its first bytes, synced, or cuts it back
// to them, also when r panics.
func extend(ctx context.Context, f *os.File, at int64, r io.Reader) (info Info, err error) {
	if err := f.Truncate(at); err != nil {
		return Info{}, fmt.Errorf("truncate: %w", err)
	}
	whole := false
	defer func() {
		if !whole {
			err = errors.Join(err, f.Truncate(at))
		}
	}()
	n, err := spill(ctx, io.NewOffsetWriter(f, at), r)
	if err != nil {
		return Info{}, err
	}
	if err := f.Sync(); err != nil {
		return Info{}, fmt.Errorf("sync: %w", err)
	}
	stat, err := f.Stat()
	if err != nil {
		return Info{}, fmt.Errorf("stat: %w", err)
	}
	whole = true
	return Info{Size: at + n, ModTime: stat.ModTime().UTC()}, nil
}

// Sum reads the file once.
func (d *Disk) Sum(ctx context.Context, name string) (Info, error) {
	f, size, err := d.file(name, os.O_RDONLY)
	if err != nil {
		return Info{}, err
	}
	defer f.Close()
	info, err := sum(ctx, io.Discard, io.NewSectionReader(f, 0, size), f, func() error { return nil })
	if err != nil {
		return Info{}, fmt.Errorf("sum blob %s: %w", name, err)
	}
	stat, err := f.Stat()
	if err != nil {
		return Info{}, fmt.Errorf("stat blob %s: %w", name, err)
	}
	info.Name, info.ModTime = name, stat.ModTime().UTC()
	return info, nil
}

// place moves the synced file to its name, so that the move survives a crash.
func (d *Disk) place(draft, name string) error {
	folder := path.Dir(name)
	if err := d.makeFolder(folder); err != nil {
		return err
	}
	if d.isFolder(name) {
		return badName(name)
	}
	if err := d.root.Rename(draft, name); err != nil {
		return fmt.Errorf("rename: %w", err)
	}
	return d.syncFolder(folder)
}

func (d *Disk) isFolder(name string) bool {
	stat, err := d.root.Stat(name)
	return err == nil && stat.IsDir()
}

// makeFolder makes a folder and those above it, each synced into its parent.
func (d *Disk) makeFolder(folder string) error {
	if folder == "." || d.isFolder(folder) {
		return nil
	}
	parent := path.Dir(folder)
	if err := d.makeFolder(parent); err != nil {
		return err
	}
	err := d.root.Mkdir(folder, 0o700)
	switch {
	case errors.Is(err, fs.ErrExist) && !d.isFolder(folder):
		return badName(folder) // it is a blob
	case err != nil && !errors.Is(err, fs.ErrExist):
		return fmt.Errorf("make folder: %w", err)
	}
	return d.syncFolder(parent)
}

// Open opens a blob.
//
//nolint:ireturn // the port's method: other stores return other readers
func (d *Disk) Open(_ context.Context, name string) (Reader, error) {
	f, size, err := d.file(name, os.O_RDONLY)
	if err != nil {
		return nil, err
	}
	return &openFile{File: f, size: size}, nil
}

// file opens a blob's file, and says how long it is.
func (d *Disk) file(name string, flag int) (*os.File, int64, error) {
	if err := checkName(name); err != nil {
		return nil, 0, err
	}
	if d.isFolder(name) {
		return nil, 0, notFound(name)
	}
	f, err := d.root.OpenFile(name, flag, 0)
	if absent(err) {
		return nil, 0, notFound(name)
	}
	if err != nil {
		return nil, 0, fmt.Errorf("open blob: %w", err)
	}
	stat, err := f.Stat()
	if err == nil && stat.Mode().IsRegular() {
		return f, stat.Size(), nil
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, 0, fmt.Errorf("open blob: %w", err)
	}
	return nil, 0, notFound(name)
}

// openFile is a blob on disk, open. Its size does not change: nobody reads a blob
// while it grows.
type openFile struct {
	*os.File
	size int64
}

// Size is the blob's length in bytes.
func (f *openFile) Size() int64 { return f.size }

// Delete removes a blob, if it is there.
func (d *Disk) Delete(_ context.Context, name string) error {
	if err := checkName(name); err != nil {
		return err
	}
	stat, err := d.root.Lstat(name)
	if absent(err) || err == nil && stat.IsDir() {
		return nil
	}
	if err := unlessAbsent(d.root.Remove(name)); err != nil {
		return fmt.Errorf("delete blob: %w", err)
	}
	return d.syncFolder(path.Dir(name))
}

// List walks the directory.
func (d *Disk) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		err := fs.WalkDir(d.root.FS(), ".", func(name string, entry fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case ctx.Err() != nil:
				return ctx.Err()
			case name == partial:
				return fs.SkipDir
			case !isBlob(name, entry):
				return nil
			}
			stat, err := entry.Info()
			if err != nil {
				return unlessAbsent(err) // deleted since its folder was read
			}
			if !yield(Info{Name: name, Size: stat.Size(), ModTime: stat.ModTime().UTC()}, nil) {
				return fs.SkipAll
			}
			return nil
		})
		if err != nil {
			yield(Info{}, fmt.Errorf("list blobs: %w", err))
		}
	}
}

func isBlob(name string, entry fs.DirEntry) bool {
	return entry.Type().IsRegular() && checkName(name) == nil
}

// Free is the space that the directory's file system has left for this process.
func (d *Disk) Free(context.Context) (free, total int64, err error) {
	free, total, err = space(d.dir)
	if err != nil {
		return -1, -1, fmt.Errorf("ask for free space: %w", err)
	}
	return free, total, nil
}

// absent reports whether err says that there is no such file, also because a
// part of the way is a file and no folder.
func absent(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNotFolder)
}

func unlessAbsent(err error) error {
	if absent(err) {
		return nil
	}
	return err
}

// spaceError gives a full disk its own error; others pass.
func spaceError(err error) error {
	if !noSpace(err) {
		return err
	}
	full := grove.Errorf(grove.Unavailable, grove.ReasonDiskFull,
		"the server's disk is full, so nothing of what was sent was kept; free some space there and send it again")
	full.Err = err
	return full
}
