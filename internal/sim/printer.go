// Package sim is a printer that is not there: it dials in to a cloud over MQTT or
// stands on a network and is reached there, fetches the files it is told to print,
// and behaves, heats and reports like the machine it stands for. It speaks only on
// the wire.
package sim

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
)

// Begin is what a printer is doing when it is switched on.
type Begin string

// The beginnings.
const (
	BeginIdle     Begin = "idle"     // nothing, the plate empty
	BeginPrinting Begin = "printing" // a print begun at its own screen, task id "0"
	BeginFinished Begin = "finished" // done, with the part still on the plate
)

// Config is one simulated printer. Serial is needed, and Secret and Broker or LAN,
// or all three; the rest has a default.
type Config struct {
	Serial string       // case-sensitive; MQTT user name and client id
	Model  string       // code or name, such as C12 or P1S; the default is P1S
	Name   string       // what people call it; only logged
	Secret grove.Secret // device secret, the MQTT password

	Broker string       // host:port of the cloud's MQTT listener
	TLS    *tls.Config  // trust in that listener; nil: the system's
	HTTP   *http.Client // fetches print files; nil: a plain client

	LAN *LAN // where it stands on a network; nil: nowhere

	Speed float64       // simulated seconds that pass in one tick, 1 to 600; default 1
	Tick  time.Duration // real time between two reports, a second of the printer's own clock; default 1 s
	Seed  int64         // two printers with the same seed, told the same things at the same ticks, say the same
	Retry time.Duration // first pause before dialling again, doubled up to 30 s; default 1 s

	Begin  Begin
	Card   Card
	NoAMS  bool      // no filament unit, whatever the model usually has
	TwoAMS bool      // two units, where the model bears more than one
	Ledger io.Writer // one JSON line for each physical start, each one Write; may be shared

	// AutoClearPlate is how long, in real time, after a print somebody takes
	// the part off the plate. Zero: only when told by ClearPlate.
	AutoClearPlate time.Duration

	Faults Faults // what is wrong with it from the beginning

	// Record is written what happens to the printer and what it says, one JSON line
	// each, with the tick. Such a run takes place on the first of January 2026, so
	// that with the same seed and the same requests at the same ticks every byte is
	// the same. Nil: nothing is recorded.
	Record io.Writer

	// Linked is told nil whenever the link to the cloud is up, and why whenever
	// it breaks or can't be made. Nil: this is logged.
	Linked func(error)

	Log *slog.Logger

	replay *Recording
}

// Printer is one simulated printer. What it knows survives the end of its link
// and of Run, as a real one's screen goes on without a network.
type Printer struct {
	cfg     Config
	inbox   chan input // from every goroutine that serves the printer
	storage *storage
	lan     *lan

	mu      sync.Mutex // guards what follows, cfg.Secret and cfg.LAN.AccessCode
	m       *machine
	changed chan struct{} // closed when the faults have changed
}

// New makes a printer that is switched on but not connected. One with a LAN
// listens there already; Run serves, and Close is for one that is never run.
func New(cfg Config) (*Printer, error) {
	cfg, model, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	p := &Printer{
		cfg: cfg, inbox: make(chan input), storage: newStorage(cfg.Card, looksOf(model)), m: newMachine(cfg, model), changed: make(chan struct{}),
	}
	p.storage.insert(!cfg.Faults.NoCard)
	p.lan = newLAN(cfg, model, p)
	if err := p.lan.listen(context.Background()); err != nil {
		return nil, err
	}
	if err := p.m.open(); err != nil {
		p.Close()
		return nil, err
	}
	if cfg.replay == nil {
		p.lookForFiles()
	}
	return p, nil
}

// lookForFiles is what some firmware does when power comes.
func (p *Printer) lookForFiles() {
	if f := p.m.faults; !f.Autostart || f.PowerOff {
		return
	}
	if name, found := p.storage.printable(); found {
		p.happen(input{Found: name})
	}
}

// Close ends listening.
func (p *Printer) Close() { p.lan.close() }

// Ports is where the printer can be reached on its network, with real ports; zero
// without a LAN.
func (p *Printer) Ports() grove.LAN { return p.lan.ports() }

