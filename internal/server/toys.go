package server

import (
	"context"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/sim"
)

// toySpeed lets a newcomer see a print end within minutes.
const toySpeed = 20

// toy is one of the three printers that a server can simulate. No other simulated
// printer has the D in its serial, so that grove sim takes none of them over.
type toy struct {
	serial, model, name string
	begin               sim.Begin
	autoClear           bool
}

func allToys() []toy {
	return []toy{
		{serial: "00M00D000000001", model: "BL-P001", name: "Workshop X1 Carbon", begin: sim.BeginPrinting, autoClear: true},
		{serial: "01P00D000000002", model: "C12", name: "Bench P1S", begin: sim.BeginIdle, autoClear: true},
		{serial: "03000D000000003", model: "N1", name: "Desk A1 mini", begin: sim.BeginFinished},
	}
}

// all are the printers as this server simulates them. The demo goes on by itself; a
// newcomer's P1S leaves the plate to a person, as real printers do.
func (t *toys) all() []toy {
	all := allToys()
	all[1].autoClear = t.s.cfg.Demo
	return all
}

// isToy reports whether the printer of a serial is, or would be, one that a server
// simulates.
func isToy(serial string) bool {
	return slices.ContainsFunc(allToys(), func(t toy) bool { return t.serial == serial })
}

// toys are the simulated printers that run within the server: of a demo, or of somebody
// who runs the server and wants to look around first. They dial in as others do.
type toys struct {
	s    *Server
	turn chan []*sim.Printer // what is to run from now on
	over chan struct{}       // closed when nothing runs any more

	mu    sync.Mutex
	kept  keptToys
	first []*sim.Printer // what runs from the start
}

// keptToys is what outlives a restart.
type keptToys struct {
	OwnerID int64                   `json:"owner_id"` // 0: there are none
	Secrets map[string]grove.Secret `json:"secrets"`
}

func (t *toys) file() string { return t.s.dir.file("simulated-printers.json") }

// load reads what there was before. Simulated printers are no reason not to start:
// what can't be read is told, and counts as none.
func (t *toys) load() {
	raw, err := os.ReadFile(t.file())
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = json.Unmarshal(raw, &t.kept)
	}
	if err != nil {
		t.kept = keptToys{}
		t.s.log.Warn("simulated printers not found again", slog.Any("error", err))
	}
}

// resume makes those printers of before that are still their owner's by the secret that
// is remembered; whatever was given up, or away, stays so.
func (t *toys) resume(ctx context.Context) {
	for i, one := range t.all() {
		known, err := t.s.db.Printer(ctx, one.serial)
		secret, had := t.kept.Secrets[one.serial]
		if !had || err != nil || known.OwnerID != t.kept.OwnerID || known.DeviceSecretHash != fleet.HashSecret(string(secret)) {
			delete(t.kept.Secrets, one.serial)
			continue
		}
		one.autoClear = known.AutoClear // bound by an earlier version, it may do otherwise
		printer, err := t.make(one, i)
		if err != nil {
			t.s.log.Warn("printer not simulated", slog.String("printer", one.serial), slog.Any("error", err))
			continue
		}
		t.first = append(t.first, printer)
	}
	if len(t.kept.Secrets) == 0 {
		t.kept = keptToys{}
	}
}

// save writes what is kept, whole or not at all. The caller holds mu, or is alone.
func (t *toys) save() error {
	raw, err := json.Marshal(t.kept)
	if err != nil {
		return err
	}
	return writeSecret(t.file(), raw)
}

// build binds all the printers to their owner, where they are not any more, and makes
// them; or binds none.
func (t *toys) build(ctx context.Context, owner int64) (all []*sim.Printer, err error) {
	if t.kept.Secrets == nil {
		t.kept.Secrets = map[string]grove.Secret{}
	}
	actor := grove.Actor{Kind: grove.ActorUser, UserID: owner}
	var bound []string
	defer func() {
		if err == nil {
			return
		}
		for _, serial := range bound {
			delete(t.kept.Secrets, serial)
			err = errors.Join(err, t.s.fleet.Unbind(ctx, actor, serial))
		}
	}()
	for i, one := range t.all() {
		fresh, err := t.bind(ctx, actor, one)
		if fresh {
			bound = append(bound, one.serial)
		}
		if err != nil {
			return nil, err
		}
		printer, err := t.make(one, i)
		if err != nil {
			return nil, err
		}
		all = append(all, printer)
	}
	t.kept.OwnerID = owner
	if err := t.save(); err != nil {
		t.kept.OwnerID = 0
		return nil, err
	}
	return all, nil
}

