package queue

import "sync"

// turnstile lets one at a time through for each printer.
type turnstile struct {
	mu    sync.Mutex
	lanes map[string]*lane
}

// lane is one printer's; it goes when nobody is in it or waits for it.
type lane struct {
	gate  chan struct{} // holds the one who is in
	users int
}

// enter waits for its turn and gives what ends it.
func (t *turnstile) enter(serial string) (leave func()) {
	t.mu.Lock()
	l := t.lanes[serial]
	if l == nil {
		if t.lanes == nil {
			t.lanes = map[string]*lane{}
		}
		l = &lane{gate: make(chan struct{}, 1)}
		t.lanes[serial] = l
	}
	l.users++
	t.mu.Unlock()
	l.gate <- struct{}{}
	return func() {
		<-l.gate
		t.mu.Lock()
		defer t.mu.Unlock()
		if l.users--; l.users == 0 {
			delete(t.lanes, serial)
		}
	}
}
