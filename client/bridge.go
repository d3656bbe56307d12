package client

import (
	"context"
	"net/http"
	"net/url"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

const bridgePath = "/v1/grove-service/bridges"

// CreateBridge makes a credential for a bridge in another network. Its key is in the
// answer, shown this once. Grove only, as all of bridges.
func (c *Client) CreateBridge(ctx context.Context, name string) (cloudapi.BridgeCreated, error) {
	return own[cloudapi.BridgeCreated](ctx, c, http.MethodPost, bridgePath, cloudapi.BridgeRequest{Name: name})
}

// Bridges lists the account's bridges, newest first, also those that were removed.
func (c *Client) Bridges(ctx context.Context, page grove.Page) (grove.List[grove.Bridge], error) {
	return list[grove.Bridge](ctx, c, bridgePath, pages(nil, page))
}

// RemoveBridge revokes a bridge's key and ends its connection.
func (c *Client) RemoveBridge(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, bridgePath+"/"+url.PathEscape(id), nil, nil)
}
