package sim

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"
)

// Fleets connect one printer after the other: a handshake costs the cloud half a
// millisecond, and nobody's printers all come back in the same one.
const (
	connectGap    = 5 * time.Millisecond
	connectWithin = 10 * time.Second // large fleets are denser
)

// Fleet is many printers in one process.
type Fleet struct {
	printers []*Printer
}

// NewFleet makes all the printers, or none.
func NewFleet(configs []Config) (*Fleet, error) {
	f := &Fleet{printers: make([]*Printer, 0, len(configs))}
	for _, cfg := range configs {
		p, err := New(cfg)
		if err != nil {
			for _, made := range f.printers {
				made.Close()
			}
			return nil, err
		}
		f.printers = append(f.printers, p)
	}
	return f, nil
}

// Printers are the fleet's printers, in the order of their configurations.
func (f *Fleet) Printers() []*Printer { return f.printers }

// Printer finds one by its serial.
func (f *Fleet) Printer(serial string) (*Printer, bool) {
	for _, p := range f.printers {
		if p.Serial() == serial {
			return p, true
		}
	}
	return nil, false
}

// Run lets all printers live until ctx ends, or until one of them cannot.
func (f *Fleet) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	gap := connectGap
	if n := len(f.printers); n > 0 {
		gap = min(gap, connectWithin/time.Duration(n))
	}
	for i, p := range f.printers {
		g.Go(func() error {
			wait := time.NewTimer(time.Duration(i) * gap)
			defer wait.Stop()
			select {
			case <-ctx.Done():
				return nil
			case <-wait.C:
			}
			return p.Run(ctx)
		})
	}
	return g.Wait()
}

// RunFleet makes printers and lets them live until ctx ends.
func RunFleet(ctx context.Context, configs []Config) error {
	f, err := NewFleet(configs)
	if err != nil {
		return err
	}
	return f.Run(ctx)
}
