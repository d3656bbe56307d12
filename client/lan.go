package client

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

const printersPath = "/v1/grove-service/printers"

// AddPrinter adds a printer that the server reaches by its address, after it was
// tried. Grove only.
func (c *Client) AddPrinter(ctx context.Context, in cloudapi.LANRequest) (cloudapi.LANBound, error) {
	return own[cloudapi.LANBound](ctx, c, http.MethodPost, printersPath, in)
}

// PairPrinter takes a new access code of a printer, or makes the key that it shows
// now its own. For a new key the session must be fresh, see [Client.Confirm]. Grove only.
func (c *Client) PairPrinter(ctx context.Context, serial string, in cloudapi.LANPair) (cloudapi.LANBound, error) {
	return own[cloudapi.LANBound](ctx, c, http.MethodPost, printerPath(serial)+"/pair", in)
}

// MovePrinter says where a printer stands now. Grove only.
func (c *Client) MovePrinter(ctx context.Context, serial string, in cloudapi.LANAddress) (cloudapi.LANBound, error) {
	return own[cloudapi.LANBound](ctx, c, http.MethodPut, printerPath(serial)+"/address", in)
}

// TestPrinter tries a printer on a network step by step. Grove only.
func (c *Client) TestPrinter(ctx context.Context, serial string) (grove.LANTest, error) {
	return own[grove.LANTest](ctx, c, http.MethodPost, printerPath(serial)+"/test", nil)
}

// DiscoverPrinters looks for printers on the server's networks. Grove only.
func (c *Client) DiscoverPrinters(ctx context.Context, in cloudapi.LANSearch) ([]grove.FoundPrinter, error) {
	return own[[]grove.FoundPrinter](ctx, c, http.MethodPost, printersPath+"/discover", in)
}
