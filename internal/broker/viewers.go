package broker

import (
	"slices"
	"sync"
	"sync/atomic"

	"github.com/grovecloud/grove"
)

// viewers knows who watches which printer. Lists are replaced, never changed, so
// that a report can walk over one without a lock.
type viewers struct {
	mu  sync.RWMutex
	one map[string][]*session
	all atomic.Pointer[[]*session]
}

func newViewers() viewers {
	return viewers{one: make(map[string][]*session)}
}

func (v *viewers) of(serial string) []*session {
	v.mu.RLock()
	defer v.mu.RUnlock()
	return v.one[serial]
}

func (v *viewers) ofAll() []*session {
	if p := v.all.Load(); p != nil {
		return *p
	}
	return nil
}

// add makes s a viewer of one printer, or of all with an empty serial.
func (v *viewers) add(serial string, s *session) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if serial == "" {
		s.everything.Store(true)
		v.setAll(append(slices.Clone(v.ofAll()), s))
		return
	}
	v.one[serial] = append(slices.Clone(v.one[serial]), s)
}

func (v *viewers) remove(serial string, s *session) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if serial == "" {
		s.everything.Store(false)
		v.setAll(without(v.ofAll(), s))
		return
	}
	if rest := without(v.one[serial], s); len(rest) > 0 {
		v.one[serial] = rest
	} else {
		delete(v.one, serial)
	}
}

func (v *viewers) setAll(list []*session) { v.all.Store(&list) }

func without(list []*session, s *session) []*session {
	return slices.DeleteFunc(slices.Clone(list), func(x *session) bool { return x == s })
}

// Clients counts the connections that watch a printer now and may.
func (b *Broker) Clients(serial string) (n grove.Clients) {
	one := b.viewers.of(serial)
	count := func(s *session) {
		if !b.cfg.Gate.May(s.actor, grove.ReadPrinter, serial) {
			return
		}
		switch s.actor.Kind {
		case grove.ActorUser:
			n.Users++
		case grove.ActorKey:
			n.Keys++
		case grove.ActorCode:
			n.Codes++
		case grove.ActorPrinter, grove.ActorBridge, grove.ActorSystem:
		}
	}
	for _, s := range one {
		count(s)
	}
	for _, s := range b.viewers.ofAll() {
		if !slices.Contains(one, s) {
			count(s)
		}
	}
	return n
}

// subscribe makes the client a viewer. Whoever holds an access code knows one
// printer, so all is that one.
func (s *session) subscribe(filter string) {
	if serial, ok := s.scope(filter); ok && !s.filters[filter] {
		s.filters[filter] = true
		s.watch(serial)
	}
}

func (s *session) unsubscribe(filter string) {
	if serial, ok := s.scope(filter); ok && s.filters[filter] {
		delete(s.filters, filter)
		s.unwatch(serial)
	}
}

// scope is the serial that a filter is about, empty for all.
func (s *session) scope(filter string) (serial string, ok bool) {
	serial, all, ok := watched(filter)
	if all && s.actor.Kind == grove.ActorCode {
		return s.actor.Serial, ok
	}
	return serial, ok
}

// watch counts a filter of this client; the first for a serial makes it a viewer.
func (s *session) watch(serial string) {
	if s.watches[serial]++; s.watches[serial] == 1 {
		s.broker.viewers.add(serial, s)
	}
}

func (s *session) unwatch(serial string) {
	switch s.watches[serial] {
	case 0:
	case 1:
		delete(s.watches, serial)
		s.broker.viewers.remove(serial, s)
	default:
		s.watches[serial]--
	}
}
