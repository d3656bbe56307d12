package sim

import (
	"context"
	"crypto/md5" //nolint:gosec // the protocol's checksum of print files, no secret hangs on it
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"time"

	"github.com/grovecloud/grove/printfile"
)

const (
	maxFileBytes = 1 << 30          // as much as the cloud takes
	maxSteps     = 4000             // of a print's course, to keep a fleet small
	fetchTimeout = 15 * time.Minute // a printer's Wi-Fi is slow
)

// order is a file to fetch for a start.
type order struct {
	number int // counts orders, so that a file nobody waits for any more is told apart
	url    string
	md5    string // upper-case hex; empty: not checked
	name   string
	plate  int

	leveling, vibration, flow bool // what the start asked to calibrate
}

// file is what came of an order.
type file struct {
	number   int
	err      error
	bytes    int64
	grams    float64
	timeline printfile.Timeline
}

// source is where print files come from.
type source struct {
	client *http.Client
	card   *storage
}

// fetch gets the ordered file and reads its plate.
func (s source) fetch(ctx context.Context, o order) file {
	f := file{number: o.number}
	f.err = f.load(ctx, s, o)
	return f
}

func (f *file) load(ctx context.Context, s source, o order) error {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	if name, ok := s.card.locate(o.url); ok {
		content, err := s.card.open(name)
		switch {
		case errors.Is(err, errBeingWritten):
			return refusal{err.Error(), errorStorage}
		case err != nil:
			return refusal{"no such file on the printer's storage", errorNoFile}
		}
		defer content.Close()
		return f.check(ctx, content, o)
	}
	// A thousand printers may fetch at once, so that the bytes are not kept in memory.
	spool, err := os.CreateTemp("", "grove-sim-*")
	if err != nil {
		return fmt.Errorf("make temporary file: %w", err)
	}
	defer os.Remove(spool.Name())
	defer spool.Close()
	if err := download(ctx, s.client, o.url, spool); err != nil {
		return err
	}
	return f.check(ctx, spool, o)
}

// check compares the file with its checksum and reads its plate.
func (f *file) check(ctx context.Context, content *os.File, o order) error {
	info, err := content.Stat()
	if err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	f.bytes = info.Size()
	sum := md5.New() //nolint:gosec // see the import
	if _, err := io.Copy(sum, io.NewSectionReader(content, 0, f.bytes)); err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	if got := fmt.Sprintf("%X", sum.Sum(nil)); o.md5 != "" && o.md5 != got {
		return fmt.Errorf("file has MD5 %s, the command said %s", got, o.md5)
	}
	return f.read(ctx, content, o)
}

// download copies the answer to a GET into w, up to the limit.
func download(ctx context.Context, client *http.Client, link string, w io.Writer) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, link, http.NoBody)
	if err != nil {
		return fmt.Errorf("request file: %w", unsigned(err))
	}
	resp, err := client.Do(req)
	if err != nil {
		return fmt.Errorf("request file: %w", unsigned(err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("request file: answered %s", resp.Status)
	}
	n, err := io.Copy(w, io.LimitReader(resp.Body, maxFileBytes+1))
	if err != nil {
		return fmt.Errorf("download file: %w", unsigned(err))
	}
	if n > maxFileBytes {
		return errors.New("download file: larger than 1 GiB")
	}
	return nil
}

// unsigned takes the link out of an error: whoever reads its signature in a log
// could fetch the file.
func unsigned(err error) error {
	if withURL, ok := errors.AsType[*url.Error](err); ok {
		return withURL.Err
	}
	return err
}

// read finds the plate's timeline and what it weighs.
func (f *file) read(ctx context.Context, r io.ReaderAt, o order) error {
	limits := printfile.DefaultLimits()
	limits.Steps = maxSteps
	info, err := printfile.Read(ctx, r, f.bytes, o.name, limits)
	if err != nil {
		return fmt.Errorf("read file: %w", err)
	}
	if info.Problem != "" {
		return errors.New(info.Problem)
	}
	for _, p := range info.Plates {
		if p.Index == o.plate {
			f.grams = p.WeightGrams
		}
	}
	if f.timeline, err = printfile.ReadTimeline(ctx, r, f.bytes, o.name, o.plate, limits); err != nil {
		return fmt.Errorf("read plate %d: %w", o.plate, err)
	}
	return nil
}

// received is the end of an order. It is looked at with the next tick, so that
// the printer was seen preparing even when the answer is quick.
func (m *machine) received(f file) { m.arrived = &f }

// unpack takes in a file that arrived. One that came too late for its job is dropped.
func (m *machine) unpack() {
	f, j := m.arrived, m.job
	if f == nil || m.state != m.said {
		return
	}
	m.arrived = nil
	if m.state != statePrepare || j.fetched || j.order.number != f.number {
		return
	}
	if f.err != nil {
		code := int64(errorUnread)
		if coded, ok := errors.AsType[refusal](f.err); ok {
			code = coded.code
		}
		m.fail(code, 0)
		return
	}
	j.fetched = true
	j.unpack = min(20, max(1, float64(f.bytes)/(1<<20)))
	j.grams = f.grams
	j.layers = f.timeline.Layers
	j.marks, j.estimate = timeline(f.timeline)
	if i := slices.IndexFunc(j.marks, func(k mark) bool { return k.tool >= 0 }); i >= 0 {
		j.tool = j.marks[i].tool // this one is loaded first
	}
}

// timeline turns the steps of a file into marks. A step's moment is read off the
// time that is left there.
func timeline(t printfile.Timeline) (marks []mark, seconds float64) {
	marks = make([]mark, 0, len(t.Steps))
	for _, s := range t.Steps {
		marks = append(marks, mark{
			at: t.EstimateSeconds - s.RemainingSeconds, layer: s.Layer, percent: s.Percent, tool: s.Tool, stage: s.Stage,
			nozzle: s.Nozzle, bed: s.Bed, chamber: s.Chamber,
		})
	}
	warmStart(marks)
	return marks, float64(t.EstimateSeconds)
}

// warmStart makes the file's first targets hold from the beginning: the
// preparations heat up to them.
func warmStart(marks []mark) {
	from := func(set func(*mark) *int) {
		for i := range marks {
			first := *set(&marks[i])
			if first == 0 {
				continue
			}
			for j := range i {
				*set(&marks[j]) = first
			}
			return
		}
	}
	from(func(k *mark) *int { return &k.nozzle })
	from(func(k *mark) *int { return &k.bed })
	from(func(k *mark) *int { return &k.chamber })
}
