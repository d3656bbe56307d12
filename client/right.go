package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

const (
	keyPath   = "/v1/grove-service/keys"
	sharePath = "/v1/grove-service/shares"
	userPath  = "/v1/grove-service/users"
)

// CreateKey makes an API key. The key itself is in the answer, shown this once.
// Grove only, as all of rights.
func (c *Client) CreateKey(ctx context.Context, in cloudapi.KeyRequest) (cloudapi.KeyCreated, error) {
	return own[cloudapi.KeyCreated](ctx, c, http.MethodPost, keyPath, in)
}

// Keys lists the account's keys, newest first, also those that have ended.
func (c *Client) Keys(ctx context.Context, page grove.Page) (grove.List[grove.Key], error) {
	return list[grove.Key](ctx, c, keyPath, pages(nil, page))
}

// RevokeKey ends a key.
func (c *Client) RevokeKey(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, keyPath+"/"+url.PathEscape(id), nil, nil)
}

// Share shares a printer with an account, or, without an address, makes a link
// whose token is in the answer, shown this once.
func (c *Client) Share(ctx context.Context, in cloudapi.ShareRequest) (cloudapi.ShareCreated, error) {
	return own[cloudapi.ShareCreated](ctx, c, http.MethodPost, sharePath, in)
}

// AcceptShare accepts the printer that a link shares.
func (c *Client) AcceptShare(ctx context.Context, token grove.Secret) (grove.Share, error) {
	return own[grove.Share](ctx, c, http.MethodPost, sharePath+"/accept", cloudapi.ShareAccept{Token: token})
}

// Shares lists what the account shares and what is shared with it, of one printer
// only unless serial is empty.
func (c *Client) Shares(ctx context.Context, serial string, page grove.Page) (grove.List[grove.Share], error) {
	q := url.Values{}
	if serial != "" {
		q.Set("device_id", serial)
	}
	return list[grove.Share](ctx, c, sharePath, pages(q, page))
}

// Unshare ends a share, as its owner or as its guest.
func (c *Client) Unshare(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, sharePath+"/"+url.PathEscape(id), nil, nil)
}

// Users lists everybody's accounts, for those who run the server.
func (c *Client) Users(ctx context.Context, page grove.Page) (grove.List[grove.User], error) {
	return list[grove.User](ctx, c, userPath, pages(nil, page))
}

// SetRole gives an account another role.
func (c *Client) SetRole(ctx context.Context, userID int64, role grove.Role) (grove.User, error) {
	return own[grove.User](ctx, c, http.MethodPut, userPath+"/"+strconv.FormatInt(userID, 10)+"/role", cloudapi.RoleRequest{Role: role})
}

// LockUser locks an account out, at once.
func (c *Client) LockUser(ctx context.Context, userID int64) (grove.User, error) {
	return own[grove.User](ctx, c, http.MethodPost, userPath+"/"+strconv.FormatInt(userID, 10)+"/lock", nil)
}

// UnlockUser lets a locked account in again. It signs in anew.
func (c *Client) UnlockUser(ctx context.Context, userID int64) (grove.User, error) {
	return own[grove.User](ctx, c, http.MethodPost, userPath+"/"+strconv.FormatInt(userID, 10)+"/unlock", nil)
}
