// Package printfile reads what a print file holds: plates, times, filaments, heat,
// thumbnails and the course of the print. It knows 3MF (sliced or not), G-code, STL
// and STEP, trusts nothing in them, and writes nothing.
package printfile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/grovecloud/grove"
)

// The kinds of file.
const (
	Kind3MF   = "3mf"
	KindGcode = "gcode"
	KindSTL   = "stl"
	KindSTEP  = "step"
)

// Info is what is in a file.
type Info struct {
	Kind   string // one of the kinds; empty when the name has none of them
	Sliced bool   // holds G-code
	Plates []grove.Plate
	Model  string // model code it was sliced for, such as C12; empty when the file doesn't say
	Title  string // the designer's name for it, plain text
	// Problem says in words why the file can't be read or printed and what to do.
	// It is empty for a file that can be printed; with it, Plates may be incomplete.
	Problem string
}

// Kind tells a file's kind by its name's ending, in any case: .3mf (also .gcode.3mf),
// .gcode, .stl, .step and .stp.
func Kind(name string) (string, bool) {
	switch strings.ToLower(path.Ext(name)) {
	case ".3mf":
		return Kind3MF, true
	case ".gcode":
		return KindGcode, true
	case ".stl":
		return KindSTL, true
	case ".step", ".stp":
		return KindSTEP, true
	}
	return "", false
}

// Read says what a file of this name and size holds. A content that cannot be read
// or printed is no error: Info.Problem then says why. The errors are those of r
// and of ctx alone. All of the G-code is read, and little of it held at a time.
func Read(ctx context.Context, r io.ReaderAt, size int64, name string, lim Limits) (Info, error) {
	lim = lim.orDefaults()
	src, done := newSource(ctx, r, size, lim)
	defer done()
	kind, ok := Kind(name)
	info := Info{Kind: kind, Plates: []grove.Plate{}}
	if !ok {
		info.Problem = unknownKind(name)
		return info, nil
	}
	err := src.read(&info, name)
	problem, err := src.verdict(ctx, err)
	if err != nil {
		return Info{}, err
	}
	info.Problem = cmp.Or(problem, info.Problem)
	return info, nil
}

// read fills info by its kind.
func (s *source) read(info *Info, name string) error {
	if err := s.sniff(info.Kind); err != nil {
		return err
	}
	switch info.Kind {
	case Kind3MF:
		return s.read3MF(info)
	case KindGcode:
		return s.readGcode(info, stem(name))
	case KindSTL:
		info.Problem = "An STL file is a model, not a print: slice it first, in Bambu Studio or OrcaSlicer, and upload the sliced file (.gcode.3mf)."
	case KindSTEP:
		info.Problem = "A STEP file is a model, not a print: slice it first, in Bambu Studio or OrcaSlicer, and upload the sliced file (.gcode.3mf)."
	}
	return nil
}

// sniff checks that the content fits the kind.
func (s *source) sniff(kind string) error {
	if s.size == 0 {
		return flawf("The file is empty: export it again and upload it once more.")
	}
	head := make([]byte, min(s.size, SniffBytes))
	n, err := s.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read head: %w", err)
	}
	if err := Sniff(kind, head[:n], s.size); err != nil {
		return flawf("%s", grove.AsError(err).Message)
	}
	return nil
}

// readGcode reads a bare G-code file as one plate.
func (s *source) readGcode(info *Info, name string) error {
	if s.size > s.lim.UnpackedBytes {
		return flawf("The file holds more than the %d MiB of G-code that are read: slice it in parts.", s.lim.UnpackedBytes>>20)
	}
	facts, err := readFacts(io.NewSectionReader(s, 0, s.size))
	if err != nil {
		return err
	}
	if facts.commands == 0 {
		return flawf("The file holds no G-code commands: slice the model again and export it once more.")
	}
	plate := facts.plate(1)
	plate.Name = cmp.Or(plain(name), "Plate 1")
	info.Sliced, info.Model = true, facts.model
	info.Plates = append(info.Plates, plate)
	return nil
}

// stem is a file's name without its folders and ending.
func stem(name string) string {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	return strings.TrimSuffix(base, path.Ext(base))
}

func unknownKind(name string) string {
	return fmt.Sprintf("%q is not a kind of file that can be read here: upload a sliced .gcode.3mf or .gcode (or an .stl, .step or .3mf to keep).", path.Ext(name))
}
