package client

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove/cloudapi"
)

const serverPath = "/v1/grove-service/server"

// Server tells version, health, sizes and limits of the server, to those who run it.
// Grove only, as below.
func (c *Client) Server(ctx context.Context) (cloudapi.ServerStatus, error) {
	return own[cloudapi.ServerStatus](ctx, c, http.MethodGet, serverPath, nil)
}

// CA is the certificate of the server's built-in CA, as PEM.
func (c *Client) CA(ctx context.Context) ([]byte, error) {
	req, err := c.request(ctx, http.MethodGet, serverPath+"/ca.pem", nil)
	if err != nil {
		return nil, err
	}
	return c.do(req)
}

// TestMail has the server mail something to whoever asks, and gives the address.
func (c *Client) TestMail(ctx context.Context) (string, error) {
	sent, err := own[cloudapi.MailTest](ctx, c, http.MethodPost, serverPath+"/mail-test", nil)
	return sent.To, err
}

// Kits tells what to enter in each kind of client.
func (c *Client) Kits(ctx context.Context) (cloudapi.Kits, error) {
	return own[cloudapi.Kits](ctx, c, http.MethodGet, "/v1/grove-service/kits", nil)
}
