package fleet

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/grovecloud/grove"
)

const (
	// KeepTemperatures is how long temperatures are kept.
	KeepTemperatures = 7 * 24 * time.Hour
	mostPoints       = 2000
	somePoints       = 360
)

// Span is a time and how finely it is wanted; zero values mean the last six hours until
// now in 360 points.
type Span struct {
	From, To time.Time
	Points   int // 2 to 2000 at most; the steps are whole tens of seconds
}

func (s *Span) check(now time.Time) error {
	if s.To.IsZero() || s.To.After(now) {
		s.To = now
	}
	if s.From.IsZero() {
		s.From = s.To.Add(-6 * time.Hour)
	}
	if s.Points == 0 {
		s.Points = somePoints
	}
	if oldest := now.Add(-KeepTemperatures); s.From.Before(oldest) {
		s.From = oldest
	}
	switch {
	case !s.From.Before(s.To):
		return grove.Errorf(grove.Invalid, "bad_span", "from must be before to, both after seven days ago and not in the future")
	case s.Points < 2 || s.Points > mostPoints:
		return grove.Errorf(grove.Invalid, "bad_points", "points is %d; it must be 2 to %d", s.Points, mostPoints)
	}
	return nil
}

// Temperatures are how hot a printer was, as far as its present owner had it.
func (f *Fleet) Temperatures(ctx context.Context, actor grove.Actor, serial string, span Span) (grove.Temperatures, error) {
	u, err := f.may(actor, grove.ReadPrinter, serial)
	if err != nil {
		return grove.Temperatures{}, err
	}
	if err := span.check(time.Now()); err != nil {
		return grove.Temperatures{}, err
	}
	owner := u.owner.Load()
	stretches, err := f.Records.Temperatures(ctx, serial, owner, span.From.Add(-perStretch*sampleEvery), span.To)
	if err != nil {
		return grove.Temperatures{}, err
	}
	u.mu.Lock()
	recent := append(append([]grove.Stretch(nil), u.graph.full...), u.stretch())
	u.mu.Unlock()
	c := newCurves(serial, span)
	for _, s := range append(stretches, recent...) { // what is newer replaces what was stored of it
		samples, ok := unpack(s.Samples)
		if !ok {
			f.Log.Warn("temperatures not understood", slog.String("printer", serial), slog.Time("began_at", s.BeganAt))
			continue
		}
		c.add(s.BeganAt, samples)
	}
	return c.drawn(), nil
}

// curves gather samples by the step they are in.
type curves struct {
	step  time.Duration
	from  time.Time
	slots []sample // all of the span, ten seconds each
	out   grove.Temperatures
}

func newCurves(serial string, span Span) *curves {
	each := steps(span.To.Sub(span.From), time.Duration(span.Points)*sampleEvery)
	c := &curves{step: time.Duration(each) * sampleEvery}
	c.from = span.From.UTC().Truncate(c.step) // the same steps, however the span moves
	if steps(span.To.Sub(c.from), c.step) > span.Points {
		c.from = c.from.Add(c.step)
	}
	c.slots = make([]sample, steps(span.To.Sub(c.from), sampleEvery))
	for i := range c.slots {
		c.slots[i] = nothing
	}
	c.out = grove.Temperatures{Serial: serial, From: c.from, StepSeconds: int(c.step / time.Second)}
	return c
}

// steps is how many of a length it takes to cover d.
func steps(d, each time.Duration) int { return int((d + each - 1) / each) }

func (c *curves) add(began time.Time, samples []sample) {
	first := int(began.Sub(c.from) / sampleEvery)
	for i, s := range samples {
		if at := first + i; at >= 0 && at < len(c.slots) && s != nothing {
			c.slots[at] = s
		}
	}
}

func (c *curves) drawn() grove.Temperatures {
	each := int(c.step / sampleEvery)
	o := &c.out
	for n, column := range []*[]*float64{
		&o.NozzleCelsius, &o.NozzleTargetCelsius, &o.BedCelsius, &o.BedTargetCelsius, &o.ChamberCelsius, &o.ChamberTargetCelsius,
	} {
		*column = make([]*float64, 0, len(c.slots)/each+1)
		for i := 0; i < len(c.slots); i += each {
			*column = append(*column, summed(c.slots[i:min(i+each, len(c.slots))], n))
		}
	}
	return *o
}

// summed is one value for some samples: the mean of what was measured, to a tenth of a
// degree, the last of the targets; nil when nothing is known.
func summed(samples []sample, column int) *float64 {
	sum, count, last := 0.0, 0, 0.0
	for _, s := range samples {
		if s[column] != unknown {
			last = float64(s[column]) / 2
			sum += last
			count++
		}
	}
	if count == 0 {
		return nil
	}
	value := math.Round(sum/float64(count)*10) / 10
	if column%2 == 1 {
		value = last
	}
	return &value
}

// batched are temperatures on their way to the records.
type batched struct {
	stretches []grove.Stretch
	done      []func()
}

// add is called under the unit's lock.
func (b *batched) add(u *unit, last bool) {
	due, done := u.unstored(time.Now(), last)
	if len(due) == 0 {
		return
	}
	b.stretches = append(b.stretches, due...)
	b.done = append(b.done, func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		done()
	})
}

func (b *batched) store(ctx context.Context, records Records) error {
	if err := records.SaveTemperatures(ctx, b.stretches); err != nil {
		return fmt.Errorf("store temperatures: %w", err)
	}
	for _, done := range b.done {
		done()
	}
	return nil
}
