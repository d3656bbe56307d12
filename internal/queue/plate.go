package queue

import (
	"context"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// plates remembers which job took a printer's clear plate and that nothing else
// has printed there since. Only then may a start that did not happen give the
// plate back; after a restart, or in doubt, a person has to look.
type plates struct {
	mu    sync.Mutex
	taken map[string]int64 // serial to job
	owed  map[string]debt
}

// debt is a plate that is given back when the printer has had the time to take a start
// after all that it refused, or that somebody else's words made look refused.
type debt struct {
	job int64
	due time.Time
}

func (p *plates) take(serial string, job int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken == nil {
		p.taken = map[string]int64{}
	}
	p.taken[serial] = job
}

// used: something printed, or may have.
func (p *plates) used(serial string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.taken, serial)
	delete(p.owed, serial)
}

// owe has a job's plate given back later, if nothing prints there.
func (p *plates) owe(serial string, job int64, due time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.taken[serial] != job {
		return
	}
	if p.owed == nil {
		p.owed = map[string]debt{}
	}
	p.owed[serial] = debt{job, due}
}

// due are the jobs whose plates may be given back by now.
func (p *plates) due(now time.Time) (jobs []grove.Job) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for serial, d := range p.owed {
		if !now.Before(d.due) {
			jobs = append(jobs, grove.Job{ID: d.job, Serial: serial})
		}
	}
	return jobs
}

// untouched reports whether the plate is as the job found it.
func (p *plates) untouched(serial string, job int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken[serial] == job
}

// giveBack makes the plate of a refused start clear again: its printer, asked anew, is
// idle, and nothing printed meanwhile.
func (q *Queue) giveBack(ctx context.Context, j grove.Job) error {
	if err := q.Printers.Refresh(ctx, j.Serial); err != nil || q.Printers.Fit(j.Serial) != nil {
		return nil //nolint:nilerr // absent, silent or busy: asked again in a minute
	}
	_, err := q.change(ctx, j.Serial, func(p *grove.Printer, active *grove.Job) ([]grove.Event, error) {
		if (active == nil || !active.State.Started()) && !printing(p.GcodeState) && q.taken.untouched(j.Serial, j.ID) {
			p.PlateClear = true
		}
		return nil, nil
	})
	if err == nil {
		q.taken.used(j.Serial)
		q.Kick()
	}
	return err
}
