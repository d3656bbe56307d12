package client

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/grovecloud/grove"
)

// StorageFiles lists a folder on a printer's own storage, such as / or /timelapse.
// Conflict when nothing on the way to the printer carries files. Grove only.
func (c *Client) StorageFiles(ctx context.Context, serial, dir string) ([]grove.StorageEntry, error) {
	return own[[]grove.StorageEntry](ctx, c, http.MethodGet, query(printerPath(serial)+"/files", url.Values{"path": {dir}}), nil)
}

// DeleteStorageFile deletes a file on a printer's own storage for good. Conflict
// printer_busy unless the printer is at rest. Grove only.
func (c *Client) DeleteStorageFile(ctx context.Context, serial, path string) error {
	return c.call(ctx, http.MethodDelete, query(printerPath(serial)+"/files", url.Values{"path": {path}}), nil, nil)
}

// StorageFile writes a file from a printer's own storage to w. What was written must
// be thrown away after an error. Grove only.
func (c *Client) StorageFile(ctx context.Context, serial, path string, w io.Writer) (int64, error) {
	return c.download(ctx, query(printerPath(serial)+"/files/content", url.Values{"path": {path}}), w)
}

// download writes an answer to w as it comes.
func (c *Client) download(ctx context.Context, path string, w io.Writer) (int64, error) {
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return 0, err
	}
	res, err := c.send(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	out := &written{w: w}
	n, err := io.Copy(out, res.Body)
	if out.err != nil {
		return n, fmt.Errorf("write the file: %w", out.err)
	}
	if err != nil {
		return n, transport(req, err)
	}
	return n, nil
}