// make is one printer, the number of which gives it its fortune.
func (t *toys) make(one toy, number int) (*sim.Printer, error) {
	c := sim.Config{
		Serial: one.serial, Model: one.model, Name: one.name, Secret: t.kept.Secrets[one.serial],
		Broker: t.s.mqttAt.Addr().String(), TLS: t.s.ca.clientTLS(), HTTP: &http.Client{Timeout: 10 * time.Minute},
		Speed: toySpeed, Seed: int64(number + 1), Begin: one.begin, Log: t.s.log.With(slog.String("component", "sim")),
	}
	if one.autoClear {
		c.AutoClearPlate = time.Second
	}
	printer, err := sim.New(c)
	if err == nil {
		t.s.seen.add(one.serial, printer.Picture)
	}
	return printer, err
}

// bind binds a printer unless the secret that is remembered still opens the door: its
// owner may have bound it anew or given it up. It may be fresh and an error come after.
func (t *toys) bind(ctx context.Context, actor grove.Actor, one toy) (fresh bool, err error) {
	known, err := t.s.db.Printer(ctx, one.serial)
	if err != nil && !errors.Is(err, grove.NotFound) {
		return false, err
	}
	if known.OwnerID == actor.UserID && known.DeviceSecretHash == fleet.HashSecret(string(t.kept.Secrets[one.serial])) {
		return false, nil
	}
	empty := one.begin == sim.BeginIdle // as it is made; of a real printer only a person knows
	b, err := t.s.fleet.Bind(ctx, actor, fleet.Binding{Serial: one.serial, Name: one.name, Model: one.model, PlateClear: empty, AutoClear: one.autoClear})
	if err != nil {
		return false, err
	}
	t.kept.Secrets[one.serial] = b.DeviceSecret
	if empty && !b.Printer.PlateClear { // what its namesake left is gone with it
		_, err = t.s.queue.ClearPlate(ctx, actor, one.serial)
		if grove.HasReason(err, "printer_busy") || grove.HasReason(err, "job_state") {
			err = nil // by what is known; how that ended shows once it dials in
		}
	}
	return true, err
}

// run runs whatever there is, until ctx ends.
func (t *toys) run(ctx context.Context) error {
	defer close(t.over)
	g, ctx := errgroup.WithContext(ctx)
	begin := func(all []*sim.Printer) context.CancelFunc {
		while, stop := context.WithCancel(ctx)
		for _, p := range all {
			g.Go(func() error {
				if err := p.Run(while); while.Err() == nil {
					return err
				}
				return nil
			})
		}
		return stop
	}
	stop := begin(t.first)
	for {
		select {
		case <-ctx.Done():
			stop()
			return g.Wait()
		case all := <-t.turn:
			stop()
			stop = begin(all)
		}
	}
}

// Simulated are the serials of the simulated printers that run here.
func (t *toys) Simulated() []string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept.OwnerID == 0 {
		return nil
	}
	return slices.Sorted(maps.Keys(t.kept.Secrets))
}

// Simulate binds three simulated printers to the actor and lets them run, now and after
// each restart. Forbidden unless the actor runs the server, Conflict when there are some.
func (t *toys) Simulate(ctx context.Context, actor grove.Actor) error {
	if err := t.s.access.Authorize(actor, grove.AdminUsers, grove.Resource{}); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept.OwnerID != 0 {
		return grove.Errorf(grove.Conflict, "simulated_already", "the simulated printers of this server run already; take them away before they are made anew")
	}
	ctx = context.WithoutCancel(ctx) // who asked may leave; it is done whole all the same
	all, err := t.build(ctx, actor.UserID)
	if err != nil {
		return err
	}
	t.begin(all)
	return nil
}

// begin has these run in the place of those before, unless the server stops.
func (t *toys) begin(all []*sim.Printer) {
	select {
	case t.turn <- all:
	case <-t.over:
	}
}

// Pack ends the simulated printers and gives them up, with Forbidden for whoever does
// not own them, and NotFound when there are none.
func (t *toys) Pack(ctx context.Context, actor grove.Actor) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	switch t.kept.OwnerID {
	case 0:
		return grove.Errorf(grove.NotFound, "none_simulated", "no simulated printers run on this server")
	case actor.UserID:
	default:
		return grove.Errorf(grove.Forbidden, "not_your_printers", "the simulated printers of this server belong to another account, which alone can take them away")
	}
	ctx = context.WithoutCancel(ctx)
	for serial := range t.kept.Secrets {
		if err := t.s.fleet.Unbind(ctx, actor, serial); err != nil && !errors.Is(err, grove.NotFound) {
			return err
		}
	}
	t.kept = keptToys{}
	t.begin(nil)
	return t.save()
}
