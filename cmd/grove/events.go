package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
)

type eventsCmd struct {
	After  int64 `help:"Only what came after the event of this number." default:"-1" placeholder:"ID"`
	Latest bool  `help:"The newest, newest first." xor:"which"`
	Follow bool  `xor:"which" help:"Go on with what comes; a line each, as JSON with --json."`
}

// Run shows what happened, oldest first unless asked otherwise.
func (c *eventsCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if c.Follow {
		return c.follow(ctx, cl, at.JSON)
	}
	list := cl.Events
	if c.Latest {
		list = cl.LatestEvents
	}
	events, err := list(ctx, max(c.After, 0))
	if err != nil {
		return err
	}
	return at.show(events, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tTIME\tEVENT\tPRINTER\tFILE\tSTATUS\tREASON")
		for _, e := range events {
			fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\n", e.ID, e.At.Local().Format(time.DateTime), e.Type, cmp.Or(e.Data.DeviceName, e.Data.BridgeName), e.Data.FileName, e.Data.Status, e.Data.Reason)
		}
	})
}

func (c *eventsCmd) follow(ctx context.Context, cl *client.Client, asJSON bool) error {
	for news, err := range cl.Follow(ctx, c.After) {
		if err != nil {
			return err
		}
		if err := tellEvent(os.Stdout, news, asJSON); err != nil {
			return err
		}
	}
	return nil
}

func tellEvent(w io.Writer, n client.News, asJSON bool) error {
	switch {
	case n.Reload:
		_, err := fmt.Fprintln(os.Stderr, "so much happened that events were left out; this goes on with what comes")
		return err
	case asJSON:
		return json.NewEncoder(w).Encode(n.Event)
	}
	_, err := fmt.Fprintln(w, eventLine(n.Event))
	return err
}

func eventLine(e grove.Event) string {
	words := []string{e.At.Local().Format(time.TimeOnly), string(e.Type), cmp.Or(e.Data.DeviceName, e.Data.BridgeName), e.Data.FileName, e.Data.Reason, e.Data.Message}
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), "  ")
}
