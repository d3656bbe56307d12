package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/internal/sim"
)

type simCmd struct {
	Printers  int           `help:"How many, from 1." default:"1"`
	Model     string        `help:"Model by code or name." default:"P1S"`
	Speed     float64       `help:"How much faster than real, 1 to 600." default:"1"`
	Seed      int64         `help:"Printers with the same seed behave alike." default:"1"`
	Ledger    string        `help:"File to which each physical start is appended." placeholder:"FILE"`
	AutoClear time.Duration `name:"take-off" help:"How long after a print somebody takes the part off; 0: nobody does."`
	SecondAMS bool          `name:"second-ams" help:"A second filament unit of the usual kind, for models that bear one."`
	First     int           `help:"Number of the first printer." default:"1"`

	lanFlags   `embed:""`
	faultFlags `embed:""`
}

// Run lets simulated printers live: on a network, or bound to the account.
func (c *simCmd) Run(ctx context.Context, at *cloud) error {
	model, ok := bambu.LookupModel(c.Model)
	if !ok {
		return grove.Errorf(grove.Invalid, "bad_model", "no printer model is called %q; try X1 Carbon, P1S, A1 mini or a code such as C12", c.Model)
	}
	switch {
	case c.Printers < 1:
		return grove.Errorf(grove.Invalid, "bad_fleet", "--printers %d is none; give 1 or more", c.Printers)
	case c.First < 1:
		return grove.Errorf(grove.Invalid, "bad_fleet", "--first %d is no number of a printer; they begin with 1", c.First)
	case c.Speed < 1 || c.Speed > 600:
		return grove.Errorf(grove.Invalid, "bad_fleet", "--speed %g is outside 1 to 600", c.Speed)
	}
	base, err := c.base(model)
	if err != nil {
		return err
	}
	if c.LAN {
		return c.runLAN(ctx, base, model)
	}
	return c.runCloud(ctx, at, base, model)
}

// runCloud binds the printers to the account and lets them live.
func (c *simCmd) runCloud(ctx context.Context, at *cloud, base sim.Config, model bambu.Model) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if err := dialIn(at, cl, &base); err != nil {
		return err
	}
	b, err := newBinder(ctx, at, cl)
	if err != nil {
		return err
	}
	links := &roster{w: os.Stderr, total: c.Printers, what: model.Product}
	printers, err := c.printers(ctx, b, base, links)
	if err != nil {
		return err
	}
	return c.live(ctx, printers)
}

// base is what all the printers share.
func (c *simCmd) base(model bambu.Model) (sim.Config, error) {
	faults, err := c.faults()
	if err != nil {
		return sim.Config{}, err
	}
	base := sim.Config{Model: model.Code, Speed: c.Speed, AutoClearPlate: c.AutoClear, TwoAMS: c.SecondAMS, Faults: faults, Log: warnings(os.Stderr)}
	if c.Ledger == "" {
		return base, nil
	}
	ledger, err := sim.OpenLedger(c.Ledger)
	base.Ledger = ledger
	return base, err
}

// dialIn lets printers dial in to the account's cloud.
func dialIn(at *cloud, cl *client.Client, base *sim.Config) error {
	broker, err := cl.Broker()
	if err != nil {
		return err
	}
	trust, err := at.trust()
	if err != nil {
		return err
	}
	base.Broker, base.TLS = broker, trust
	base.HTTP = &http.Client{Timeout: 10 * time.Minute, Transport: &http.Transport{TLSClientConfig: trust.Clone()}}
	return nil
}

// printers makes the printers the account's, eight at a time.
func (c *simCmd) printers(ctx context.Context, b *binder, base sim.Config, links *roster) (*sim.Fleet, error) {
	configs := make([]sim.Config, c.Printers)
	g, binding := errgroup.WithContext(ctx)
	g.SetLimit(8)
	var fleet *sim.Fleet
	for i := range configs {
		p := base
		p.Serial = simSerial(base.Model, c.First+i)
		p.Name, p.Seed = fmt.Sprintf("%s %d", links.what, c.First+i), c.Seed+int64(i)
		p, err := c.taped(p)
		if err != nil {
			return nil, err
		}
		p.Linked = func(err error) {
			if secret, anew := b.again(ctx, p, err); anew {
				found, _ := fleet.Printer(p.Serial) // it tells this itself
				found.SetSecret(secret)
				return
			}
			links.told(p.Serial, err)
		}
		g.Go(func() (err error) {
			p.Secret, err = b.secret(binding, p)
			configs[i] = p
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := b.keep(); err != nil {
		return nil, err
	}
	var err error
	fleet, err = sim.NewFleet(configs)
	return fleet, err
}

// simSerial is a serial as the model's are, never one of a demo's.
func simSerial(code string, number int) string {
	model, _ := bambu.LookupModel(code) // it was found before
	serial := fmt.Sprintf("%s00A%09d", model.SerialPrefix, number)
	return serial[:len(model.SerialPrefix)] + serial[len(serial)-15+len(model.SerialPrefix):]
}
