package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

type keysCmd struct {
	List   keysListCmd   `cmd:"" default:"withargs" help:"List your API keys, also those that have ended."`
	Create keysCreateCmd `cmd:"" help:"Make an API key for a program."`
	Revoke keysRevokeCmd `cmd:"" help:"End an API key and what came in by it."`
}

type keysListCmd struct {
	paged
}

// Run lists keys.
func (c *keysListCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Keys(ctx, c.page())
	if err != nil {
		return err
	}
	return showList(at, c.paged, list, "No keys. Make one with: grove keys create NAME --scopes printer:read --all-printers", func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tNAME\tSCOPES\tPRINTERS\tUSED\tENDS")
		for _, k := range list.Items {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", k.ID, k.Name, scopesOf(k), printersOf(k), date(k.UsedAt, "never"), endOf(k))
		}
	})
}

func scopesOf(k grove.Key) string {
	words := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		words[i] = string(s)
	}
	return strings.Join(words, ",")
}

func printersOf(k grove.Key) string {
	if k.AllPrinters {
		return "all"
	}
	return strings.Join(k.Printers, ",")
}

func endOf(k grove.Key) string {
	if !k.RevokedAt.IsZero() {
		return "revoked " + date(k.RevokedAt, "")
	}
	return date(k.ExpiresAt, "")
}

// date is a time for a table, or a word for none.
func date(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.Local().Format(time.DateTime)
}

type keysCreateCmd struct {
	Name        string   `arg:"" help:"What will use it."`
	Scopes      []string `help:"What it may: printer:read, printer:control, printer:heat, printer:start, printer:gcode, device:bind, device:code, file:read, file:write, job:read, job:write, webhook:admin, audit:read, network:reach. Without any it may nothing." placeholder:"SCOPE,…"`
	For         []string `help:"The printers it is for, by their serials." placeholder:"SERIAL,…"`
	AllPrinters bool     `help:"It is for all printers, also those to come."`
	Network     string   `help:"It counts from this address or range only." placeholder:"CIDR"`
	Ends        string   `help:"When it ends: 2027-01-31, or a time in RFC 3339. Else when it is revoked." placeholder:"DATE"`
}

// Run makes a key and shows it, this once.
func (c *keysCreateCmd) Run(ctx context.Context, at *cloud) error {
	until, err := endDate(c.Ends)
	if err != nil {
		return err
	}
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	in := cloudapi.KeyRequest{Name: c.Name, Scopes: []grove.Action{}, AllPrinters: c.AllPrinters, Printers: c.For, Network: c.Network, ExpiresAt: until}
	for _, s := range c.Scopes {
		in.Scopes = append(in.Scopes, grove.Action(s))
	}
	made, err := cl.CreateKey(ctx, in)
	if err != nil {
		return err
	}
	return at.show(made, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "id\t%s\nkey\t%s\n\nIt is sent as a bearer, or as the MQTT password of your account. It is shown only now.\n", made.ID, string(made.Secret))
	})
}

// endDate reads when something ends; no text is no end.
func endDate(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, s, time.Local); err == nil {
		return day, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, grove.Errorf(grove.Invalid, "bad_date", "--ends is %q; give a day such as 2027-01-31, or a time such as 2027-01-31T18:00:00Z", s)
	}
	return t, nil
}

type keysRevokeCmd struct {
	ID string `arg:"" help:"The key's id."`
}

// Run ends a key.
func (c *keysRevokeCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if err := cl.RevokeKey(ctx, c.ID); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s counts no more; what came in by it is cut.\n", c.ID)
	return nil
}
