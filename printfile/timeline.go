package printfile

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/grovecloud/grove"
)

// Timeline is the course of a print as its G-code tells it.
type Timeline struct {
	EstimateSeconds int // whole print; never 0
	Layers          int
	Steps           []Step // in order; the first has all of the time left, the last none
}

// Step is what holds from a line of G-code on, until the next step.
type Step struct {
	Line             int // of the G-code, from 1
	Percent          int // 0 to 100, never falls
	RemainingSeconds int // never grows
	Layer            int // 0 before the first
	Nozzle           int // targets in °C; 0 off
	Bed              int
	Chamber          int
	Tool             int // filament in use, from 0; -1 before the first
	Stage            int // what the printer shows as stg_cur; 0 printing
}

// Guesses for G-code that doesn't say how long it takes.
const (
	secondsPerLayer   = 20
	secondsUnlayered  = 60
	specialTools      = 255 // T255 unloads, T1000 and above are no filaments either
	unanchored        = -1
	claimAction       = "gcode_claim_action"
	percentOfFinished = 100
)

// ReadTimeline reads the course of one plate (from 1; a bare G-code has only plate
// 1): progress and time left from M73, layers from their markers and M73 L, heat
// targets, tools, and the stages that M1002 claims. Without M73 time passes by
// layers. The steps are thinned to Limits.Steps. The errors are grove.NotFound for
// a plate that isn't there and grove.Invalid for content that can't be read, apart
// from those of r and ctx.
func ReadTimeline(ctx context.Context, r io.ReaderAt, size int64, name string, plate int, lim Limits) (Timeline, error) {
	src, done := newSource(ctx, r, size, lim.orDefaults())
	defer done()
	t, err := src.timeline(name, plate)
	if err != nil {
		return Timeline{}, src.refuse(ctx, err)
	}
	return t, nil
}

func (s *source) timeline(name string, plate int) (Timeline, error) {
	kind, ok := Kind(name)
	if !ok {
		return Timeline{}, flawf("%s", unknownKind(name))
	}
	if err := s.sniff(kind); err != nil {
		return Timeline{}, err
	}
	switch {
	case kind == Kind3MF:
		return s.timeline3MF(plate)
	case kind == KindGcode && plate == 1:
		return traceGcode(io.NewSectionReader(s, 0, min(s.size, s.lim.UnpackedBytes)), 0, s.lim)
	case kind == KindGcode:
		return Timeline{}, noPlate(plate)
	}
	return Timeline{}, flawf("The file is a model, not a print: slice it first, in Bambu Studio or OrcaSlicer.")
}

func (s *source) timeline3MF(plate int) (Timeline, error) {
	a, err := openArchive(s)
	if err != nil {
		return Timeline{}, err
	}
	plates, err := a.plates()
	if err != nil {
		return Timeline{}, err
	}
	for _, p := range plates {
		if p.index != plate {
			continue
		}
		m, _, err := a.open(p.gcode, s.lim.UnpackedBytes)
		if err != nil {
			return Timeline{}, err
		}
		defer m.close()
		return traceGcode(m, p.sliced.seconds, s.lim)
	}
	if len(plates) == 0 {
		return Timeline{}, a.unsliced()
	}
	return Timeline{}, noPlate(plate)
}

func noPlate(plate int) error {
	return grove.Errorf(grove.NotFound, ReasonNoPlate, "the file has no sliced plate %d", plate)
}

// traceGcode follows G-code to its end; estimate is the slicer's, 0 if unknown.
func traceGcode(r io.Reader, estimate int, lim Limits) (Timeline, error) {
	tr := trace{limit: max(lim.Steps, 4), minutes: unanchored, percent: unanchored, gap: 1}
	tr.now = tracePoint{Step: Step{Line: 1, Tool: -1}, remaining: unanchored, percent: unanchored}
	tr.keep()
	s := newScript(r)
	for {
		l, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Timeline{}, fmt.Errorf("read G-code: %w", err)
		}
		tr.facts.take(l)
		tr.take(l, s.number)
	}
	return tr.timeline(cmp.Or(estimate, tr.facts.seconds), s.number), nil
}

// trace collects steps. Those that carry a time from M73 are anchors; the time of
// the others is set between these when all is read.
type trace struct {
	facts   facts
	points  []tracePoint
	now     tracePoint
	limit   int
	gap     int // lines that a new step must be away from the one before
	minutes int // last time left that M73 told
	percent int // last progress that M73 told
}

// tracePoint is a step in the making.
type tracePoint struct {
	Step
	remaining int // seconds left as told on this line, or unanchored
	percent   int // progress as told by M73 so far, or unanchored
}

