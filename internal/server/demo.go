package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/fleet"
	"github.com/grovecloud/grove/internal/sim"
)

// The demo's account is known to everybody, which is why the demo only listens
// on this machine.
const (
	DemoEmail    = "demo@grove.local"
	demoPassword = "grove-demo" // printed at start, on purpose
	// demoSpeed lets a newcomer see a print end within minutes.
	demoSpeed = 20
)

// demo is the simulated part of a demonstration cloud.
type demo struct {
	printers []*sim.Printer
}

// demoPrinter is one of the three printers every demo has. No other simulated
// printer has the D in its serial, so that grove sim takes none of them over.
type demoPrinter struct {
	serial, model, name string
	begin               sim.Begin
	autoClear           bool
}

func demoPrinters() []demoPrinter {
	return []demoPrinter{
		{serial: "00M00D000000001", model: "BL-P001", name: "Workshop X1 Carbon", begin: sim.BeginPrinting, autoClear: true},
		{serial: "01P00D000000002", model: "C12", name: "Bench P1S", begin: sim.BeginIdle, autoClear: true},
		{serial: "03000D000000003", model: "N1", name: "Desk A1 mini", begin: sim.BeginFinished},
	}
}

// openDemo makes the demo account and its printers, or finds them again.
func (s *Server) openDemo(ctx context.Context) error {
	s.demo = &demo{}
	if !s.cfg.Demo {
		return nil
	}
	actor, err := s.demoAccount(ctx)
	if err != nil {
		return fmt.Errorf("make demo account: %w", err)
	}
	secrets, err := s.demoSecrets()
	if err != nil {
		return err
	}
	for i, p := range demoPrinters() {
		if err := s.bindDemo(ctx, actor, p, secrets); err != nil {
			return fmt.Errorf("bind demo printer: %w", err)
		}
		c := sim.Config{
			Serial: p.serial, Model: p.model, Name: p.name, Secret: grove.Secret(secrets[p.serial]),
			Broker: s.mqttAt.Addr().String(), TLS: s.ca.clientTLS(), HTTP: &http.Client{Timeout: 10 * time.Minute},
			Speed: demoSpeed, Seed: int64(i + 1), Begin: p.begin, Log: s.log.With(slog.String("component", "sim")),
		}
		if p.autoClear {
			c.AutoClearPlate = time.Second
		}
		printer, err := sim.New(c)
		if err != nil {
			return err
		}
		s.seen.add(p.serial, printer.Picture)
		s.demo.printers = append(s.demo.printers, printer)
	}
	return s.saveDemoSecrets(secrets)
}

func (s *Server) demoAccount(ctx context.Context) (grove.Actor, error) {
	u, err := s.db.UserByEmail(ctx, DemoEmail)
	if errors.Is(err, grove.NotFound) {
		u, err = s.access.AddUser(ctx, DemoEmail, demoPassword, "Demo", grove.Owner)
	}
	return grove.Actor{Kind: grove.ActorUser, UserID: u.ID}, err
}

// bindDemo binds a printer unless the secret that is remembered still opens the
// door: the account's owner may have bound it anew or given it up.
func (s *Server) bindDemo(ctx context.Context, actor grove.Actor, p demoPrinter, secrets map[string]string) error {
	known, err := s.db.Printer(ctx, p.serial)
	if err != nil && !errors.Is(err, grove.NotFound) {
		return err
	}
	if known.OwnerID == actor.UserID && known.DeviceSecretHash == fleet.HashSecret(secrets[p.serial]) {
		return nil
	}
	b, err := s.fleet.Bind(ctx, actor, fleet.Binding{Serial: p.serial, Name: p.name, Model: p.model, AutoClear: p.autoClear})
	secrets[p.serial] = string(b.DeviceSecret)
	return err
}

func (s *Server) demoSecrets() (map[string]string, error) {
	secrets := map[string]string{}
	raw, err := os.ReadFile(s.dir.file("demo-printers.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return secrets, nil
	}
	if err != nil {
		return nil, unwritable(s.dir.path, err)
	}
	return secrets, json.Unmarshal(raw, &secrets)
}

func (s *Server) saveDemoSecrets(secrets map[string]string) error {
	raw, err := json.Marshal(secrets)
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.dir.file("demo-printers.json"), raw, 0o600); err != nil {
		return unwritable(s.dir.path, err)
	}
	return nil
}

func (s *Server) runDemo(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, p := range s.demo.printers {
		g.Go(func() error { return p.Run(ctx) })
	}
	return g.Wait()
}
