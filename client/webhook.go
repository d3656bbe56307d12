package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

const hookPath = "/v1/grove-service/webhooks"

func hookAt(id string) string { return hookPath + "/" + url.PathEscape(id) }

// CreateWebhook adds an endpoint. The secret in the answer is shown this once.
func (c *Client) CreateWebhook(ctx context.Context, in cloudapi.WebhookRequest) (cloudapi.WebhookCreated, error) {
	return own[cloudapi.WebhookCreated](ctx, c, http.MethodPost, hookPath, in)
}

// Webhooks lists the endpoints.
func (c *Client) Webhooks(ctx context.Context, page grove.Page) (grove.List[grove.Endpoint], error) {
	return list[grove.Endpoint](ctx, c, hookPath, pages(nil, page))
}

// ChangeWebhook changes what is not nil.
func (c *Client) ChangeWebhook(ctx context.Context, id string, in cloudapi.WebhookChange) (grove.Endpoint, error) {
	return own[grove.Endpoint](ctx, c, http.MethodPatch, hookAt(id), in)
}

// DeleteWebhook removes an endpoint.
func (c *Client) DeleteWebhook(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, hookAt(id), nil, nil)
}

// RenewWebhook gives an endpoint another secret, shown this once, which signs whatever
// is sent from now on.
func (c *Client) RenewWebhook(ctx context.Context, id string) (cloudapi.WebhookCreated, error) {
	return own[cloudapi.WebhookCreated](ctx, c, http.MethodPost, hookAt(id)+"/secret", nil)
}

// TestWebhook sends a webhook.test event to one endpoint, and gives what was answered
// where that comes within so many seconds, 20 at most.
func (c *Client) TestWebhook(ctx context.Context, id string, waitSeconds int) (cloudapi.Delivery, error) {
	return own[cloudapi.Delivery](ctx, c, http.MethodPost, hookAt(id)+"/test?wait_seconds="+strconv.Itoa(waitSeconds), nil)
}

// Deliveries lists what was sent to an endpoint, newest first.
func (c *Client) Deliveries(ctx context.Context, id string, page grove.Page) (grove.List[cloudapi.Delivery], error) {
	return list[cloudapi.Delivery](ctx, c, hookAt(id)+"/deliveries", pages(nil, page))
}

// Replay sends a delivery again, under its old id.
func (c *Client) Replay(ctx context.Context, deliveryID string) (cloudapi.Delivery, error) {
	return own[cloudapi.Delivery](ctx, c, http.MethodPost, hookPath+"/deliveries/"+url.PathEscape(deliveryID)+"/replay", nil)
}

// Notifications lists what a person should see, newest first.
func (c *Client) Notifications(ctx context.Context, unread bool, page grove.Page) (grove.List[grove.Notification], error) {
	q := pages(url.Values{}, page)
	if unread {
		q.Set("unread", "true")
	}
	return list[grove.Notification](ctx, c, "/v1/grove-service/notifications", q)
}

// MarkNotification marks one as read or unread.
func (c *Client) MarkNotification(ctx context.Context, id string, read bool) error {
	return c.call(ctx, http.MethodPatch, "/v1/grove-service/notifications/"+url.PathEscape(id), cloudapi.NotificationMark{Read: read}, nil)
}
