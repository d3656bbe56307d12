package main

import (
	"context"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
)

type clockCmd struct {
	Show    clockShowCmd    `cmd:"" default:"withargs" help:"Show the server's time and whether starts are held for it."`
	Confirm clockConfirmCmd `cmd:"" help:"Say that the server's time is right, so that jobs start again; for its owner."`
}

type clockShowCmd struct{}

// Run shows the server's time.
func (*clockShowCmd) Run(ctx context.Context, at *cloud) error {
	return at.clock(func(cl *client.Client) (grove.Clock, error) { return cl.Clock(ctx) })
}

type clockConfirmCmd struct{}

// Run confirms the server's time.
func (*clockConfirmCmd) Run(ctx context.Context, at *cloud) error {
	return at.clock(func(cl *client.Client) (grove.Clock, error) { return cl.ConfirmClock(ctx) })
}

func (c *cloud) clock(ask func(*client.Client) (grove.Clock, error)) error {
	cl, err := c.signedIn()
	if err != nil {
		return err
	}
	clock, err := ask(cl)
	if err != nil {
		return err
	}
	return c.show(clock, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, clock.Now.Local().Format(time.RFC1123Z))
		if clock.Held {
			fmt.Fprintf(w, "No job starts: %s. If the time above is right, run: grove clock confirm\n", clock.Why)
		}
	})
}
