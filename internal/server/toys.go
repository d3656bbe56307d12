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

// load finds the printers of before again.
func (t *toys) load(ctx context.Context) error {
	raw, err := os.ReadFile(t.file())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &t.kept)
	}
	if err != nil {
		return unwritable(t.s.dir.path, err)
	}
	if t.kept.OwnerID == 0 {
		return nil
	}
	t.first, err = t.build(ctx, t.kept.OwnerID)
	return err
}

// save writes what is kept. The caller holds mu, or is alone.
func (t *toys) save() error {
	raw, err := json.Marshal(t.kept)
	if err == nil {
		err = os.WriteFile(t.file(), raw, 0o600)
	}
	if err != nil {
		return unwritable(t.s.dir.path, err)
	}
	return nil
}

// build binds the printers to their owner, where they are not any more, and makes them.
func (t *toys) build(ctx context.Context, owner int64) ([]*sim.Printer, error) {
	if t.kept.Secrets == nil {
		t.kept.Secrets = map[string]grove.Secret{}
	}
	var all []*sim.Printer
	for i, one := range allToys() {
		if err := t.bind(ctx, owner, one); err != nil {
			return nil, err
		}
		c := sim.Config{
			Serial: one.serial, Model: one.model, Name: one.name, Secret: t.kept.Secrets[one.serial],
			Broker: t.s.mqttAt.Addr().String(), TLS: t.s.ca.clientTLS(), HTTP: &http.Client{Timeout: 10 * time.Minute},
			Speed: toySpeed, Seed: int64(i + 1), Begin: one.begin, Log: t.s.log.With(slog.String("component", "sim")),
		}
		if one.autoClear {
			c.AutoClearPlate = time.Second
		}
		printer, err := sim.New(c)
		if err != nil {
			return nil, err
		}
		t.s.seen.add(one.serial, printer.Picture)
		all = append(all, printer)
	}
	t.kept.OwnerID = owner
	return all, t.save()
}

// bind binds a printer unless the secret that is remembered still opens the door: its
// owner may have bound it anew or given it up.
func (t *toys) bind(ctx context.Context, owner int64, one toy) error {
	known, err := t.s.db.Printer(ctx, one.serial)
	if err != nil && !errors.Is(err, grove.NotFound) {
		return err
	}
	if known.OwnerID == owner && known.DeviceSecretHash == fleet.HashSecret(string(t.kept.Secrets[one.serial])) {
		return nil
	}
	actor := grove.Actor{Kind: grove.ActorUser, UserID: owner}
	b, err := t.s.fleet.Bind(ctx, actor, fleet.Binding{Serial: one.serial, Name: one.name, Model: one.model, AutoClear: one.autoClear})
	if err != nil {
		return err
	}
	t.kept.Secrets[one.serial] = b.DeviceSecret
	return nil
}

// run runs whatever there is, until ctx ends.
func (t *toys) run(ctx context.Context) error {
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
	all, err := t.build(ctx, actor.UserID)
	if err != nil {
		return err
	}
	return t.begin(ctx, all)
}

func (t *toys) begin(ctx context.Context, all []*sim.Printer) error {
	select {
	case t.turn <- all:
		return nil
	case <-ctx.Done():
		return ctx.Err()
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
	for serial := range t.kept.Secrets {
		if err := t.s.fleet.Unbind(ctx, actor, serial); err != nil && !errors.Is(err, grove.NotFound) {
			return err
		}
	}
	t.kept = keptToys{}
	return errors.Join(t.save(), t.begin(ctx, nil))
}
