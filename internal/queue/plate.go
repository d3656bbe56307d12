package queue

import "sync"

// plates remembers which job took a printer's clear plate and that nothing else
// has printed there since. Only then may a start that did not happen give the
// plate back; after a restart, or in doubt, a person has to look.
type plates struct {
	mu    sync.Mutex
	taken map[string]int64 // serial to job
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
}

// untouched reports whether the plate is as the job found it.
func (p *plates) untouched(serial string, job int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.taken[serial] == job
}