// take follows one line.
func (tr *trace) take(l line, number int) {
	before := tr.now
	tr.now.remaining = unanchored
	switch {
	case l.letter == 0:
		if isLayer(l.comment) {
			tr.now.Layer++
		}
	case l.is('M', 73):
		tr.progress(l)
	case l.is('M', 1002):
		tr.claim(l)
	case l.letter == 'T' && l.code < specialTools:
		tr.now.Tool = l.code
	case l.letter == 'M':
		h := heat{tr.now.Nozzle, tr.now.Bed, tr.now.Chamber}
		h = h.after(l, func(_, target int) int { return target })
		tr.now.Nozzle, tr.now.Bed, tr.now.Chamber = h.nozzle, h.bed, h.chamber
	}
	before.remaining = unanchored
	if tr.now != before {
		tr.now.Line = number
		tr.keep()
	}
}

// progress follows M73: P percent, R minutes left, L layer.
func (tr *trace) progress(l line) {
	if layer, ok := l.highest("L"); ok {
		tr.now.Layer = int(max(layer, 0))
	}
	if percent, ok := l.highest("P"); ok {
		tr.now.percent = max(tr.now.percent, min(int(percent), percentOfFinished))
	}
	if minutes, ok := l.highest("R"); ok && minutes >= 0 && int(minutes) != tr.minutes {
		tr.minutes = int(minutes)
		tr.now.remaining = 60 * tr.minutes
	}
}

// claim follows M1002 gcode_claim_action : n, by which printers show a stage.
func (tr *trace) claim(l line) {
	_, after, ok := bytes.Cut(l.args, []byte(claimAction))
	if !ok {
		return
	}
	stage, err := strconv.Atoi(string(bytes.Trim(after, " :\t\r\n")))
	if err == nil && stage >= 0 && stage <= 255 {
		tr.now.Stage = stage
	}
}

// keep adds the present point, or lets it replace the last if that is close by.
// When there are too many, every second goes and the distance doubles.
func (tr *trace) keep() {
	if last := len(tr.points) - 1; last > 0 && tr.now.Line-tr.points[last].Line < tr.gap {
		point := tr.now
		point.Line = tr.points[last].Line
		point.remaining = max(point.remaining, tr.points[last].remaining)
		tr.points[last] = point
		return
	}
	tr.points = append(tr.points, tr.now)
	if len(tr.points) < tr.limit {
		return
	}
	kept := tr.points[:1]
	for i := 2; i < len(tr.points); i += 2 {
		kept = append(kept, tr.points[i])
	}
	tr.points = kept
	tr.gap = max(2*tr.gap, 2*tr.now.Line/tr.limit)
}

// timeline gives every point its time and progress.
func (tr *trace) timeline(estimate, lines int) Timeline {
	layers := max(tr.facts.totalLayers, tr.now.Layer)
	t := Timeline{EstimateSeconds: tr.estimate(estimate, layers), Layers: layers}
	end := tr.now
	end.Line, end.remaining = max(lines, 1), 0
	tr.points = append(tr.points, end)
	tr.points[0].remaining = t.EstimateSeconds
	if tr.minutes == unanchored {
		tr.anchorByProgress(t)
	}
	tr.interpolate()
	percent, remaining := 0, t.EstimateSeconds
	for _, p := range tr.points {
		remaining = min(remaining, max(p.remaining, 0))
		told := p.percent
		if told == unanchored {
			told = percentOfFinished * (t.EstimateSeconds - remaining) / t.EstimateSeconds
		}
		percent = max(percent, told)
		p.Percent, p.RemainingSeconds = percent, remaining
		t.Steps = append(t.Steps, p.Step)
	}
	t.Steps[len(t.Steps)-1].Percent = percentOfFinished
	return t
}

// estimate is the whole time in seconds: the slicer's, or M73's, or a guess.
func (tr *trace) estimate(told, layers int) int {
	first := 0
	for _, p := range tr.points {
		first = max(first, p.remaining)
	}
	if layers == 0 {
		return max(cmp.Or(told, first, secondsUnlayered), 1)
	}
	return max(cmp.Or(told, first, layers*secondsPerLayer), 1)
}

// anchorByProgress sets times where M73 told none: by its percentage, else by layers.
func (tr *trace) anchorByProgress(t Timeline) {
	layer := 0
	for i := range tr.points {
		p := &tr.points[i]
		switch {
		case i == 0 || i == len(tr.points)-1:
		case p.percent != unanchored:
			p.remaining = t.EstimateSeconds * (percentOfFinished - p.percent) / percentOfFinished
		case p.Layer > layer && t.Layers > 0:
			layer = p.Layer
			p.remaining = t.EstimateSeconds * (t.Layers - min(layer-1, t.Layers)) / t.Layers
		}
	}
}

// interpolate spreads the time between two anchors evenly over the lines between.
func (tr *trace) interpolate() {
	from := 0
	for to := 1; to < len(tr.points); to++ {
		if tr.points[to].remaining == unanchored {
			continue
		}
		a, b := tr.points[from], tr.points[to]
		for i := from + 1; i < to; i++ {
			share := float64(tr.points[i].Line-a.Line) / float64(max(b.Line-a.Line, 1))
			tr.points[i].remaining = a.remaining - int(share*float64(a.remaining-b.remaining))
		}
		from = to
	}
}
