package main

import (
	"context"
	"fmt"
	"text/tabwriter"

	"github.com/grovecloud/grove"
)

type usersCmd struct {
	List usersListCmd `cmd:"" default:"withargs" help:"List everybody's accounts."`
	Role usersRoleCmd `cmd:"" help:"Give an account another role, at once."`
}

type usersListCmd struct {
	paged
}

// Run lists accounts.
func (c *usersListCmd) Run(ctx context.Context, at *cloud) error {
	cl, err := at.signedIn()
	if err != nil {
		return err
	}
	list, err := cl.Users(ctx, c.page())
	if err != nil {
		return err
	}
	return showList(at, c.paged, list, "No accounts.", func(w *tabwriter.Writer) {
		fmt.Fprintln(w, "ID\tE-MAIL\tNAME\tROLE")
		for _, u := range list.Items {
			fmt.Fprintln(w, userLine(u))
		}
	})
}

func userLine(u grove.User) string {
	return fmt.Sprintf("%d\t%s\t%s\t%s", u.ID, u.Email, u.Name, u.Role)
}

type usersRoleCmd struct {
	ID   int64  `arg:"" help:"The account's number."`
	Role string `arg:"" enum:"owner,admin,operator,viewer" help:"owner, admin, operator or viewer."`
}

// Run sets a role.
func (c *usersRoleCmd) Run(ctx context.Context, at *cloud) error {
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
