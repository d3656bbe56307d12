package access

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/grovecloud/grove"
)

// ticketLife is how long a session can be handed over with a ticket.
const ticketLife = 5 * time.Minute

// NewTicket makes a ticket with which somebody who is signed in can hand their
// session to another program. It opens nothing until [Access.BindTicket].
func (a *Access) NewTicket(ctx context.Context, actor grove.Actor) (grove.Secret, error) {
	if err := person(actor); err != nil {
		return "", err
	}
	return a.issue(ctx, grove.Pass{Kind: grove.TicketPass, UserID: actor.UserID}, ticketLife)
}

// BindTicket binds a ticket to the session of whoever made it: now it opens a
// session of the same account, once. NotFound for any other ticket.
func (a *Access) BindTicket(ctx context.Context, actor grove.Actor, ticket string) error {
	if err := person(actor); err != nil {
		return err
	}
	_, err := a.records.UpdatePass(ctx, grove.TicketPass, a.hashPass(grove.TicketPass, 0, ticket), func(p *grove.Pass) error {
		if p.UserID != actor.UserID || !p.Open(time.Now()) {
			return unknownTicket()
		}
		p.SessionID = actor.SessionID
		return nil
	})
	if errors.Is(err, grove.NotFound) {
		return unknownTicket()
	}
	return err
}

// HandOver is a ticket that is bound to a session already.
func (a *Access) HandOver(ctx context.Context, t Tokens) (grove.Secret, error) {
	return a.issue(ctx, grove.Pass{Kind: grove.TicketPass, UserID: t.User.ID, SessionID: t.SessionID}, ticketLife)
}

// TicketOpen reports whether a ticket of one's own still opens something.
func (a *Access) TicketOpen(ctx context.Context, actor grove.Actor, ticket string) (bool, error) {
	if err := person(actor); err != nil {
		return false, err
	}
	p, err := a.records.Pass(ctx, grove.TicketPass, a.hashPass(grove.TicketPass, 0, ticket))
	if errors.Is(err, grove.NotFound) {
		return false, nil
	}
	return p.UserID == actor.UserID && p.Open(time.Now()), err
}

// RedeemTicket opens a session for whoever comes with a bound ticket, once: Invalid
// ticket_wrong when it is none, Limited after too many that were none. A ticket ends
// with the session that it came from.
func (a *Access) RedeemTicket(ctx context.Context, ticket, client, remote string) (Tokens, error) {
	from := source(remoteAddr(remote))
	if err := limited(a.tickets.wait(from, time.Now()), "there were too many wrong tickets from this address"); err != nil {
		return Tokens{}, err
	}
	p, err := a.records.UpdatePass(ctx, grove.TicketPass, a.hashPass(grove.TicketPass, 0, ticket), func(p *grove.Pass) error {
		if p.SessionID == "" || !p.Open(time.Now()) {
			return unknownTicket()
		}
		p.UsedAt = time.Now().UTC()
		return nil
	})
	if errors.Is(err, grove.NotFound) {
		a.tickets.fail(from, time.Now())
		return Tokens{}, wrongTicket()
	}
	if err != nil {
		return Tokens{}, unavailable(fmt.Errorf("use ticket: %w", err))
	}
	s, err := a.records.Session(ctx, p.SessionID)
	if err != nil {
		return Tokens{}, unavailable(fmt.Errorf("read session of ticket: %w", err))
	}
	if !s.EndedAt.IsZero() || !time.Now().Before(s.ExpiresAt) {
		return Tokens{}, wrongTicket()
	}
	u, err := a.records.User(ctx, p.UserID)
	if err != nil {
		return Tokens{}, unavailable(fmt.Errorf("read user: %w", err))
	}
	return a.letIn(ctx, u, arrival{client, remote, s.ConfirmedAt})
}

func unknownTicket() error {
	return grove.Errorf(grove.NotFound, "ticket_not_found", "there is no such ticket, or it is too old or somebody else's; make a new one")
}

func wrongTicket() error {
	return grove.Errorf(grove.Invalid, "ticket_wrong",
		"the ticket opens nothing: it works once, for five minutes, and only once it was bound to a session; make a new one")
}