// complete fills in the defaults and refuses what cannot be simulated.
func (c Config) complete() (Config, bambu.Model, error) {
	if c.Model == "" {
		c.Model = "C12"
	}
	model, known := bambu.LookupModel(c.Model)
	if c.LAN != nil {
		var err error
		if c.LAN, err = c.LAN.complete(c.Serial); err != nil {
			return c, model, err
		}
	}
	_, _, err := net.SplitHostPort(c.Broker)
	switch {
	case c.Serial == "":
		return c, model, grove.Errorf(grove.Invalid, "sim_serial", "a simulated printer needs a serial number")
	case !known:
		return c, model, grove.Errorf(grove.Invalid, "sim_model", "%q is no printer model that can be simulated; take a code or name such as C12 or P1S", c.Model)
	case c.TwoAMS && !manyAMS(model):
		return c, model, grove.Errorf(grove.Invalid, "sim_ams", "%s bears one filament unit of its kind, so it gets no second one", model.Product)
	case err != nil && (c.Broker != "" || c.LAN == nil):
		return c, model, grove.Errorf(grove.Invalid, "sim_broker", "%q is not the host:port of an MQTT listener", c.Broker)
	case c.Begin != "" && c.Begin != BeginIdle && c.Begin != BeginPrinting && c.Begin != BeginFinished:
		return c, model, grove.Errorf(grove.Invalid, "sim_begin", "%q is no beginning; idle, printing and finished are", c.Begin)
	case c.Speed < 0 || c.Speed > 600:
		return c, model, grove.Errorf(grove.Invalid, "sim_speed", "a speed of %g is outside 1 to 600", c.Speed)
	}
	if err := c.Faults.check(); err != nil {
		return c, model, err
	}
	if c.Speed == 0 {
		c.Speed = 1
	}
	if c.Tick <= 0 {
		c.Tick = time.Second
	}
	if c.Retry <= 0 {
		c.Retry = time.Second
	}
	if c.HTTP == nil {
		c.HTTP = &http.Client{}
	}
	if c.Ledger == nil {
		c.Ledger = io.Discard
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	c.Log = c.Log.With(slog.String("printer", c.Serial))
	if c.Linked == nil {
		c.Linked = c.logLink
	}
	return c, model, nil
}

func (c Config) logLink(err error) {
	if err == nil {
		c.Log.Info("link up", slog.String("broker", c.Broker), slog.String("name", c.Name))
		return
	}
	c.Log.Warn("link down", slog.Any("error", err))
}

// BindPorts are the real ports at which strangers may ask who the printer is, in
// the clear and over TLS.
func (p *Printer) BindPorts() (plain, secure int) { return p.lan.cfg.Bind, p.lan.cfg.BindTLS }

// SearchAddr is where the printer hears searches, host:port; "" if nowhere.
func (p *Printer) SearchAddr() string {
	if p.lan.beacon == nil || p.lan.beacon.search == nil {
		return ""
	}
	return p.lan.beacon.search.LocalAddr().String()
}

// SetSecret is another device secret for the links to come, as when the printer
// is bound anew.
func (p *Printer) SetSecret(secret grove.Secret) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cfg.Secret = secret
}

func (p *Printer) deviceSecret() grove.Secret {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cfg.Secret
}

// SetAccessCode is another access code from now on; who came in with the old one
// is cut, as when a person lets the printer make a new one.
func (p *Printer) SetAccessCode(code grove.Secret) error {
	if p.cfg.LAN == nil || code == "" {
		return grove.Errorf(grove.Invalid, "sim_access_code", "a code of 8 characters is needed, and a printer on a network")
	}
	p.mu.Lock()
	p.cfg.LAN.AccessCode = code
	p.mu.Unlock()
	p.lan.broker.cut()
	p.lan.guests.cut()
	return nil
}

func (p *Printer) accessCode() grove.Secret {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.cfg.LAN.AccessCode
}

// identity is what the printer tells strangers.
func (p *Printer) identity(model bambu.Model) identity {
	p.mu.Lock()
	defer p.mu.Unlock()
	return identity{
		serial: p.cfg.Serial, model: model.Code, name: p.cfg.Name, version: p.m.looks.firmware,
		cloud: p.cfg.Broker != "", signal: p.m.wifi.dBm, at: p.Ports(),
	}
}

// Clients is how many MQTT clients are connected to the printer on its network.
func (p *Printer) Clients() int { return p.lan.broker.connected() }

// Serial is the printer's serial number.
func (p *Printer) Serial() string { return p.cfg.Serial }

// Run dials in, serves its network and lives until ctx ends, reconnecting as often
// as needed. It returns an error only when the ledger or the recording cannot be
// written, since a start without its line would make the ledger a lie, or when a
// port of its network was taken while it was not served. One Run at a time.
func (p *Printer) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		return p.live(ctx, &reach{Printer: p, group: g, link: newLink(p.cfg, p.deviceSecret, p.inbox)})
	})
	return errors.Join(g.Wait(), p.storage.close())
}

