package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

type webhooksCmd struct {
	List       webhooksListCmd       `cmd:"" default:"withargs" help:"List webhook endpoints."`
	Create     webhooksCreateCmd     `cmd:"" help:"Add an endpoint."`
	Change     webhooksChangeCmd     `cmd:"" help:"Change an endpoint, or switch it on or off."`
	Delete     webhooksDeleteCmd     `cmd:"" help:"Remove an endpoint."`
	Secret     webhooksSecretCmd     `cmd:"" help:"Give an endpoint another secret."`
	Test       webhooksTestCmd       `cmd:"" help:"Send a test event to an endpoint and show its answer."`
	Deliveries webhooksDeliveriesCmd `cmd:"" help:"List what was sent to an endpoint."`
	Replay     webhooksReplayCmd     `cmd:"" help:"Send a delivery again."`
}

type webhooksListCmd struct {
	paged
}

// Run lists endpoints.
func (c *webhooksListCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Webhooks(ctx, c.page())
	if err != nil {
		return err
	}
	return showList(at, c.paged, list, "No webhooks. Add one with: grove webhooks create URL --events print.completed", func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tURL\tENABLED\tEVENTS")
		for _, e := range list.Items {
			fmt.Fprintln(w, endpointLine(e))
		}
	})
}

func endpointLine(e grove.Endpoint) string {
	events := make([]string, len(e.Events))
	for i, t := range e.Events {
		events[i] = string(t)
	}
	enabled := yes(e.Enabled)
	if e.Disabled != "" {
		enabled += " (" + e.Disabled + ")"
	}
	return fmt.Sprintf("%s\t%s\t%s\t%s", e.ID, e.URL, enabled, strings.Join(events, ","))
}

func eventTypes(names []string) []grove.EventType {
	types := make([]grove.EventType, len(names))
	for i, n := range names {
		types[i] = grove.EventType(n)
	}
	return types
}

type webhooksCreateCmd struct {
	Target      string   `arg:"" help:"URL to send events to."`
	Events      []string `required:"" help:"Events, such as print.completed,print.failed." placeholder:"EVENT,…"`
	Description string   `help:"A note for yourself." placeholder:"TEXT"`
}

// Run adds an endpoint and shows its secret, this once.
func (c *webhooksCreateCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	in := cloudapi.WebhookRequest{URL: c.Target, Events: eventTypes(c.Events), Description: c.Description}
	made, err := cl.CreateWebhook(ctx, in)
	if err != nil {
		return err
	}
	return at.show(made, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "id\t%s\nsecret\t%s\n\nThe secret verifies signatures. It is shown only now.\n", made.ID, string(made.Secret))
	})
}

type webhooksChangeCmd struct {
	ID          string   `arg:"" help:"The endpoint."`
	Target      *string  `help:"Another URL to send events to." placeholder:"URL"`
	Events      []string `help:"Other events." placeholder:"EVENT,…"`
	Description *string  `help:"Another note." placeholder:"TEXT"`
	Enabled     *bool    `help:"Send events, or not." negatable:""`
}

// Run changes what is given.
func (c *webhooksChangeCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	in := cloudapi.WebhookChange{URL: c.Target, Description: c.Description, Enabled: c.Enabled}
	if len(c.Events) > 0 {
		types := eventTypes(c.Events)
		in.Events = &types
	}
	e, err := cl.ChangeWebhook(ctx, c.ID, in)
	if err != nil {
		return err
	}
	return at.show(e, func(w *tabwriter.Writer) { fmt.Fprintln(w, endpointLine(e)) })
}

type webhooksDeleteCmd struct {
	ID string `arg:""`
}

// Run removes an endpoint.
func (c *webhooksDeleteCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if err := cl.DeleteWebhook(ctx, c.ID); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s is gone; nothing more is sent there.\n", c.ID)
	return nil
}

type webhooksTestCmd struct {
	ID string `arg:""`
}

// Run sends a test event.
func (c *webhooksTestCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	d, err := cl.TestWebhook(ctx, c.ID, 20)
	if err != nil {
		return err
	}
	err = at.show(d, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "delivery\t%s\nstate\t%s\nstatus\t%d\ntook\t%.3f s\n", d.ID, d.State, d.LastStatus, d.LastSeconds)
		if d.LastError != "" {
			fmt.Fprintf(w, "error\t%s\n", d.LastError)
		}
		if d.LastResponse != "" {
			fmt.Fprintf(w, "answer\t%s\n", d.LastResponse)
		}
	})
	return cmp.Or(err, arrived(d))
}

// arrived says why a test event is not with its receiver, unless it is.
func arrived(d cloudapi.Delivery) error {
	log := "; look later with: grove webhooks deliveries " + d.EndpointID
	switch {
	case d.State == grove.DeliveryDelivered:
		return nil
	case d.LastStatus > 0:
		return grove.Errorf(grove.Conflict, "not_delivered", "the test did not arrive, it was answered with %d%s", d.LastStatus, log)
	}
	return grove.Errorf(grove.Unavailable, "not_delivered", "the test did not arrive, %s%s", cmp.Or(d.LastError, "there is no answer yet"), log)
}

type webhooksSecretCmd struct {
	ID string `arg:"" help:"The endpoint."`
}

// Run replaces a secret and shows the new one, this once.
func (c *webhooksSecretCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	made, err := cl.RenewWebhook(ctx, c.ID)
	if err != nil {
		return err
	}
	return at.show(made, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "id\t%s\nsecret\t%s\n\nWhatever is sent from now on is signed with it. It is shown only now.\n", made.ID, string(made.Secret))
	})
}

type webhooksDeliveriesCmd struct {
	paged
	ID string `arg:"" help:"The endpoint."`
}

// Run lists deliveries.
func (c *webhooksDeliveriesCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Deliveries(ctx, c.ID, c.page())
	if err != nil {
		return err
	}
	return showList(at, c.paged, list, "Nothing was sent there. Try it with: grove webhooks test "+c.ID, func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tEVENT\tSTATE\tATTEMPTS\tSTATUS\tERROR")
		for _, d := range list.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", d.ID, d.Type, d.State, d.Attempts, d.LastStatus, d.LastError)
		}
	})
}

type webhooksReplayCmd struct {
	ID string `arg:"" help:"The delivery."`
}

// Run sends a delivery again.
func (c *webhooksReplayCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	d, err := cl.Replay(ctx, c.ID)
	if err != nil {
		return err
	}
	return at.show(d, func(w *tabwriter.Writer) { fmt.Fprintf(w, "delivery %s %s\n", d.ID, d.State) })
}
