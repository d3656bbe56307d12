package own

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountPeople(rt *rest.Router) {
	const tag = "account"
	change := op(http.MethodPut, "/users/me/password", tag, "Change my password")
	change.About = "Ends all my other sessions. " + proofNote
	rest.Handle(rt, change, f.changePassword)
	rest.Handle(rt, get("/users/me/sessions", tag, "Where I am signed in, newest first"), f.sessions)
	rest.Handle(rt, op(http.MethodDelete, "/users/me/sessions/{id}", tag, "End one of my sessions"), f.endSession)
	rest.Handle(rt, post("/users/me/sessions/end-others", tag, "End all my sessions but this one"), f.endOthers)

	confirm := post("/users/me/sessions/current/confirm", tag, "Prove again that it is me, at this session")
	confirm.About = proofNote + " Counted as a sign-in. " +
		"For ten minutes from then, as after a sign-in, this session may make keys, share printers, give roles, take new keys of printers, read letters and export the audit log."
	rest.Handle(rt, confirm, f.confirmSession)

	ask := opening("/password-reset/code", tag, "Have a code for a new password mailed")
	ask.Unkeyed = rest.UnkeyedCode
	ask.About = "Always 200, whether there is such an account or not, and whether it was asked too often or not."
	rest.Handle(rt, ask, f.askReset)
	reset := opening("/password-reset", tag, "Set a new password with a code", "email", "code")
	reset.About = "Ends all sessions of the account. A wrong code is 400 with code 2, one that is too old 400 with code 1."
	rest.Handle(rt, reset, f.reset)

	const people = "people"
	code := post("/users/{id}/reset", people, "A code for somebody who forgot their password; for owners")
	code.About = "Hand it over: it works for ten minutes. " + proofNote
	rest.Handle(rt, code, f.resetUser)
	rest.Handle(rt, get("/invitations", people, "My invitations that wait yet; for owners"), f.invitations)
	invite := post("/invitations", people, "Invite somebody; for owners")
	invite.About = "Mailed where mail is set up. `link` and `token` are told this once. " + proofNote
	invite.Status = http.StatusCreated
	rest.Handle(rt, invite, f.invite)
	rest.Handle(rt, op(http.MethodDelete, "/invitations/{id}", people, "Take an invitation back"), f.uninvite)
	accept := opening("/invitations/accept", people, "Make the account that one was invited to", "token")
	accept.Status = http.StatusCreated
	rest.Handle(rt, accept, f.accept)
}

// opening is an open call of somebody who cannot sign in yet, and is known by the
// named fields.
func opening(path, tag, summary string, knownBy ...string) rest.Op {
	o := post(path, tag, summary)
	o.Open, o.SignsIn, o.KeyedBy = true, true, knownBy
	return o
}

func (f *face) changePassword(ctx context.Context, in *struct{ Body cloudapi.PasswordChange }) (done, error) {
	return ok(), f.Access.ChangePassword(ctx, rest.Actor(ctx), in.Body.New, proof(ctx, in.Body.Proof))
}

func (f *face) sessions(ctx context.Context, in *paged) (cloudapi.Data[[]cloudapi.OpenSession], error) {
	list, err := f.Access.OpenSessions(ctx, rest.Actor(ctx), in.Want())
	out := grove.List[cloudapi.OpenSession]{Total: list.Total, More: list.More}
	for _, s := range list.Items {
		out.Items = append(out.Items, cloudapi.OpenSession{Session: s, Current: s.ID == rest.Actor(ctx).SessionID})
	}
	return cloudapi.ListOf(out, in.Want()), err
}

func (f *face) endSession(ctx context.Context, in *byID) (done, error) {
	return ok(), f.Access.EndSession(ctx, rest.Actor(ctx), in.ID)
}

func (f *face) endOthers(ctx context.Context, _ *struct{}) (done, error) {
	return ok(), f.Access.EndOthers(ctx, rest.Actor(ctx))
}

func (f *face) confirmSession(ctx context.Context, in *proofInput) (cloudapi.Data[cloudapi.SessionConfirmed], error) {
	u, err := f.Access.User(ctx, rest.Actor(ctx))
	if err == nil {
		err = rest.CountLogin(ctx, u.Email)
	}
	if err != nil {
		return cloudapi.Data[cloudapi.SessionConfirmed]{}, err
	}
	until, err := f.Access.Confirm(ctx, rest.Actor(ctx), proof(ctx, in.Body))
	return cloudapi.Of(cloudapi.SessionConfirmed{ConfirmedUntil: until}), err
}

func (f *face) askReset(ctx context.Context, in *struct{ Body cloudapi.ResetCodeRequest }) (done, error) {
	f.Access.AskReset(in.Body.Email, rest.Remote(ctx).String())
	return ok(), nil
}

func (f *face) reset(ctx context.Context, in *struct{ Body cloudapi.PasswordReset }) (done, error) {
	if err := rest.CountLogin(ctx, in.Body.Email); err != nil {
		return done{}, err
	}
	return ok(), f.Access.Reset(ctx, in.Body.Email, in.Body.Code, in.Body.New, rest.Remote(ctx).String())
}

type resetInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body cloudapi.UserReset
}

func (f *face) resetUser(ctx context.Context, in *resetInput) (cloudapi.Data[cloudapi.ResetCode], error) {
	code, err := f.Access.OwnerReset(ctx, rest.Actor(ctx), in.ID, in.Body.TOTP, proof(ctx, in.Body.Proof))
	return cloudapi.Of(cloudapi.ResetCode(code)), err
}

func (f *face) invitations(ctx context.Context, _ *struct{}) (cloudapi.Data[[]cloudapi.Invitation], error) {
	list, err := f.Access.Invitations(ctx, rest.Actor(ctx))
	out := make([]cloudapi.Invitation, 0, len(list))
	for _, i := range list {
		out = append(out, cloudapi.Invitation(i))
	}
	return cloudapi.Of(out), err
}

func (f *face) invite(ctx context.Context, in *struct{ Body cloudapi.InvitationRequest }) (cloudapi.Data[cloudapi.Invitation], error) {
	i, err := f.Access.Invite(ctx, rest.Actor(ctx), in.Body.Email, in.Body.Role, proof(ctx, in.Body.Proof))
	return cloudapi.Of(cloudapi.Invitation(i)), err
}

func (f *face) uninvite(ctx context.Context, in *byID) (done, error) {
	return ok(), f.Access.Uninvite(ctx, rest.Actor(ctx), in.ID)
}

func (f *face) accept(ctx context.Context, in *struct{ Body cloudapi.InvitationAccepted }) (cloudapi.Data[grove.User], error) {
	u, err := f.Access.Accept(ctx, string(in.Body.Token), in.Body.Password, in.Body.Name, rest.Remote(ctx).String())
	return cloudapi.Of(u), err
}
