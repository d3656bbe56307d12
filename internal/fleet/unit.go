package fleet

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// unit is one printer in memory. mu guards all but owner and drawings.
type unit struct {
	serial string
	owner  atomic.Int64

	mu      sync.Mutex
	printer grove.Printer // as remembered
	model   bambu.Model

	lan     *grove.LAN // where it stands; nil for one that dials in. Replaced, never written to
	welcome bool       // it took the access code since it was bound or the server started
	codeUse grove.Use  // who came with its access code last
	trouble string     // why it has no link, as far as the network tells
	eye     *eye

	link     Link
	epoch    uint64    // grows with each link
	lostAt   time.Time // when the last link went; zero while one is up
	announce bool      // told as online

	state      *bambu.State
	shadow     grove.Shadow
	versions   bambu.Versions
	complete   bool // a full report arrived on this link
	fullAt     time.Time
	reportedAt time.Time
	run        run
	awaited    awaited
	heardAt    time.Time // the last report, or when it came online or the server started
	stale      bool
	pushallAt  time.Time
	dirty      bool
	full       chan struct{} // closed and renewed at each full report

	pending map[string]*pending

	answered grove.DeveloperMode // as its replies tell since it was bound or paired; empty when none did

	cooledAt time.Time // when heat was last switched off
	heatTold time.Time // the end of heat that was announced
	heatOver time.Time // the end of heat that was told as over

	away time.Duration // silence before this link, until the first report tells it

	turns   []Turn
	working bool
	turned  mark      // what the last turn told
	turnDue time.Time // when the last would have been due

	gallery
	graph graph
	view  view
}

// mark is what makes a report worth a turn.
type mark struct {
	state, task, subtask, file string
	printError                 int64
}

func newUnit(p grove.Printer, lan *grove.LAN, now time.Time, eye *eye) *unit {
	u := &unit{
		serial: p.Serial, lan: lan, eye: eye, lostAt: now, heardAt: now, announce: p.Online, pending: map[string]*pending{},
		full: make(chan struct{}), state: bambu.NewState(),
	}
	u.remember(p)
	if s, err := bambu.LoadState(p.State); err == nil && len(p.State) > 0 {
		u.state, u.shadow, u.reportedAt = s, s.Shadow(), p.StateAt
		u.run = runOf(p.State, u.shadow)
	}
	if v, ok := bambu.ParseVersions(p.Versions); ok {
		u.versions = v
	}
	return u
}

// remember takes over the stored part of a printer.
func (u *unit) remember(p grove.Printer) {
	u.printer = p
	u.owner.Store(p.OwnerID)
	u.model = bambu.Fallback()
	if m, ok := bambu.LookupModel(p.Model); ok {
		u.model = m
	}
}

// live is the printer as it is now, without Raw. The caller holds mu.
func (u *unit) live() grove.Live {
	return grove.Live{
		Printer: u.printer, Connected: u.link != nil, Shadow: u.shadow,
		ReportedAt: u.reportedAt, Run: u.run.Number, Complete: u.complete, LAN: u.lan, CodeUse: u.codeUse, Trouble: u.trouble,
		DeveloperMode: u.developer(), Stale: u.stale, Camera: u.view.open, NoCamera: u.view.why,
	}
}

// detailed is the printer as its own page shows it. The caller holds mu.
func (u *unit) detailed(clients grove.Clients) grove.Live {
	live, details := u.live(), u.state.Details(u.model)
	details.Clients = clients
	live.Details = &details
	return live
}

func markOf(s grove.Shadow) mark {
	return mark{state: s.State, task: s.TaskID, subtask: s.SubtaskID, file: s.FileName, printError: s.PrintError}
}
