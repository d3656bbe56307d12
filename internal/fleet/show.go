package fleet

import (
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/grovecloud/grove"
)

// gallery is who looks at a printer, and how it looks. The unit's mu guards all but
// drawings, which have their own lock: nobody who writes one holds up a report.
type gallery struct {
	near, far map[*Lookout]struct{}
	outlined  outline // as those far away saw it last
	changes   uint64

	drawings drawings
}

// drawings are a printer's Live as JSON, written once for all who look on.
type drawings struct {
	mu   sync.Mutex
	each map[manner]drawing
}

// manner is how a printer is drawn: with what opens it and where it stands, and with
// what its own page shows.
type manner struct{ whole, detailed bool }

// drawing is how it looked after so many changes, and where its own page shows that,
// with so many who watched it.
type drawing struct {
	changes uint64
	clients grove.Clients
	json    []byte
}

// outline is what shows of a printer from afar: what may need a person, and what it is
// called. Temperatures and progress are for those who look closely.
type outline struct {
	mark
	connected, complete, online bool
	stale                       bool
	view                        view
	plateClear, autoClear       bool
	name, model, trouble, tags  string
	developer                   grove.DeveloperMode
	lan                         *grove.LAN // replaced, never written to
	hms                         string
	heatUntil                   time.Time
	codeUse                     grove.Use
	known                       mark // what is remembered of the last turn
}

func (u *unit) outline() outline {
	p := &u.printer
	return outline{
		mark: markOf(u.shadow), connected: u.link != nil, complete: u.complete, stale: u.stale, view: u.view.plain(), online: p.Online, plateClear: p.PlateClear, autoClear: p.AutoClear,
		name: p.Name, model: p.Model, trouble: u.trouble, tags: strings.Join(p.Tags, "\n"), developer: u.developer(), lan: u.lan, hms: codes(u.shadow.HMS), heatUntil: p.HeatUntil, codeUse: u.codeUse,
		known: mark{state: p.GcodeState, task: p.TaskID, file: p.FileName, printError: p.PrintError},
	}
}

func codes(messages []grove.HMS) string {
	var all strings.Builder
	for _, m := range messages {
		all.WriteString(m.Code + " ")
	}
	return all.String()
}

// show tells whoever looks on that something about the printer changed. It waits for
// nobody. The caller holds mu.
func (u *unit) show() {
	u.changes++
	for l := range u.near {
		l.note(u.serial)
	}
	if len(u.far) == 0 {
		return
	}
	now := u.outline()
	if now == u.outlined {
		return
	}
	u.outlined = now
	for l := range u.far {
		l.note(u.serial)
	}
}

// watch adds a viewer.
func (u *unit) watch(l *Lookout, closely bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.near == nil {
		u.near, u.far = map[*Lookout]struct{}{}, map[*Lookout]struct{}{}
	}
	if closely {
		u.near[l] = struct{}{}
		return
	}
	if len(u.far) == 0 {
		u.outlined = u.outline()
	}
	u.far[l] = struct{}{}
}

func (u *unit) unwatch(l *Lookout) {
	u.drawings.mu.Lock() // nobody draws for a newcomer between the count and its end
	defer u.drawings.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.near, l)
	delete(u.far, l)
	if len(u.near)+len(u.far) == 0 { // what was written for them need not stay in memory
		u.drawings.each = nil
	}
}

// CodeUsed takes that somebody signed in with a printer's access code.
func (f *Fleet) CodeUsed(serial string, use grove.Use) {
	u, err := f.unit(serial)
	if err != nil {
		return
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.codeUse = use
	u.show()
}

// recount looks who watches the printer over MQTT, which no report tells, for those who
// are shown it.
func (f *Fleet) recount(u *unit) {
	u.mu.Lock()
	wanted := false
	for l := range u.near {
		wanted = wanted || l.only != ""
	}
	u.mu.Unlock()
	if !wanted {
		return
	}
	now := f.Clients(u.serial)
	u.drawings.mu.Lock()
	defer u.drawings.mu.Unlock()
	u.mu.Lock()
	defer u.mu.Unlock()
	for how, d := range u.drawings.each {
		if how.detailed && d.changes == u.changes && d.clients != now { // of those before, all are told anyway
			u.show()
			return
		}
	}
}

// draw is the printer's Live as JSON.
func (f *Fleet) draw(u *unit, how manner) ([]byte, error) {
	u.drawings.mu.Lock()
	defer u.drawings.mu.Unlock()
	var clients grove.Clients
	if how.detailed {
		clients = f.Clients(u.serial)
	}
	u.mu.Lock()
	changes := u.changes
	if d, ok := u.drawings.each[how]; ok && d.changes == changes {
		u.mu.Unlock()
		return d.json, nil
	}
	live := u.live()
	if how.detailed {
		live = u.detailed(clients)
	}
	u.mu.Unlock()
	if !how.whole {
		live = withheld(live)
	}
	written, err := json.Marshal(live)
	if err != nil {
		return nil, err
	}
	if u.drawings.each == nil {
		u.drawings.each = map[manner]drawing{}
	}
	u.drawings.each[how] = drawing{changes, clients, written}
	return written, nil
}
