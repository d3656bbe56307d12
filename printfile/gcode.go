package printfile

import (
	"bytes"
	"cmp"
	"errors"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/grovecloud/grove"
)

// facts is what one G-code says of itself in its header and preset comments, and
// how hot it wants things. BambuStudio and OrcaSlicer write the header first,
// PrusaSlicer writes its own at the end; the first word on a matter counts.
type facts struct {
	commands  int
	seconds   int
	model     string
	bedType   string
	nozzle    float64 // diameter, mm
	thumbnail bool

	totalLayers int // as the header says
	layers      int // as counted

	used    []string // numbers of the filaments used
	meters  []float64
	grams   []float64
	types   []string
	colors  []string
	presets []string

	heat heat
}

// heat is the highest target of each heater, in °C.
type heat struct{ nozzle, bed, chamber int }

// readFacts reads G-code to its end.
func readFacts(r io.Reader) (facts, error) {
	var f facts
	s := newScript(r)
	for {
		l, err := s.next()
		if errors.Is(err, io.EOF) {
			return f, nil
		}
		if err != nil {
			return f, err
		}
		f.take(l)
	}
}

// take learns from one line.
func (f *facts) take(l line) {
	if l.letter == 0 {
		f.takeComment(l.comment)
		return
	}
	f.commands++
	if l.letter != 'M' || l.code < 104 || l.code > 191 {
		return
	}
	f.heat = f.heat.after(l, func(was, target int) int { return max(was, target) })
}

// after is h once l has run; merge says what a new target does to an old one.
func (h heat) after(l line, merge func(was, target int) int) heat {
	var heater *int
	switch l.code {
	case 104, 109:
		heater = &h.nozzle
	case 140, 190:
		heater = &h.bed
	case 141, 191:
		heater = &h.chamber
	}
	if heater == nil || l.letter != 'M' {
		return h
	}
	if target, ok := l.highest("SR"); ok {
		*heater = merge(*heater, int(math.Ceil(max(target, 0))))
	}
	return h
}

// takeComment learns from "key: value" and "key = value".
func (f *facts) takeComment(comment []byte) {
	if isLayer(comment) {
		f.layers++
		return
	}
	split := bytes.IndexAny(comment, ":=")
	if split < 0 {
		f.thumbnail = f.thumbnail || bytes.HasPrefix(comment, []byte("thumbnail end"))
		return
	}
	key, value := bytes.TrimSpace(comment[:split]), bytes.TrimSpace(comment[split+1:])
	if !f.takeHeader(key, value) {
		f.takeSetting(key, value)
	}
}

// takeHeader learns from the header block; lines that show up twice count once.
func (f *facts) takeHeader(key, value []byte) (known bool) {
	switch string(key) {
	case "model printing time":
		_, rest, _ := bytes.Cut(value, []byte(";"))
		f.takeComment(bytes.TrimSpace(rest))
	case "total estimated time", "estimated printing time (normal mode)":
		f.seconds = cmp.Or(f.seconds, seconds(string(value)))
	case "total layer number", "total layers count":
		f.totalLayers = cmp.Or(f.totalLayers, whole(string(value)))
	case "total filament length [mm]", "filament used [mm]":
		f.meters = quantities(string(value))
		for i := range f.meters {
			f.meters[i] /= 1000
		}
	case "total filament weight [g]", "filament used [g]":
		f.grams = quantities(string(value))
	case "filament":
		f.used = list(string(value), ",")
	default:
		return false
	}
	return true
}

// takeSetting learns from the preset that the slicer embeds.
func (f *facts) takeSetting(key, value []byte) {
	switch string(key) {
	case "filament_type":
		f.types = list(string(value), ";")
	case "filament_colour":
		f.colors = list(string(value), ";")
	case "filament_ids":
		f.presets = list(string(value), ";")
	case "nozzle_diameter":
		f.nozzle = at(quantities(string(value)), 0)
	case "curr_bed_type":
		f.bedType = plain(string(value))
	case "printer_model":
		f.model = modelCode(string(value))
	}
}

// isLayer reports whether a comment marks the beginning of a layer, as written by
// BambuStudio, PrusaSlicer and Cura.
func isLayer(comment []byte) bool {
	switch {
	case len(comment) == 0 || comment[0] != 'C' && comment[0] != 'L':
		return false
	case string(comment) == "CHANGE_LAYER", string(comment) == "LAYER_CHANGE":
		return true
	}
	n, found := bytes.CutPrefix(comment, []byte("LAYER:"))
	return found && len(n) > 0 && n[0] >= '0' && n[0] <= '9'
}

// plate is what the G-code alone tells of its plate.
func (f *facts) plate(index int) grove.Plate {
	p := grove.Plate{
		Index:           index,
		EstimateSeconds: f.seconds,
		Layers:          cmp.Or(f.totalLayers, f.layers),
		Filaments:       f.filaments(),
		BedType:         f.bedType,
		NozzleDiameter:  f.nozzle,
		HasThumbnail:    f.thumbnail,
		MaxNozzle:       f.heat.nozzle,
		MaxBed:          f.heat.bed,
		MaxChamber:      f.heat.chamber,
	}
	for _, filament := range p.Filaments {
		p.WeightGrams += filament.Grams
	}
	return p
}

// filaments lists what the G-code uses. Lengths and weights stand in the order of
// the numbers used if the header has these, else one by one for all filaments.
func (f *facts) filaments() []grove.Filament {
	all := []grove.Filament{}
	for i := range max(len(f.meters), len(f.grams)) {
		id := i + 1
		if len(f.used) == max(len(f.meters), len(f.grams)) {
			id, _ = strconv.Atoi(f.used[i])
		}
		filament := grove.Filament{
			ID:     id,
			Type:   plain(at(f.types, id-1)),
			Color:  color(at(f.colors, id-1)),
			Preset: plain(at(f.presets, id-1)),
			Grams:  at(f.grams, i),
			Meters: at(f.meters, i),
		}
		if id > 0 && id <= maxList && (filament.Grams > 0 || filament.Meters > 0) {
			all = append(all, filament)
		}
	}
	return all
}

// digestText reads the hexadecimal MD5 that a slicer puts beside G-code.
func digestText(s string) (string, bool) {
	s = strings.ToLower(strings.TrimSpace(s))
	return s, len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}
