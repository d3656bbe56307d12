package sim

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// usualCardBytes is how much fits on a card unless something else was said.
const usualCardBytes = 4 << 30

// Card is what a printer keeps files on: the SD card of an X1, P1 or A1, the USB
// stick of a P2S, X2D or H2.
type Card struct {
	Dir   string // where its files lie; empty: a temporary directory, gone when Run ends
	Bytes int64  // how much fits; default 4 GiB
}

// What is wrong with a card or with what was asked of it.
var (
	errNoCard       = errors.New("no storage is in the printer")
	errCardFull     = errors.New("the printer's storage is full")
	errBadName      = errors.New("the printer's storage takes no such name")
	errBeingWritten = errors.New("the file is still being written")
)

// storage is the card in its slot. Its directory is opened when it is first
// used, since a fleet of printers that only dial in never needs one. Names are
// absolute slash paths; nothing outside the directory can be reached. It is safe
// for concurrent use.
type storage struct {
	card  Card
	looks looks

	mu        sync.Mutex
	root      *os.Root
	temporary bool
	absent    bool
	writing   map[string]int // uploads under way, by name
}

func newStorage(card Card, l looks) *storage {
	if card.Bytes == 0 {
		card.Bytes = usualCardBytes
	}
	return &storage{card: card, looks: l, writing: map[string]int{}}
}

// insert puts the card in or takes it out.
func (s *storage) insert(in bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.absent = !in
}

// tree is the card's directory.
func (s *storage) tree() (*os.Root, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.absent {
		return nil, errNoCard
	}
	if s.root != nil {
		return s.root, nil
	}
	dir := s.card.Dir
	var err error
	if dir == "" {
		dir, err = os.MkdirTemp("", "grove-sim-card-*")
		s.temporary = true
	} else {
		err = os.MkdirAll(dir, 0o700) //nolint:gosec // whoever starts the printer chooses it
	}
	if err != nil {
		return nil, fmt.Errorf("make the card's directory: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open the card's directory: %w", err)
	}
	for _, folder := range s.looks.folders {
		if err := root.MkdirAll(inside(folder), 0o700); err != nil {
			return nil, errors.Join(fmt.Errorf("format the card: %w", err), root.Close())
		}
	}
	s.root = root
	return root, nil
}

// close lets go of the directory; a temporary one is removed. The next use opens
// it anew.
func (s *storage) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.root == nil {
		return nil
	}
	err := s.root.Close()
	if s.temporary {
		err = errors.Join(err, os.RemoveAll(s.root.Name()))
	}
	s.root = nil
	return err
}

// inside makes an absolute path one that os.Root takes.
func inside(name string) string {
	if name = strings.TrimPrefix(path.Clean("/"+name), "/"); name != "" {
		return name
	}
	return "."
}

// stat is what is known of a file or folder.
func (s *storage) stat(name string) (fs.FileInfo, error) {
	root, err := s.tree()
	if err != nil {
		return nil, err
	}
	return root.Stat(inside(name))
}

// isFile reports whether a file of this name is on the card.
func (s *storage) isFile(name string) bool {
	info, err := s.stat(name)
	return err == nil && info.Mode().IsRegular()
}

// isFolder reports whether a folder of this name is on the card.
func (s *storage) isFolder(name string) bool {
	info, err := s.stat(name)
	return err == nil && info.IsDir()
}

// open reads a file. One that is still being uploaded is errBeingWritten.
func (s *storage) open(name string) (*os.File, error) {
	root, err := s.tree()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	busy := s.writing[inside(name)] > 0
	s.mu.Unlock()
	if busy {
		return nil, errBeingWritten
	}
	if !s.isFile(name) {
		return nil, fs.ErrNotExist
	}
	return root.Open(inside(name))
}

// list is a folder's content by name, or the one file of that name. Hidden files
// are left out.
func (s *storage) list(name string) ([]fs.FileInfo, error) {
	root, err := s.tree()
	if err != nil {
		return nil, err
	}
	info, err := root.Stat(inside(name))
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return []fs.FileInfo{info}, nil
	}
	entries, err := fs.ReadDir(root.FS(), inside(name))
	if err != nil {
		return nil, err
	}
	list := make([]fs.FileInfo, 0, len(entries))
	for _, e := range entries {
		// One that went away in between is no error.
		if info, err := e.Info(); err == nil && !strings.HasPrefix(e.Name(), ".") {
			list = append(list, info)
		}
	}
	return list, nil
}

