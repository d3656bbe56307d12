package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/grovecloud/grove"
)

type bridgesCmd struct {
	List   bridgesListCmd   `cmd:"" default:"withargs" help:"List your bridges, also those that were removed."`
	Add    bridgesAddCmd    `cmd:"" help:"Make a bridge for another network."`
	Remove bridgesRemoveCmd `cmd:"" help:"Remove a bridge: its key counts no more."`
}

type bridgesListCmd struct {
	paged
}

// Run lists bridges.
func (c *bridgesListCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Bridges(ctx, c.page())
	if err != nil {
		return err
	}
	return showList(at, c.paged, list, "No bridges. Make one with: grove bridges add NAME", func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tNAME\tCONNECTED\tCAME\tFROM\tVERSION")
		for _, b := range list.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", b.ID, b.Name, presence(b), date(b.Since, "never"), b.Address, b.Version)
		}
	})
}

func presence(b grove.Bridge) string {
	if !b.RevokedAt.IsZero() {
		return "removed " + date(b.RevokedAt, "")
	}
	return yes(b.Connected)
}

type bridgesAddCmd struct {
	Name string `arg:"" help:"What to call it, such as the place of its network."`
}

// Run makes a bridge and shows its key, this once.
func (c *bridgesAddCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	made, err := cl.CreateBridge(ctx, c.Name)
	if err != nil {
		return err
	}
	return at.show(made, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "id\t%s\nkey\t%s\n\nThe key is shown only now. In the other network, with GROVE_KEY set to it:\n  grove bridge --cloud %s\nThen add printers there with:\n  grove printers add --bridge %s --host ADDRESS\n",
			made.ID, string(made.Secret), cl.URL(), made.ID)
	})
}

type bridgesRemoveCmd struct {
	ID string `arg:"" help:"The bridge's id."`
}

// Run ends a bridge.
func (c *bridgesRemoveCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if err := cl.RemoveBridge(ctx, c.ID); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s is removed; its connection is cut.\n", c.ID)
	return nil
}
