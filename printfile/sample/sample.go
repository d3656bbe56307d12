// Package sample makes print files: a small calibration cube, sliced as Bambu
// Studio would, with everything a cloud and a printer look at. The same options
// always give the same bytes.
package sample

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
)

// The cube, as long as no option says otherwise.
const (
	defaultModel  = "C12"
	defaultLayers = 100
)

// design is what is to be made.
type design struct {
	name      string
	model     string
	plates    int
	layers    int
	seconds   int // 0: as long as the moves take
	filaments []grove.Filament
	size      int // bytes of the whole file at least
	unsliced  bool
	members   map[string][]byte // members to add or, when nil, to leave out
}

// Option changes the file that is made.
type Option func(*design)

// Name is the model's title and the name of its plates.
func Name(name string) Option { return func(d *design) { d.name = name } }

// Model is the code of the printer to slice for, such as N1; C12 (P1S) by default.
func Model(code string) Option { return func(d *design) { d.model = code } }

// Plates is how many plates a 3MF has, numbered from 1; 1 by default.
func Plates(n int) Option { return func(d *design) { d.plates = n } }

// Layers is how many layers of 0.2 mm the cube has; 100 by default. Very many make
// a tower that no printer could print, but a large file.
func Layers(n int) Option { return func(d *design) { d.layers = n } }

// Seconds is how long the slicer says that each plate takes.
func Seconds(n int) Option { return func(d *design) { d.seconds = n } }

// Filaments are what the cube is made of, from the bottom up. Type, Color (RRGGBBAA)
// and Preset count; numbers and amounts are worked out.
func Filaments(filaments ...grove.Filament) Option {
	return func(d *design) { d.filaments = filaments }
}

// Size makes the file at least n bytes long: a 3MF by a member of noise, G-code by
// comments.
func Size(n int) Option { return func(d *design) { d.size = n } }

// Unsliced leaves out all that slicing adds to a 3MF.
func Unsliced() Option { return func(d *design) { d.unsliced = true } }

// Member adds a member to a 3MF or takes the place of one.
func Member(name string, content []byte) Option {
	return func(d *design) { d.members[name] = append([]byte{}, content...) }
}

// Without leaves a member out of a 3MF.
func Without(name string) Option { return func(d *design) { d.members[name] = nil } }

func newDesign(options []Option) design {
	d := design{name: "Calibration cube", model: defaultModel, plates: 1, layers: defaultLayers, members: map[string][]byte{}}
	for _, option := range options {
		option(&d)
	}
	if len(d.filaments) == 0 {
		d.filaments = []grove.Filament{{}}
	}
	d.filaments = slices.Clone(d.filaments)
	for i := range d.filaments {
		f := &d.filaments[i]
		f.ID = i + 1
		f.Type = cmp.Or(f.Type, "PLA")
		f.Color = cmp.Or(f.Color, "2F8F4EFF")
		f.Preset = cmp.Or(f.Preset, "GFA00")
		f.Grams, f.Meters = 0, 0
	}
	d.layers = max(d.layers, 1)
	return d
}

// ThreeMF makes a sliced .gcode.3mf.
func ThreeMF(options ...Option) []byte {
	d := newDesign(options)
	return d.pack(d.parts())
}

// Gcode makes a bare .gcode of one plate.
func Gcode(options ...Option) []byte {
	d := newDesign(options)
	return d.slice(d.size).gcode
}

// STL makes a binary STL of the cube.
func STL() []byte {
	var b bytes.Buffer
	header := make([]byte, 80)
	copy(header, "Grove calibration cube")
	b.Write(header)
	corners, triangles := cubeMesh(cubeSide)
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(triangles))))
	for _, t := range triangles {
		number := func(v float64) { b.Write(binary.LittleEndian.AppendUint32(nil, math.Float32bits(float32(v)))) }
		for range 3 {
			number(0) // the normal; zero means: work it out
		}
		for _, corner := range t {
			for _, v := range corners[corner] {
				number(v)
			}
		}
		b.Write([]byte{0, 0})
	}
	return b.Bytes()
}

// STEP makes a STEP file with a header and a single point.
func STEP() []byte {
	return []byte(strings.Join([]string{
		"ISO-10303-21;",
		"HEADER;",
		"FILE_DESCRIPTION(('Calibration cube'),'2;1');",
		"FILE_NAME('cube.step','2026-01-01T00:00:00',('Grove'),(''),'','','');",
		"FILE_SCHEMA(('AUTOMOTIVE_DESIGN { 1 0 10303 214 1 1 1 1 }'));",
		"ENDSEC;",
		"DATA;",
		"#1=CARTESIAN_POINT('',(0.,0.,0.));",
		"ENDSEC;",
		"END-ISO-10303-21;",
		"",
	}, "\n"))
}

// cubeMesh is a cube of this side, in mm: corners and triangles seen from outside.
func cubeMesh(side float64) (corners [8][3]float64, triangles [12][3]int) {
	for i := range corners {
		corners[i] = [3]float64{side * float64(i&1), side * float64(i>>1&1), side * float64(i>>2&1)}
	}
	return corners, [12][3]int{
		{0, 2, 1},
		{1, 2, 3},
		{4, 5, 6},
		{5, 7, 6},
		{0, 1, 4},
		{1, 5, 4},
		{2, 6, 3},
		{3, 6, 7},
		{0, 4, 2},
		{2, 4, 6},
		{1, 3, 5},
		{3, 7, 5},
	}
}

// duration writes seconds as slicers do.
func duration(seconds int) string {
	text := strconv.Itoa(seconds%60) + "s"
	if seconds >= 60 {
		text = strconv.Itoa(seconds/60%60) + "m " + text
	}
	if seconds >= 3600 {
		text = strconv.Itoa(seconds/3600%24) + "h " + text
	}
	if seconds >= 86400 {
		text = strconv.Itoa(seconds/86400) + "d " + text
	}
	return text
}

// joined writes one value per filament.
func joined(filaments []grove.Filament, separator string, value func(grove.Filament) string) string {
	values := make([]string, len(filaments))
	for i, f := range filaments {
		values[i] = value(f)
	}
	return strings.Join(values, separator)
}

func decimals(v float64) string { return fmt.Sprintf("%.2f", v) }
