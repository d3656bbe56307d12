package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/bambu"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/sim"
)

type simCmd struct {
	Printers  int           `help:"How many, from 1." default:"1"`
	Model     string        `help:"Model by code or name." default:"P1S"`
	Speed     float64       `help:"How much faster than real, 1 to 600." default:"1"`
	Seed      int64         `help:"Printers with the same seed behave alike." default:"1"`
	Ledger    string        `help:"File to which each physical start is appended." placeholder:"FILE"`
	AutoClear time.Duration `name:"take-off" help:"How long after a print somebody takes the part off; 0: nobody does."`
	First     int           `help:"Number of the first printer." default:"1"`
}

// Run binds simulated printers to the account and lets them live.
func (c *simCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
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
	base, err := c.base(at, cl, model)
	if err != nil {
		return err
	}
	fleet, err := c.bind(ctx, cl, base, model)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%d simulated %s live; stop them with Ctrl-C.\n", c.Printers, model.Product)
	return sim.RunFleet(ctx, fleet)
}

// base is what all the printers share.
func (c *simCmd) base(at *cloud, cl *client.Client, model bambu.Model) (sim.Config, error) {
	broker, err := cl.Broker()
	if err != nil {
		return sim.Config{}, err
	}
	trust, err := at.trust()
	if err != nil {
		return sim.Config{}, err
	}
	base := sim.Config{
		Model: model.Code, Broker: broker, TLS: trust, Speed: c.Speed, AutoClearPlate: c.AutoClear,
		HTTP: &http.Client{Timeout: 10 * time.Minute, Transport: &http.Transport{TLSClientConfig: trust.Clone()}},
		Log:  slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}
	if c.Ledger == "" {
		return base, nil
	}
	ledger, err := sim.OpenLedger(c.Ledger)
	base.Ledger = ledger
	return base, err
}

// bind makes the printers the account's, eight at a time.
func (c *simCmd) bind(ctx context.Context, cl *client.Client, base sim.Config, model bambu.Model) ([]sim.Config, error) {
	fleet := make([]sim.Config, c.Printers)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(8)
	for i := range fleet {
		g.Go(func() error {
			p := base
			p.Serial = fmt.Sprintf("%s00A%09d", model.SerialPrefix, c.First+i)
			p.Serial = p.Serial[:len(model.SerialPrefix)] + p.Serial[len(p.Serial)-15+len(model.SerialPrefix):]
			p.Name, p.Seed = fmt.Sprintf("%s %d", model.Product, c.First+i), c.Seed+int64(i)
			bound, err := cl.Bind(ctx, cloudapi.BindRequest{DeviceID: p.Serial, DeviceName: p.Name, Model: model.Code})
			p.Secret = bound.Data.DeviceSecret
			fleet[i] = p
			return err
		})
	}
	return fleet, g.Wait()
}
