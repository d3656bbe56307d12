package server

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/grovecloud/grove"
)

// directory is the data directory: marked with its kind, locked by one process.
type directory struct {
	path string
	lock *os.File
	made bool // by this process
}

// mark is the file that tells what a data directory belongs to.
type mark struct {
	Kind   string `json:"kind"` // demo or own
	Format int    `json:"format"`
}

const markName = "grove.json"

// openDirectory makes or takes a data directory and locks it: two servers on one
// directory would start prints twice.
func openDirectory(path string, demo bool) (*directory, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		if info, missing := os.Stat(path); missing == nil && !info.IsDir() {
			return nil, grove.Errorf(grove.Invalid, "no_directory", "%s is a file; give --data a directory, which may be a new one", path)
		}
		return nil, unwritable(path, err)
	}
	lock, err := os.OpenFile(filepath.Join(path, "lock"), os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // the operator names the directory
	if err != nil {
		return nil, unwritable(path, err)
	}
	if err := lockFile(lock); err != nil {
		_ = lock.Close()
		return nil, &grove.Error{
			Code: grove.Conflict, Reason: "directory_in_use", Err: err,
			Message: fmt.Sprintf("another grove runs on the directory %s; stop it, or give this one its own --data", path),
		}
	}
	d := &directory{path: path, lock: lock}
	if err := d.checkMark(demo); err != nil {
		_ = lock.Close()
		return nil, err
	}
	return d, nil
}

func unwritable(path string, err error) error {
	return &grove.Error{
		Code: grove.Unavailable, Reason: "directory_unwritable", Err: err,
		Message: fmt.Sprintf("the data directory %s can't be written; make it writable for this user or give another --data", path),
	}
}

func (d *directory) checkMark(demo bool) error {
	kind := "own"
	if demo {
		kind = "demo"
	}
	name := d.file(markName)
	raw, err := os.ReadFile(name) //nolint:gosec // G304: the operator names the directory
	if errors.Is(err, fs.ErrNotExist) {
		return d.writeMark(kind)
	}
	if err != nil {
		return unwritable(d.path, err)
	}
	var m mark
	if err := json.Unmarshal(raw, &m); err != nil {
		return grove.Errorf(grove.Invalid, "directory_damaged", "%s can't be read; restore it from a backup or start in an empty --data", name)
	}
	if m.Kind == kind {
		return nil
	}
	way := "leave out --demo"
	if m.Kind == "demo" {
		way = "add --demo"
	}
	return grove.Errorf(grove.Conflict, "directory_kind",
		"the directory %s belongs to a cloud of another kind (%s); %s, or give another --data", d.path, m.Kind, way)
}

func (d *directory) writeMark(kind string) error {
	raw, err := json.Marshal(mark{Kind: kind, Format: 1})
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.file(markName), raw, 0o600); err != nil {
		return unwritable(d.path, err)
	}
	d.made = true
	return nil
}

// unmake takes a directory back that was made in vain, before anything else is in
// it. What was there already stays.
func (d *directory) unmake() {
	if !d.made {
		return
	}
	for _, name := range []string{d.file(markName), d.file("lock"), d.path} {
		_ = os.Remove(name) // the last only when it is empty
	}
}

func (d *directory) file(name ...string) string {
	return filepath.Join(append([]string{d.path}, name...)...)
}

func (d *directory) close() { _ = d.lock.Close() }

const masterKeyBytes = 32

// masterKey reads the key that seals secrets at rest, or makes it at the first
// start. It lies beside the database and must be kept apart from its backups.
func (d *directory) masterKey() ([]byte, error) {
	name := d.file("master.key")
	key, err := os.ReadFile(name) //nolint:gosec // G304: the operator names the directory
	if errors.Is(err, fs.ErrNotExist) {
		key = make([]byte, masterKeyBytes)
		_, _ = rand.Read(key) // never fails
		if err := os.WriteFile(name, key, 0o600); err != nil {
			return nil, unwritable(d.path, err)
		}
		return key, nil
	}
	if err != nil {
		return nil, unwritable(d.path, err)
	}
	if len(key) != masterKeyBytes {
		return nil, grove.Errorf(grove.Invalid, "bad_master_key", "%s must hold %d bytes; restore it, without it sealed secrets can't be read", name, masterKeyBytes)
	}
	return key, nil
}
