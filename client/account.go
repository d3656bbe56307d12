package client

import (
	"context"
	"net/http"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// Login signs in with a password and keeps the access token. Where something is
// wanted beside the password the error's reason is [ReasonSecondFactor], and the
// answer's LoginType says whether to go on with LoginCode or LoginTFA.
func (c *Client) Login(ctx context.Context, account string, password grove.Secret) (cloudapi.Login, error) {
	return c.login(ctx, "/v1/user-service/user/login", cloudapi.LoginRequest{Account: account, Password: password})
}

// Logout ends the session of the token and forgets it.
func (c *Client) Logout(ctx context.Context) error {
	if err := c.call(ctx, http.MethodPost, "/v1/user-service/my/logout", cloudapi.LogoutRequest{}, nil); err != nil {
		return err
	}
	c.token = ""
	c.uid.Store(0)
	return nil
}

// Setup makes the first owner of a new Grove with the code it printed at start.
func (c *Client) Setup(ctx context.Context, in cloudapi.SetupRequest) (grove.User, error) {
	return own[grove.User](ctx, c, http.MethodPost, "/v1/grove-service/setup", in)
}

// Profile is the account of the token.
func (c *Client) Profile(ctx context.Context) (cloudapi.Profile, error) {
	var out cloudapi.Profile
	err := c.call(ctx, http.MethodGet, "/v1/user-service/my/profile", nil, &out)
	return out, err
}

// ChangeProfile changes the name or the avatar; nil leaves it.
func (c *Client) ChangeProfile(ctx context.Context, change cloudapi.ProfileChange) error {
	return c.call(ctx, http.MethodPut, "/v1/user-service/my/profile", change, nil)
}

// Preference tells the numeric user id that MQTT user names are made of.
func (c *Client) Preference(ctx context.Context) (cloudapi.Preference, error) {
	var out cloudapi.Preference
	err := c.call(ctx, http.MethodGet, "/v1/design-user-service/my/preference", nil, &out)
	return out, err
}

// user is the number in the account's MQTT user name, asked for once.
func (c *Client) user(ctx context.Context) (int64, error) {
	if uid := c.uid.Load(); uid != 0 {
		return uid, nil
	}
	who, err := c.Preference(ctx)
	if err != nil {
		return 0, err
	}
	c.uid.Store(who.UID)
	return who.UID, nil
}

// Ready reports whether the server takes requests. It needs no token.
func (c *Client) Ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return c.call(ctx, http.MethodGet, "/readyz", nil, nil)
}
