package access

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/grovecloud/grove"
)

// invitationLife is how long an invitation can be accepted.
const invitationLife = 7 * 24 * time.Hour

// Invitation lets one person make an account.
type Invitation struct {
	ID        string
	Email     string
	Role      grove.Role
	Link      grove.Secret // only when it was just made
	Token     grove.Secret // the same without the page, for programs
	Mailed    bool
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Invite invites somebody by e-mail. Owners alone may, and they get the link too,
// since not every server sends mail. Conflict email_taken when there is an account.
func (a *Access) Invite(ctx context.Context, actor grove.Actor, email string, role grove.Role, proof Proof) (Invitation, error) {
	if err := a.owner(ctx, actor); err != nil {
		return Invitation{}, err
	}
	email = normalEmail(email)
	if !isEmail(email) {
		return Invitation{}, wrongField("email", "this is not an e-mail address")
	}
	if err := checkRole(role); err != nil {
		return Invitation{}, err
	}
	host, err := a.again(ctx, actor, proof)
	if err != nil {
		return Invitation{}, err
	}
	if _, err := a.records.UserByEmail(ctx, email); !errors.Is(err, grove.NotFound) {
		if err == nil {
			err = grove.Errorf(grove.Conflict, "email_taken", "%s has an account here already", email)
		}
		return Invitation{}, err
	}
	p := begun(grove.Pass{Kind: grove.InvitationPass, UserID: host.ID, Email: email, Role: role}, invitationLife)
	token, err := a.keep(ctx, p, actor.Did("user.invite", email+" as "+string(role)))
	if err != nil {
		return Invitation{}, err
	}
	i := invitationOf(&p)
	i.Token, i.Link = token, grove.Secret(a.page("invitation", string(token)))
	if a.Mails() {
		i.Mailed = a.mail.Mail(a.invitationLetter(i, host)) == nil
	}
	return i, nil
}

func (a *Access) invitationLetter(i Invitation, host grove.User) Letter {
	return Letter{
		To: i.Email, Subject: "An invitation to " + a.name, Until: i.ExpiresAt,
		Text: fmt.Sprintf("%s invites you to %s, where printers are shared.\n\nMake your account within seven days:\n%s\n\n"+
			"If you do not know what this is about, do nothing.\n", host.Email, a.name, string(i.Link)),
	}
}

func invitationOf(p *grove.Pass) Invitation {
	return Invitation{ID: p.ID, Email: p.Email, Role: p.Role, CreatedAt: p.CreatedAt, ExpiresAt: p.ExpiresAt}
}

// page is the address of the sign-in page with something in it.
func (a *Access) page(name, value string) string {
	return a.publicURL + "/sign-in?" + url.Values{name: {value}}.Encode()
}

// Invitations are those of an owner that wait yet, oldest first.
func (a *Access) Invitations(ctx context.Context, actor grove.Actor) ([]Invitation, error) {
	if err := a.owner(ctx, actor); err != nil {
		return nil, err
	}
	passes, err := a.records.Passes(ctx, grove.InvitationPass, actor.UserID)
	var open []Invitation
	for _, p := range passes {
		if p.Open(time.Now()) {
			open = append(open, invitationOf(p))
		}
	}
	return open, err
}

// Uninvite takes an invitation back; NotFound when none of one's own waits.
func (a *Access) Uninvite(ctx context.Context, actor grove.Actor, id string) error {
	if err := a.owner(ctx, actor); err != nil {
		return err
	}
	return a.records.UpdatePasses(ctx, grove.InvitationPass, actor.UserID, func(passes []*grove.Pass) error {
		for _, p := range passes {
			if p.ID == id && p.Open(time.Now()) {
				p.UsedAt = time.Now().UTC()
				return nil
			}
		}
		return grove.Errorf(grove.NotFound, "invitation_not_found", "no invitation %s of yours waits for an answer", id)
	}, actor.Did("user.uninvite", id))
}

// Invited says who is invited by a token: NotFound when it invites nobody, any more.
func (a *Access) Invited(ctx context.Context, token, remote string) (Invitation, error) {
	from := source(remoteAddr(remote))
	if err := limited(a.tickets.wait(from, time.Now()), "there were too many wrong links from this address"); err != nil {
		return Invitation{}, err
	}
	p, err := a.records.Pass(ctx, grove.InvitationPass, a.hashPass(grove.InvitationPass, 0, token))
	switch {
	case errors.Is(err, grove.NotFound):
		a.tickets.fail(from, time.Now())
		return Invitation{}, noInvitation()
	case err != nil:
		return Invitation{}, unavailable(fmt.Errorf("read invitation: %w", err))
	case !p.Open(time.Now()), a.table().roles[p.UserID] != grove.Owner:
		return Invitation{}, noInvitation()
	}
	return invitationOf(&p), nil
}

// Accept makes the account that somebody was invited to. An unfit name or password
// leaves the invitation open.
func (a *Access) Accept(ctx context.Context, token string, password grove.Secret, name, remote string) (grove.User, error) {
	i, err := a.Invited(ctx, token, remote)
	if err != nil {
		return grove.User{}, err
	}
	u, err := a.draft(ctx, i.Email, password, name)
	if err != nil {
		return grove.User{}, err
	}
	u.Role = i.Role
	u, err = a.records.CreateInvitedUser(ctx, u, a.hashPass(grove.InvitationPass, 0, token), func(p *grove.Pass) error {
		if !p.Open(time.Now()) {
			return noInvitation()
		}
		p.UsedAt = time.Now().UTC()
		return nil
	}, grove.Actor{}.Did("user.accept", string(u.Role)))
	if err != nil {
		return grove.User{}, fmt.Errorf("create user: %w", err)
	}
	a.changed(ctx)
	return u, nil
}

func noInvitation() *grove.Error {
	return grove.Errorf(grove.NotFound, "invitation_over", "this invitation was used, taken back or is older than seven days; ask for a new one")
}
