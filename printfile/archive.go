package printfile

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path"
	"slices"
	"strings"
	"unicode/utf8"
)

// archive is a ZIP file that passed the checks that can be made without
// unpacking it. The others are made while members are read.
type archive struct {
	src      *source
	members  map[string]*zip.File
	unpacked int64 // bytes read of all members so far
}

func openArchive(src *source) (*archive, error) {
	count, err := entriesClaimed(src)
	if err != nil {
		return nil, err
	}
	if count > int64(src.lim.Entries) {
		return nil, tooManyEntries(src.lim)
	}
	src.budget = maxDirectory
	z, err := zip.NewReader(src, src.size)
	src.budget = -1
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fmt.Errorf("open archive: %w", err)
	}
	a := &archive{src: src, members: make(map[string]*zip.File, len(z.File))}
	return a, a.check(z.File)
}

func tooManyEntries(lim Limits) error {
	return flawf("The archive has more than %d entries, which no print needs: slice fewer plates into one file.", lim.Entries)
}

// entriesClaimed is the number of entries that a ZIP64 archive says it has, asked
// before the reader reserves memory for them. Plain archives can claim no more
// than 65,535 and give 0.
func entriesClaimed(src *source) (int64, error) {
	const endSize, locatorSize = 22, 20
	tail := make([]byte, min(src.size, 65<<10))
	start := src.size - int64(len(tail))
	if _, err := src.ReadAt(tail, start); err != nil && !errors.Is(err, io.EOF) {
		return 0, fmt.Errorf("read end of archive: %w", err)
	}
	i := bytes.LastIndex(tail[:max(len(tail)-endSize+4, 0)], []byte("PK\x05\x06"))
	if i < 0 {
		return 0, flawf("The file is no whole ZIP archive, so it was cut short: upload it again.")
	}
	var locator [locatorSize]byte
	if _, err := src.ReadAt(locator[:], start+int64(i)-locatorSize); err != nil || string(locator[:4]) != "PK\x06\x07" {
		return 0, src.failed
	}
	var end [40]byte
	if _, err := src.ReadAt(end[:], bytesOf(binary.LittleEndian.Uint64(locator[8:]))); err != nil {
		return 0, fmt.Errorf("read end of archive: %w", err)
	}
	return bytesOf(binary.LittleEndian.Uint64(end[32:])), nil
}

// check refuses hostile archives as a whole, also for members that are never read.
func (a *archive) check(files []*zip.File) error {
	if len(files) > a.src.lim.Entries {
		return tooManyEntries(a.src.lim)
	}
	seen := make(map[string]bool, len(files))
	total := int64(0)
	for _, f := range files {
		if err := a.checkEntry(f); err != nil {
			return err
		}
		folded := strings.ToLower(strings.ToUpper(strings.TrimSuffix(f.Name, "/")))
		if seen[folded] {
			return flawf("The archive has two entries named %q: export it again from the slicer.", plain(f.Name))
		}
		seen[folded] = true
		a.members[f.Name] = f
		if total += bytesOf(f.UncompressedSize64); total > a.src.lim.UnpackedBytes {
			return a.tooLarge()
		}
	}
	return a.checkOverlap(files)
}

func (a *archive) checkEntry(f *zip.File) error {
	const encrypted, strong, masked = 1, 1 << 6, 1 << 13
	switch {
	case !cleanName(f.Name):
		return flawf("The archive has an entry with an unsafe name, %q: export it again from the slicer.", plain(f.Name))
	case f.Flags&(encrypted|strong|masked) != 0:
		return flawf("The archive is encrypted: export it again without a password.")
	case f.Mode()&fs.ModeType&^fs.ModeDir != 0:
		return flawf("The archive's entry %q is a link or a device, not a file: export it again from the slicer.", plain(f.Name))
	case f.Method != zip.Store && f.Method != zip.Deflate:
		return flawf("The archive's entry %q is packed in a way that printers can't read: export it again from the slicer.", plain(f.Name))
	case bytesOf(f.UncompressedSize64) > a.src.lim.UnpackedBytes:
		return a.tooLarge()
	}
	return a.checkRatio(f, bytesOf(f.UncompressedSize64))
}

