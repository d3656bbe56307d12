package client

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

const (
	uploadPath = "/v1/iot-service/api/user/upload"
	filePath   = "/v1/grove-service/files"
)

// Upload is a file on its way up. Progress, if set, is told the bytes sent so far.
type Upload struct {
	Name     string
	Size     int64
	Body     io.Reader
	Progress func(sent int64)
}

// Upload asks for a signed link, puts the file there, and confirms it.
func (c *Client) Upload(ctx context.Context, u Upload) (cloudapi.FileItem, error) {
	var ticket cloudapi.Upload
	wish := cloudapi.UploadRequest{FileName: u.Name, Size: cloudapi.Int(u.Size)}
	if err := c.call(ctx, http.MethodPost, uploadPath, wish, &ticket); err != nil {
		return cloudapi.FileItem{}, err
	}
	if err := c.put(ctx, ticket.UploadURL, u); err != nil {
		return cloudapi.FileItem{}, err
	}
	var done cloudapi.Confirmed
	err := c.call(ctx, http.MethodPost, uploadPath+"/confirm", cloudapi.ConfirmRequest{FileID: ticket.FileID}, &done)
	return done.Data, err
}

// put sends the body to a signed link, which needs no token.
func (c *Client) put(ctx context.Context, link string, u Upload) error {
	body := io.Reader(&counted{r: u.Body, told: u.Progress})
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, link, body)
	if err != nil {
		return invalidURL(link, err)
	}
	req.ContentLength = u.Size
	if u.Size == 0 {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("User-Agent", c.agent)
	_, err = c.do(req)
	return err
}

// counted tells how much was read.
type counted struct {
	r    io.Reader
	n    int64
	told func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.told != nil {
		c.told(c.n)
	}
	return n, err
}

// Files lists the stored files, newest first. Grove only.
func (c *Client) Files(ctx context.Context, name string, page grove.Page) (grove.List[cloudapi.StoredFile], error) {
	q := pages(url.Values{}, page)
	if name != "" {
		q.Set("name", name)
	}
	return list[cloudapi.StoredFile](ctx, c, filePath, q)
}

// File is one stored file. Grove only.
func (c *Client) File(ctx context.Context, id string) (cloudapi.StoredFile, error) {
	return own[cloudapi.StoredFile](ctx, c, http.MethodGet, filePath+"/"+url.PathEscape(id), nil)
}

// Download writes a file's content to w and holds it against the SHA-256 that
// the server promised in its Digest header: ErrChecksumMismatch if they differ.
// What was written then must be thrown away. Grove only.
func (c *Client) Download(ctx context.Context, id string, w io.Writer) (int64, error) {
	req, err := c.request(ctx, http.MethodGet, filePath+"/"+url.PathEscape(id)+"/content", nil)
	if err != nil {
		return 0, err
	}
	res, err := c.send(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(w, sum), res.Body)
	if err != nil {
		return n, transport(req, err)
	}
	promised, ok := digest(res.Header.Get("Digest"))
	if !ok {
		return n, badResponse(req, res.StatusCode, errors.New("no SHA-256 in the Digest header"))
	}
	if subtle.ConstantTimeCompare(promised, sum.Sum(nil)) != 1 {
		return n, &Error{Name: ErrChecksumMismatch, Status: res.StatusCode, URL: bare(req.URL), Err: grove.Errorf(grove.Unavailable,
			"checksum", "the bytes that arrived are not those the server promised; download the file again")}
	}
	return n, nil
}

// digest reads a Digest header such as sha-256=….
func digest(header string) ([]byte, bool) {
	for part := range strings.SplitSeq(header, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if !strings.EqualFold(name, "sha-256") {
			continue
		}
		sum, err := base64.StdEncoding.DecodeString(value)
		return sum, err == nil && len(sum) == sha256.Size
	}
	return nil, false
}
