package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// ChangePassword sets a new password and ends all other sessions.
func (c *Client) ChangePassword(ctx context.Context, proof cloudapi.Proof, next grove.Secret) error {
	return c.call(ctx, http.MethodPut, mePath+"/password", cloudapi.PasswordChange{Proof: proof, New: next}, nil)
}

// Sessions lists where the account is signed in, newest first.
func (c *Client) Sessions(ctx context.Context, page grove.Page) (grove.List[cloudapi.OpenSession], error) {
	return list[cloudapi.OpenSession](ctx, c, mePath+"/sessions", pages(nil, page))
}

// EndSession ends one of them.
func (c *Client) EndSession(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, mePath+"/sessions/"+url.PathEscape(id), nil, nil)
}

// Confirm proves again that it is the account's owner at the session of this token,
// after a refusal with the reason [grove.ReasonUnconfirmed], and says until when that
// counts. The reason of an error is [grove.ReasonCodeWanted], here and at all calls that
// take a proof, when the account has an authenticator app and the code is missing.
func (c *Client) Confirm(ctx context.Context, proof cloudapi.Proof) (until time.Time, err error) {
	done, err := own[cloudapi.SessionConfirmed](ctx, c, http.MethodPost, mePath+"/sessions/current/confirm", proof)
	return done.ConfirmedUntil, err
}

// EndOtherSessions ends all but the one of this token.
func (c *Client) EndOtherSessions(ctx context.Context) error {
	return c.call(ctx, http.MethodPost, mePath+"/sessions/end-others", nil, nil)
}

// SendResetCode has a code for a new password mailed. It fails for no account.
func (c *Client) SendResetCode(ctx context.Context, email string) error {
	return c.call(ctx, http.MethodPost, "/v1/grove-service/password-reset/code", cloudapi.ResetCodeRequest{Email: email}, nil)
}

// ResetPassword sets a new password with a code.
func (c *Client) ResetPassword(ctx context.Context, in cloudapi.PasswordReset) error {
	return c.call(ctx, http.MethodPost, "/v1/grove-service/password-reset", in, nil)
}

// ResetUser gives an owner a code for somebody who forgot their password.
func (c *Client) ResetUser(ctx context.Context, id int64, in cloudapi.UserReset) (cloudapi.ResetCode, error) {
	return own[cloudapi.ResetCode](ctx, c, http.MethodPost, "/v1/grove-service/users/"+strconv.FormatInt(id, 10)+"/reset", in)
}

const invitationPath = "/v1/grove-service/invitations"

// Invite invites somebody, for owners. Link and token are told this once.
func (c *Client) Invite(ctx context.Context, in cloudapi.InvitationRequest) (cloudapi.Invitation, error) {
	return own[cloudapi.Invitation](ctx, c, http.MethodPost, invitationPath, in)
}

// Invitations lists those of the owner that wait yet.
func (c *Client) Invitations(ctx context.Context) ([]cloudapi.Invitation, error) {
	return own[[]cloudapi.Invitation](ctx, c, http.MethodGet, invitationPath, nil)
}

// Uninvite takes an invitation back.
func (c *Client) Uninvite(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, invitationPath+"/"+url.PathEscape(id), nil, nil)
}

// AcceptInvitation makes the account that one was invited to. It needs no token.
func (c *Client) AcceptInvitation(ctx context.Context, in cloudapi.InvitationAccepted) (grove.User, error) {
	return own[grove.User](ctx, c, http.MethodPost, invitationPath+"/accept", in)
}

// Letters are what the server could not mail, for owners.
func (c *Client) Letters(ctx context.Context) ([]cloudapi.Letter, error) {
	return own[[]cloudapi.Letter](ctx, c, http.MethodGet, "/v1/grove-service/letters", nil)
}
