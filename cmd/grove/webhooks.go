package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

type webhooksCmd struct {
	List       webhooksListCmd       `cmd:"" default:"withargs" help:"List webhook endpoints."`
	Create     webhooksCreateCmd     `cmd:"" help:"Add an endpoint."`
	Delete     webhooksDeleteCmd     `cmd:"" help:"Remove an endpoint."`
	Test       webhooksTestCmd       `cmd:"" help:"Send a test event to an endpoint."`
	Deliveries webhooksDeliveriesCmd `cmd:"" help:"List what was sent to an endpoint."`
	Replay     webhooksReplayCmd     `cmd:"" help:"Send a delivery again."`
}

type webhooksListCmd struct {
	cloud
	paged
}

// Run lists endpoints.
func (c *webhooksListCmd) Run(ctx context.Context) error {
	cl, err := c.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Webhooks(ctx, c.page())
	if err != nil {
		return err
	}
	return c.show(list.Items, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tURL\tENABLED\tEVENTS")
		for _, e := range list.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%v\n", e.ID, e.URL, yes(e.Enabled), e.Events)
		}
	})
}

type webhooksCreateCmd struct {
	cloud
	URL         string   `arg:"" name:"target" help:"Where to send events."`
	Events      []string `required:"" help:"Events, such as print.completed,print.failed." placeholder:"EVENT,…"`
	Description string   `help:"A note for yourself." placeholder:"TEXT"`
}

// Run adds an endpoint and shows its secret, this once.
func (c *webhooksCreateCmd) Run(ctx context.Context) error {
	cl, err := c.signedIn()
	if err != nil {
		return err
	}
	in := cloudapi.WebhookRequest{URL: c.URL, Description: c.Description}
	for _, e := range c.Events {
		in.Events = append(in.Events, grove.EventType(e))
	}
	made, err := cl.CreateWebhook(ctx, in)
	if err != nil {
		return err
	}
	return c.show(made, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "id\t%s\nsecret\t%s\n\nThe secret verifies signatures. It is shown only now.\n", made.ID, string(made.Secret))
	})
}

type webhooksDeleteCmd struct {
	cloud
	ID string `arg:""`
}

// Run removes an endpoint.
func (c *webhooksDeleteCmd) Run(ctx context.Context) error {
	cl, err := c.signedIn()
	if err != nil {
		return err
	}
	return cl.DeleteWebhook(ctx, c.ID)
}

type webhooksTestCmd struct {
	cloud
	ID string `arg:""`
}

// Run sends a test event.
func (c *webhooksTestCmd) Run(ctx context.Context) error {
	cl, err := c.signedIn()
	if err != nil {
		return err
	}
	d, err := cl.TestWebhook(ctx, c.ID)
	if err != nil {
		return err
	}
	return c.show(d, func(w *tabwriter.Writer) { fmt.Fprintf(w, "delivery %s %s\n", d.ID, d.State) })
}

type webhooksDeliveriesCmd struct {
	cloud
	paged
	ID string `arg:"" help:"The endpoint."`
}

// Run lists deliveries.
func (c *webhooksDeliveriesCmd) Run(ctx context.Context) error {
	cl, err := c.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Deliveries(ctx, c.ID, c.page())
	if err != nil {
		return err
	}
	return c.show(list.Items, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tEVENT\tSTATE\tATTEMPTS\tSTATUS\tERROR")
		for _, d := range list.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", d.ID, d.Type, d.State, d.Attempts, d.LastStatus, d.LastError)
		}
	})
}

type webhooksReplayCmd struct {
	cloud
	ID string `arg:"" help:"The delivery."`
}

// Run sends a delivery again.
func (c *webhooksReplayCmd) Run(ctx context.Context) error {
	cl, err := c.signedIn()
	if err != nil {
		return err
	}
	d, err := cl.Replay(ctx, c.ID)
	if err != nil {
		return err
	}
	return c.show(d, func(w *tabwriter.Writer) { fmt.Fprintf(w, "delivery %s %s\n", d.ID, d.State) })
}
