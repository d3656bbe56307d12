package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// ReasonSecondFactor is the reason of a login that wants something beside the
// password; the answer's LoginType says what.
const ReasonSecondFactor = "second_factor"

// LoginCode signs in with a code from an e-mail and keeps the access token.
func (c *Client) LoginCode(ctx context.Context, account, code string) (cloudapi.Login, error) {
	return c.login(ctx, "/v1/user-service/user/login", cloudapi.LoginRequest{Account: account, Code: code})
}

// LoginTFA ends a login with a code of an authenticator app, or a recovery code,
// and keeps the access token. The key is the TFAKey of the login that wanted it.
func (c *Client) LoginTFA(ctx context.Context, key grove.Secret, code string) (cloudapi.Login, error) {
	return c.login(ctx, "/v1/user-service/user/tfa", cloudapi.TFARequest{Key: key, Code: code})
}

// SendCode has a code for signing in mailed. It fails for no account, so that nobody
// learns which there are.
func (c *Client) SendCode(ctx context.Context, account string) error {
	in := cloudapi.MailCodeRequest{Email: account, Type: "codeLogin"}
	return c.call(ctx, http.MethodPost, "/v1/user-service/user/sendemail/code", in, nil)
}

// Refresh trades the access token for a new one and keeps that.
func (c *Client) Refresh(ctx context.Context) (cloudapi.Login, error) {
	return c.login(ctx, "/v1/user-service/user/refreshtoken", cloudapi.RefreshRequest{RefreshToken: c.token})
}

// login keeps the token of an answer that has one.
func (c *Client) login(ctx context.Context, path string, in any) (cloudapi.Login, error) {
	var out cloudapi.Login
	if err := c.call(ctx, http.MethodPost, path, in, &out); err != nil {
		return out, err
	}
	if out.AccessToken == "" {
		return out, &Error{Name: ErrBadRequest, Err: grove.Errorf(grove.Forbidden, ReasonSecondFactor, "%s", wanted(out))}
	}
	c.token = out.AccessToken
	c.uid.Store(0)
	return out, nil
}

// wanted says how to go on with a login.
func wanted(out cloudapi.Login) string {
	switch out.LoginType {
	case cloudapi.LoginVerifyCode:
		return "this account also wants a code, which was mailed just now; sign in with it"
	case cloudapi.LoginTFA:
		return "this account also wants a code of its authenticator app"
	}
	return "this account also wants " + out.LoginType + ", which this client can't answer; sign in elsewhere and give the token"
}

// Ticket is a ticket of one's own, bound to the session: with it another program
// can sign in, once.
func (c *Client) Ticket(ctx context.Context) (grove.Secret, error) {
	var out cloudapi.Ticket
	if err := c.call(ctx, http.MethodGet, "/v1/user-service/user/ticket", nil, &out); err != nil {
		return "", err
	}
	ticket := string(out.Ticket)
	return out.Ticket, c.call(ctx, http.MethodPost, "/v1/user-service/my/ticket/"+url.PathEscape(ticket), cloudapi.TicketRequest{Ticket: ticket}, nil)
}

// LoginTicket signs in with a bound ticket and keeps the access token.
func (c *Client) LoginTicket(ctx context.Context, ticket grove.Secret) (cloudapi.Login, error) {
	text := string(ticket)
	return c.login(ctx, "/v1/user-service/user/ticket/"+url.PathEscape(text), cloudapi.TicketRequest{Ticket: text})
}

const mePath = "/v1/grove-service/users/me"

// Security says how the account of the token is protected.
func (c *Client) Security(ctx context.Context) (cloudapi.Security, error) {
	return own[cloudapi.Security](ctx, c, http.MethodGet, mePath+"/security", nil)
}

// SetLoginMode says what the account signs in with.
func (c *Client) SetLoginMode(ctx context.Context, mode grove.LoginMode, proof cloudapi.Proof) (cloudapi.Security, error) {
	return own[cloudapi.Security](ctx, c, http.MethodPut, mePath+"/security", cloudapi.SecurityChange{Proof: proof, Mode: mode})
}

// EnrolTOTP begins to use an authenticator app.
func (c *Client) EnrolTOTP(ctx context.Context, proof cloudapi.Proof) (cloudapi.Enrolment, error) {
	return own[cloudapi.Enrolment](ctx, c, http.MethodPost, mePath+"/totp", proof)
}

// ConfirmTOTP switches the app on with a code of it. The recovery codes are told
// this once.
func (c *Client) ConfirmTOTP(ctx context.Context, code string) ([]grove.Secret, error) {
	out, err := own[cloudapi.RecoveryCodes](ctx, c, http.MethodPost, mePath+"/totp/confirm", cloudapi.TOTPConfirmation{Code: code})
	return out.Codes, err
}

// RemoveTOTP does without the app from now on.
func (c *Client) RemoveTOTP(ctx context.Context, proof cloudapi.Proof) error {
	return c.call(ctx, http.MethodPost, mePath+"/totp/remove", proof, nil)
}

// RenewRecoveryCodes gives new recovery codes in place of the old.
func (c *Client) RenewRecoveryCodes(ctx context.Context, proof cloudapi.Proof) ([]grove.Secret, error) {
	out, err := own[cloudapi.RecoveryCodes](ctx, c, http.MethodPost, mePath+"/recovery-codes", proof)
	return out.Codes, err
}
