package client

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
)

const clockPath = "/v1/grove-service/clock"

// Clock tells the server's time and whether starts are held for it. Grove only,
// as below.
func (c *Client) Clock(ctx context.Context) (grove.Clock, error) {
	return own[grove.Clock](ctx, c, http.MethodGet, clockPath, nil)
}

// ConfirmClock says that the server's time is right; for its owner.
func (c *Client) ConfirmClock(ctx context.Context) (grove.Clock, error) {
	return own[grove.Clock](ctx, c, http.MethodPost, clockPath+"/confirm", nil)
}