// checkRatio refuses an entry that unpacks to far more than it is packed in.
func (a *archive) checkRatio(f *zip.File, unpacked int64) error {
	if unpacked > a.src.lim.RatioFloor && unpacked/a.src.lim.Ratio > bytesOf(f.CompressedSize64) {
		return flawf("The archive's entry %q unpacks to more than %d times its size, as a ZIP bomb does: export it again from the slicer.", plain(f.Name), a.src.lim.Ratio)
	}
	return nil
}

func (a *archive) tooLarge() error {
	return flawf("The archive unpacks to more than %d MiB: slice fewer plates into one file.", a.src.lim.UnpackedBytes>>20)
}

// checkOverlap refuses entries that share bytes, the way small archives unpack to
// petabytes.
func (a *archive) checkOverlap(files []*zip.File) error {
	type span struct{ from, to int64 }
	const localHeader = 30
	spans := make([]span, 0, len(files))
	for _, f := range files {
		data, err := f.DataOffset()
		if err != nil {
			return fmt.Errorf("find entry: %w", err)
		}
		packed := bytesOf(f.CompressedSize64)
		if packed > a.src.size-data {
			return zip.ErrFormat
		}
		spans = append(spans, span{data - localHeader - int64(len(f.Name)), data + packed})
	}
	slices.SortFunc(spans, func(x, y span) int { return int(min(max(x.from-y.from, -1), 1)) })
	for i := 1; i < len(spans); i++ {
		if spans[i].from < spans[i-1].to {
			return flawf("The archive's entries overlap, as in a ZIP bomb: export it again from the slicer.")
		}
	}
	return nil
}

// cleanName reports whether name is a relative path that means the same on every
// system and leads nowhere else.
func cleanName(name string) bool {
	file := strings.TrimSuffix(name, "/")
	switch {
	case file == "" || file == "." || !utf8.ValidString(name) || strings.ContainsAny(name, "\x00\\"):
		return false
	case strings.HasPrefix(name, "/") || len(name) > 1 && name[1] == ':':
		return false
	}
	return path.Clean(file) == file && file != ".." && !strings.HasPrefix(file, "../")
}

// open begins to unpack a member of at most limit bytes; ok is false if there is none.
func (a *archive) open(name string, limit int64) (m *member, ok bool, err error) {
	f, ok := a.members[name]
	if !ok || strings.HasSuffix(name, "/") {
		return nil, false, nil
	}
	packed, err := f.Open()
	if err != nil {
		return nil, true, fmt.Errorf("open entry: %w", err)
	}
	return &member{archive: a, file: f, packed: packed, limit: limit}, true, nil
}

// read unpacks a whole small member.
func (a *archive) read(name string, limit int64) (content []byte, ok bool, err error) {
	m, ok, err := a.open(name, limit)
	if !ok || err != nil {
		return nil, ok, err
	}
	defer m.close()
	content, err = io.ReadAll(m)
	return content, true, err
}

// member unpacks one entry and counts what comes out, whatever the headers say.
type member struct {
	archive *archive
	file    *zip.File
	packed  io.ReadCloser
	limit   int64
	n       int64
}

func (m *member) Read(p []byte) (int, error) {
	if err := m.archive.src.alive(); err != nil {
		return 0, err
	}
	n, err := m.packed.Read(p)
	m.n += int64(n)
	m.archive.unpacked += int64(n)
	if m.archive.unpacked > m.archive.src.lim.UnpackedBytes {
		return 0, m.archive.tooLarge()
	}
	if m.n > m.limit {
		return 0, flawf("The archive's entry %q is larger than the %d KiB that are read of it: export it again from the slicer.", plain(m.file.Name), m.limit>>10)
	}
	if ratio := m.archive.checkRatio(m.file, m.n); ratio != nil {
		return 0, ratio
	}
	return n, err
}

func (m *member) close() { _ = m.packed.Close() }

// bytesOf is a size from a header; one that no file has becomes the largest.
func bytesOf(size uint64) int64 {
	if size > math.MaxInt64 {
		return math.MaxInt64
	}
	return int64(size)
}
