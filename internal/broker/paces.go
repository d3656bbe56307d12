package broker

import (
	"sync"
	"time"

	"github.com/grovecloud/grove/internal/limit"
)

// paces are those of printers, connected or not: connecting again makes no
// printer faster.
type paces struct {
	flow limit.Flow

	mu sync.Mutex
	of map[string]*limit.Pace
}

// manyPaces is when those of printers that rest are forgotten.
const manyPaces = 1024

func newPaces(l Limits) paces {
	return paces{flow: l.Flow, of: make(map[string]*limit.Pace)}
}

// get gives the pace of a printer.
func (p *paces) get(serial string, now time.Time) *limit.Pace {
	p.mu.Lock()
	defer p.mu.Unlock()
	if known, ok := p.of[serial]; ok {
		return known
	}
	if len(p.of) >= manyPaces && len(p.of)&(len(p.of)-1) == 0 { // at each doubling
		p.forget(now)
	}
	fresh := limit.NewPace(p.flow)
	p.of[serial] = fresh
	return fresh
}

func (p *paces) forget(now time.Time) {
	for serial, known := range p.of {
		if known.Rested(now) {
			delete(p.of, serial)
		}
	}
}
