package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
)

type peopleCmd struct {
	List        peopleListCmd    `cmd:"" default:"withargs" help:"List accounts."`
	Role        peopleRoleCmd    `cmd:"" help:"Give an account another role, at once."`
	Lock        peopleLockCmd    `cmd:"" help:"Lock somebody out, at once: sign-in, sessions, API keys and bridges."`
	Unlock      peopleUnlockCmd  `cmd:"" help:"Let somebody in again who was locked out."`
	Invite      peopleInviteCmd  `cmd:"" help:"Invite somebody."`
	Invitations peopleWaitingCmd `cmd:"" help:"List invitations that wait yet."`
	Uninvite    peopleUninvite   `cmd:"" help:"Take an invitation back."`
	Reset       peopleResetCmd   `cmd:"" help:"Make a code for somebody who forgot their password."`
	Letters     peopleLettersCmd `cmd:"" help:"Show what could not be mailed: codes that still count."`
}

type peopleListCmd struct{ paged }

// Run lists accounts.
func (c *peopleListCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Users(ctx, c.page())
	if err != nil {
		return err
	}
	return showList(at, c.paged, list, "No accounts.", func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tE-MAIL\tNAME\tROLE\tLOCKED")
		for _, u := range list.Items {
			fmt.Fprintln(w, userLine(u))
		}
	})
}

func userLine(u grove.User) string {
	locked := "no"
	if u.Locked() {
		locked = u.LockedAt.Local().Format(time.DateTime)
	}
	return fmt.Sprintf("%d\t%s\t%s\t%s\t%s", u.ID, u.Email, u.Name, u.Role, locked)
}

type peopleInviteCmd struct {
	proof

	Email string `arg:"" help:"Whom to invite."`
	Role  string `help:"As what: owner, admin, operator or viewer." default:"operator" placeholder:"ROLE"`
}

// Run invites somebody and shows the link, this once.
func (c *peopleInviteCmd) Run(ctx context.Context, at *cloud) error {
	return c.prove(at, passwordPrompt, func(cl *client.Client, given cloudapi.Proof) error {
		i, err := cl.Invite(ctx, cloudapi.InvitationRequest{Proof: given, Email: c.Email, Role: grove.Role(c.Role)})
		if err != nil {
			return err
		}
		return at.show(i, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "id\t%s\nlink\t%s\nmailed\t%s\n\nThe link works once, until %s. It is shown only now.\n",
				i.ID, string(i.Link), yes(i.Mailed), i.ExpiresAt.Local().Format(time.DateTime))
		})
	})
}

type peopleWaitingCmd struct{}

// Run lists invitations.
func (c *peopleWaitingCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Invitations(ctx)
	if err != nil {
		return err
	}
	return at.show(cloudapi.Items(list), func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tE-MAIL\tROLE\tUNTIL")
		for _, i := range list {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", i.ID, i.Email, i.Role, i.ExpiresAt.Local().Format(time.DateTime))
		}
	})
}

type peopleUninvite struct {
	ID string `arg:"" help:"The invitation."`
}

// Run takes an invitation back.
func (c *peopleUninvite) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	return cl.Uninvite(ctx, c.ID)
}

type peopleResetCmd struct {
	proof

	ID  int64 `arg:"" help:"The account's number."`
	App bool  `help:"Take their authenticator app away too."`
}

// Run makes a code to hand over.
func (c *peopleResetCmd) Run(ctx context.Context, at *cloud) error {
	return c.prove(at, passwordPrompt, func(cl *client.Client, given cloudapi.Proof) error {
		code, err := cl.ResetUser(ctx, c.ID, cloudapi.UserReset{Proof: given, TOTP: c.App})
		if err != nil {
			return err
		}
		return at.show(code, func(w *tabwriter.Writer) {
			fmt.Fprintf(w, "code\t%s\n\nHand it over: with it they run grove account reset EMAIL --code CODE, until %s.\n",
				string(code.Code), code.ExpiresAt.Local().Format(time.TimeOnly))
		})
	})
}

type peopleLettersCmd struct{}

// Run shows letters.
func (c *peopleLettersCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	letters, err := cl.Letters(ctx)
	if err != nil {
		return err
	}
	return at.show(cloudapi.Items(letters), func(w *tabwriter.Writer) {
		for _, l := range letters {
			fmt.Fprintf(w, "To %s: %s\n%s\n", l.To, l.Subject, l.Text)
		}
	})
}

type peopleRoleCmd struct {
	ID   int64  `arg:"" help:"The account's number."`
	Role string `arg:"" enum:"owner,admin,operator,viewer" help:"owner, admin, operator or viewer."`
}

// Run sets a role.
func (c *peopleRoleCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	u, err := cl.SetRole(ctx, c.ID, grove.Role(c.Role))
	if err != nil {
		return err
	}
	return at.show(u, func(w *tabwriter.Writer) { fmt.Fprintln(w, userLine(u)) })
}

// whom is somebody by their address or their number.
type whom struct {
	Who string `arg:"" name:"email" help:"Whose account: the e-mail address, or its number."`
}

// id finds the number.
func (w whom) id(ctx context.Context, cl *client.Client) (int64, error) {
	if id, err := strconv.ParseInt(w.Who, 10, 64); err == nil {
		return id, nil
	}
	for page := (grove.Page{Page: 1, Limit: grove.MaxLimit}); ; page.Page++ {
		list, err := cl.Users(ctx, page)
		if err != nil {
			return 0, err
		}
		for _, u := range list.Items {
			if strings.EqualFold(u.Email, strings.TrimSpace(w.Who)) {
				return u.ID, nil
			}
		}
		if !list.More {
			return 0, grove.Errorf(grove.NotFound, "user_not_found", "there is no account with the address %s here; grove people lists them", w.Who)
		}
	}
}

type peopleLockCmd struct{ whom }

// Run locks somebody out.
func (c *peopleLockCmd) Run(ctx context.Context, at *cloud) error {
	return c.turn(ctx, at, (*client.Client).LockUser)
}

type peopleUnlockCmd struct{ whom }

// Run lets somebody in again.
func (c *peopleUnlockCmd) Run(ctx context.Context, at *cloud) error {
	return c.turn(ctx, at, (*client.Client).UnlockUser)
}

func (w whom) turn(ctx context.Context, at *cloud, do func(*client.Client, context.Context, int64) (grove.User, error)) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	id, err := w.id(ctx, cl)
	if err != nil {
		return err
	}
	u, err := do(cl, ctx, id)
	if err != nil {
		return err
	}
	return at.show(u, func(out *tabwriter.Writer) { fmt.Fprintln(out, userLine(u)) })
}
