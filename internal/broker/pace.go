package broker

import (
	"sync"
	"time"
)

// pace spreads what a printer sends. One that is too fast is read more slowly, so
// that TCP makes it wait: nothing is lost, and nobody else is held up.
type pace struct {
	gap   time.Duration // between two messages
	slack time.Duration // how far ahead of its pace a printer may be

	mu   sync.Mutex
	next time.Time // of the message after the last one
}

// take counts a message and says how long to wait before it is looked at.
func (p *pace) take(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if earliest := now.Add(-p.slack); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(p.gap)
	return p.next.Sub(now)
}

// rested reports whether the pace is as good as a new one.
func (p *pace) rested(now time.Time) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return !p.next.After(now.Add(-p.slack))
}

// paces are those of printers, connected or not: connecting again makes no
// printer faster.
type paces struct {
	gap   time.Duration
	slack time.Duration

	mu sync.Mutex
	of map[string]*pace
}

// manyPaces is when those of printers that rest are forgotten.
const manyPaces = 1024

func newPaces(l Limits) paces {
	gap := time.Second / time.Duration(l.Reports)
	return paces{gap: gap, slack: gap * time.Duration(l.ReportBurst), of: make(map[string]*pace)}
}

// get gives the pace of a printer.
func (p *paces) get(serial string, now time.Time) *pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.of[serial]; ok {
		return known
	}
	if len(p.of) >= manyPaces && len(p.of)&(len(p.of)-1) == 0 { // at each doubling
		p.forget(now)
	}
	fresh := &pace{gap: p.gap, slack: p.slack}
	p.of[serial] = fresh
	return fresh
}

func (p *paces) forget(now time.Time) {
	for serial, known := range p.of {
		if known.rested(now) {
			delete(p.of, serial)
		}
	}
}