// reach is the link and the network, which are there as long as there is power.
type reach struct {
	*Printer
	group *errgroup.Group
	link  *link
	open  sync.WaitGroup
	cut   context.CancelFunc // nil: nothing is there
}

// set opens or cuts everything, as the power is.
func (r *reach) set(ctx context.Context, off bool) {
	switch {
	case off && r.cut != nil:
		r.cut()
		r.open.Wait()
		r.cut = nil
	case off:
		r.lan.close()
	case r.cut == nil:
		ctx, r.cut = context.WithCancel(ctx)
		if r.cfg.Broker != "" {
			r.while(func() error { return r.link.run(ctx) })
		}
		if r.cfg.LAN != nil {
			r.while(func() error { return r.lan.run(ctx) })
		}
	}
}

// while lets a part run until it is cut.
func (r *reach) while(run func() error) {
	r.open.Add(1)
	r.group.Go(func() error {
		defer r.open.Done()
		return run()
	})
}

// power reports whether it is off, and gives what is closed when the faults change.
func (p *Printer) power() (off bool, changed <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m.faults.PowerOff, p.changed
}

// ClearPlate takes the part off the plate, as a person would.
func (p *Printer) ClearPlate() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.happen(input{Cleared: true})
}

// PlateClear reports whether nothing lies on the physical plate.
func (p *Printer) PlateClear() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m.plate.clear
}

// State is the printer's gcode_state (IDLE, PREPARE, RUNNING …) as its own screen shows it.
func (p *Printer) State() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.m.state
}

// live carries every event to the machine, one after the other, and what it then
// says to the cloud and the network.
func (p *Printer) live(ctx context.Context, r *reach) error {
	tick := time.NewTicker(p.cfg.Tick)
	defer tick.Stop()
	var working sync.WaitGroup
	defer working.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	line := &session{}
	defer func() { line.end() }()
	events := p.due(input{Resumed: true})
	for {
		for _, event := range events {
			todo, err := p.turn(event)
			if err != nil {
				return err
			}
			if todo.order != nil && p.cfg.replay == nil {
				working.Go(func() { p.fetch(ctx, *todo.order) })
			}
			if todo.film != nil {
				working.Go(func() { p.keep(todo.film) })
			}
			for _, payload := range todo.say {
				line.publish(payload)
				p.lan.broker.say(payload)
			}
		}
		off, changed := p.power()
		r.set(ctx, off)
		if off {
			line.cut()
		}
		select {
		case <-ctx.Done():
			return nil
		case line = <-r.link.up:
			events = p.due(input{Connected: true})
		case in := <-p.inbox:
			events = p.due(in)
		case <-changed:
			events = nil
		case <-tick.C:
			line.keepAlive()
			events = append([]input{{ticked: true}}, p.due()...)
		}
	}
}

// due is what happens now: this, or in a repeated run what happened then.
func (p *Printer) due(in ...input) []input {
	if p.cfg.replay == nil {
		return in
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	ticks := p.m.ticks
	if len(in) == 0 {
		ticks++ // the tick goes first
	}
	return p.cfg.replay.until(ticks)
}

// chores are what comes of an event and is done outside the machine.
type chores struct {
	say   [][]byte
	order *order
	film  *film
}

// turn lets one event happen and takes what came of it.
func (p *Printer) turn(event input) (chores, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.happen(event)
	if p.m.fault != nil {
		return chores{}, fmt.Errorf("printer %s: %w", p.cfg.Serial, p.m.fault)
	}
	todo := chores{say: p.m.out, order: p.m.order, film: p.m.film}
	p.m.out, p.m.order, p.m.film = nil, nil, nil
	return todo, nil
}

// keep writes a timelapse on the card.
func (p *Printer) keep(f *film) {
	if err := f.write(p.storage); err != nil {
		p.cfg.Log.Warn("no timelapse", slog.Any("error", err))
	}
}

// fetch gets and reads a print file, and hands it to live.
func (p *Printer) fetch(ctx context.Context, o order) {
	f := source{client: p.cfg.HTTP, card: p.storage}.fetch(ctx, o)
	if f.err != nil {
		p.cfg.Log.Warn("print file not usable", slog.String("file", o.name), slog.Any("error", f.err))
	}
	select {
	case p.inbox <- input{Arrived: &f}:
	case <-ctx.Done():
	}
}
