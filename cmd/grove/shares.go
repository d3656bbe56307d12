package main

import (
	"context"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

type printersShareCmd struct {
	Serial string `arg:"" help:"The printer."`
	With   string `help:"The e-mail address of an account here; without it a link is made that any account can accept, once." placeholder:"EMAIL"`
	Role   string `help:"What the guest may: viewer looks, operator prints, stops and heats as well." enum:"viewer,operator" default:"viewer"`
	Ends   string `help:"When it ends: 2027-01-31, or a time in RFC 3339. Else when it is unshared." placeholder:"DATE"`
}

// Run shares a printer.
func (c *printersShareCmd) Run(ctx context.Context, at *cloud) error {
	until, err := endDate(c.Ends)
	if err != nil {
		return err
	}
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	made, err := cl.Share(ctx, cloudapi.ShareRequest{Serial: c.Serial, Email: c.With, Role: grove.Role(c.Role), ExpiresAt: until})
	if err != nil {
		return err
	}
	return at.show(made, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "id\t%s\nrole\t%s\n", made.ID, made.Role)
		if made.Token != "" {
			fmt.Fprintf(w, "token\t%s\n\nThe guest accepts it until %s with: grove printers accept TOKEN. It works once and is shown only now.\n",
				string(made.Token), date(made.LinkUntil, ""))
		}
	})
}

type printersAcceptCmd struct {
	Token string `arg:"" help:"What the owner gave you."`
}

// Run accepts a printer that a link shares.
func (c *printersAcceptCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	s, err := cl.AcceptShare(ctx, grove.Secret(c.Token))
	if err != nil {
		return err
	}
	return at.show(s, func(w *tabwriter.Writer) { fmt.Fprintf(w, "You are %s of %s now.\n", s.Role, s.Serial) })
}

type printersSharesCmd struct {
	paged
	Serial string `arg:"" optional:"" help:"Only those of this printer."`
}

// Run lists shares, given and got.
func (c *printersSharesCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Shares(ctx, c.Serial, c.page())
	if err != nil {
		return err
	}
	return showList(at, c.paged, list, "Nothing is shared. Share a printer with: grove printers share SERIAL --with EMAIL", func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tSERIAL\tGUEST\tROLE\tENDS")
		for _, s := range list.Items {
			guest, end := s.Email, date(s.ExpiresAt, "")
			if s.UserID == 0 {
				guest = "a link, until " + date(s.LinkUntil, "")
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", s.ID, s.Serial, guest, s.Role, end)
		}
	})
}

type printersUnshareCmd struct {
	ID string `arg:"" help:"The share's id."`
}

// Run ends a share.
func (c *printersUnshareCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	if err := cl.Unshare(ctx, c.ID); err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "%s has ended; the guest sees no more of the printer.\n", c.ID)
	return nil
}

type printersPINCmd struct {
	Serial string `arg:"" help:"The printer."`
}

// Run makes a PIN.
func (c *printersPINCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	made, err := cl.OfferPIN(ctx, c.Serial)
	if err != nil {
		return err
	}
	return at.show(made, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "pin\t%s\n\nUntil %s it gives %s, once, to whoever types it: in a slicer that asks for a printer's PIN, or with: grove printers claim PIN\n",
			string(made.PIN), date(made.ExpiresAt, ""), made.DeviceID)
	})
}

type printersClaimCmd struct {
	PIN string `arg:"" help:"What the owner gave you."`
}

// Run takes a printer over.
func (c *printersClaimCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	serial, err := cl.ClaimPIN(ctx, grove.Secret(c.PIN))
	if err != nil {
		return err
	}
	return at.show(cloudapi.Paired{DeviceID: serial}, func(w *tabwriter.Writer) {
		fmt.Fprintf(w, "%s is yours now. Its former owner may know its access code and device secret; new ones are made by: grove printers bind %s\n", serial, serial)
	})
}