// remove deletes a file.
func (s *storage) remove(name string) error {
	root, err := s.tree()
	if err != nil {
		return err
	}
	if !s.isFile(name) {
		return fs.ErrNotExist
	}
	return root.Remove(inside(name))
}

// mkdir makes a folder.
func (s *storage) mkdir(name string) error {
	root, err := s.tree()
	if err != nil {
		return err
	}
	if !storable(path.Base(name)) {
		return errBadName
	}
	return root.Mkdir(inside(name), 0o700)
}

// free is how many bytes still fit.
func (s *storage) free() (int64, error) {
	root, err := s.tree()
	if err != nil {
		return 0, err
	}
	left := s.card.Bytes
	err = fs.WalkDir(root.FS(), ".", func(_ string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			left -= info.Size()
		}
		return nil
	})
	return max(0, left), err
}

// create begins a file in place of any of that name. What was written before an
// upload broke off stays, as on real cards.
func (s *storage) create(name string) (*upload, error) {
	if !storable(path.Base(name)) {
		return nil, errBadName
	}
	room, err := s.free()
	if err != nil {
		return nil, err
	}
	if old, err := s.stat(name); err == nil {
		room += old.Size()
	}
	if room <= 0 {
		return nil, errCardFull
	}
	root, err := s.tree()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.writing[inside(name)]++ // first, so that nobody reads what is not whole
	s.mu.Unlock()
	f, err := root.OpenFile(inside(name), os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		s.written(inside(name))
		return nil, err
	}
	u := &upload{file: f, room: room}
	u.close = sync.OnceValue(func() error {
		defer s.written(inside(name))
		return f.Close()
	})
	return u, nil
}

func (s *storage) written(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.writing[name]--; s.writing[name] == 0 {
		delete(s.writing, name)
	}
}

// write keeps a whole file.
func (s *storage) write(name string, content []byte) error {
	u, err := s.create(name)
	if err != nil {
		return err
	}
	_, err = u.Write(content)
	return errors.Join(err, u.close())
}

// locate finds the file that a link of project_file means: ftp://name and
// ftp:///folder/name from the root of the card, file:///sdcard/name and the like
// by where the model has it. ok says whether the link means storage at all; a
// mount of another model gives an empty name.
func (s *storage) locate(link string) (name string, ok bool) {
	if rest, found := strings.CutPrefix(link, "ftp://"); found {
		return path.Clean("/" + rest), true
	}
	rest, found := strings.CutPrefix(link, "file://")
	if !found {
		return "", false
	}
	name, _ = s.looks.unmount(rest)
	return name, true
}

// unmount turns a path in the printer's own file system into one on the card.
func (l *looks) unmount(name string) (string, bool) {
	name = path.Clean("/" + name)
	for _, mount := range l.mounts {
		if rest, found := strings.CutPrefix(name, mount+"/"); found {
			return "/" + rest, true
		}
	}
	return "", false
}

// printable is the first file of the root folder that could be printed, by name.
func (s *storage) printable() (string, bool) {
	list, err := s.list("/")
	if err != nil {
		return "", false
	}
	i := slices.IndexFunc(list, func(f fs.FileInfo) bool {
		return f.Mode().IsRegular() && (strings.HasSuffix(f.Name(), ".3mf") || strings.HasSuffix(f.Name(), ".gcode"))
	})
	if i < 0 {
		return "", false
	}
	return list[i].Name(), true
}

// storable reports whether FAT and exFAT, which printers format their cards with,
// take this name.
func storable(base string) bool {
	return base != "" && base != "." && base != ".." && base != "/" && len(base) <= 255 && utf8.ValidString(base) &&
		!strings.ContainsFunc(base, func(r rune) bool { return r < ' ' || r == 0x7F || strings.ContainsRune(`\:*?"<>|`, r) })
}

// upload is a file being written. Beyond the card's room writing fails with errCardFull.
// close ends it, as often as wanted; from then on the file can be read.
type upload struct {
	file  *os.File
	room  int64
	close func() error
}

func (u *upload) Write(b []byte) (int, error) {
	fits := min(int64(len(b)), u.room)
	n, err := u.file.Write(b[:fits])
	u.room -= int64(n)
	if err == nil && n < len(b) {
		err = errCardFull
	}
	return n, err
}
