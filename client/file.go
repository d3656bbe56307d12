package client

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

const (
	uploadPath = "/v1/iot-service/api/user/upload"
	filePath   = "/v1/grove-service/files"
)

// Upload is a file on its way up. Body must give exactly Size bytes; it is read
// as it is sent, so that memory stays flat. Progress, if set, is told the bytes
// sent so far.
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
	if err := c.put(ctx, ticket.UploadURL, u, nil); err != nil {
		return cloudapi.FileItem{}, err
	}
	var done cloudapi.Confirmed
	err := c.call(ctx, http.MethodPost, uploadPath+"/confirm", cloudapi.ConfirmRequest{FileID: ticket.FileID}, &done)
	return done.Data, err
}

// put sends the body to a signed link, which needs no token. The server is asked
// first whether it wants the body, so that a refusal is read and not lost in a
// broken connection. With a header the body goes on from where it says.
func (c *Client) put(ctx context.Context, link string, u Upload, header http.Header) error {
	body := &counted{r: u.Body, told: u.Progress}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, link, body)
	if err != nil || req.URL.Host == "" {
		return invalidURL(link, err)
	}
	req.ContentLength = u.Size
	if u.Size == 0 {
		req.Body = http.NoBody
	}
	req.Header.Set("Content-Type", "application/octet-stream")
	req.Header.Set("Expect", "100-continue")
	req.Header.Set("User-Agent", c.agent)
	maps.Copy(req.Header, header)
	if _, err = c.do(req); err != nil && ctx.Err() == nil {
		return body.blame(u.Size, err)
	}
	return err
}

// counted tells how much was read, and how reading ended.
type counted struct {
	r    io.Reader
	told func(int64)

	mu  sync.Mutex // the transport may still read when it has answered
	n   int64
	err error
}

// Read reads on.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.mu.Lock()
	c.n += int64(n)
	c.err = err
	sent := c.n
	c.mu.Unlock()
	if c.told != nil && n > 0 {
		c.told(sent)
	}
	return n, err
}

// blame gives the reason of a failed upload: the body where that was at fault.
func (c *counted) blame(size int64, err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.err != nil && !errors.Is(c.err, io.EOF):
		return fmt.Errorf("read the file to upload: %w", c.err)
	case c.n > size, c.err != nil && c.n < size:
		return &Error{Name: ErrBadRequest, Err: grove.Errorf(grove.Invalid, "wrong_size",
			"the file did not have the %d bytes that were announced; upload it again when nothing changes it", size)}
	}
	return err
}

// FileQuery narrows a list of files. What is empty does not.
type FileQuery struct {
	Name   string // exactly
	Search string // words in the name, the tags, or the names of plates
	Tag    string
	Kind   string         // 3mf, gcode, stl or step
	Sort   grove.FileSort // empty: the newest first
}

func fileAt(id string) string { return filePath + "/" + url.PathEscape(id) }

// Files lists the stored files. Grove only.
func (c *Client) Files(ctx context.Context, wish FileQuery, page grove.Page) (grove.List[cloudapi.StoredFile], error) {
	q := pages(url.Values{}, page)
	for name, value := range map[string]string{"name": wish.Name, "search": wish.Search, "tag": wish.Tag, "kind": wish.Kind, "sort": string(wish.Sort)} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return list[cloudapi.StoredFile](ctx, c, filePath, q)
}

// File is one file. Grove only.
func (c *Client) File(ctx context.Context, id string) (cloudapi.StoredFile, error) {
	return own[cloudapi.StoredFile](ctx, c, http.MethodGet, fileAt(id), nil)
}

// BeginFile begins an upload that goes on after a cut, for a day. Its size is
// announced; what the server has no room for is refused now. Grove only.
func (c *Client) BeginFile(ctx context.Context, in cloudapi.FileRequest) (cloudapi.StoredFile, error) {
	return own[cloudapi.StoredFile](ctx, c, http.MethodPost, filePath, in)
}

// SendFile sends the content of a file that was begun, from where the server has it,
// and gives the file as it then is. After an error it may be called again and goes on.
// Progress, if not nil, is told how many bytes the server has or was sent. Grove only.
func (c *Client) SendFile(ctx context.Context, id string, content io.ReaderAt, progress func(int64)) (cloudapi.StoredFile, error) {
	f, err := c.File(ctx, id)
	if err != nil || f.Upload == nil {
		return f, err
	}
	at, size := f.Upload.OffsetBytes, f.Upload.SizeBytes
	rest := Upload{Size: size - at, Body: io.NewSectionReader(content, at, size-at)}
	if progress != nil {
		rest.Progress = func(sent int64) { progress(at + sent) }
	}
	if err := c.put(ctx, f.Upload.URL, rest, http.Header{"Upload-Offset": {strconv.FormatInt(at, 10)}}); err != nil {
		return f, err
	}
	return c.File(ctx, id)
}

// ChangeFile renames a file or changes its tags; what is nil stays. Grove only.
func (c *Client) ChangeFile(ctx context.Context, id string, in cloudapi.FileChange) (cloudapi.StoredFile, error) {
	return own[cloudapi.StoredFile](ctx, c, http.MethodPatch, fileAt(id), in)
}

// FileVersions lists the stored files that have the name of this one, itself
// included, newest first. Grove only.
func (c *Client) FileVersions(ctx context.Context, id string, page grove.Page) (grove.List[cloudapi.StoredFile], error) {
	return list[cloudapi.StoredFile](ctx, c, fileAt(id)+"/versions", pages(nil, page))
}

// DeleteFile removes a file, or an upload that was begun. Grove only.
func (c *Client) DeleteFile(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, fileAt(id), nil, nil)
}

// Download writes a file's content to w and holds it against the SHA-256 that
// the server promised in its Digest header: ErrChecksumMismatch if they differ.
// What was written then must be thrown away, as after every error. Grove only.
func (c *Client) Download(ctx context.Context, id string, w io.Writer) (int64, error) {
	req, err := c.request(ctx, http.MethodGet, fileAt(id)+"/content", nil)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept-Encoding", "identity") // the digest is of the file itself
	res, err := c.send(req)
	if err != nil {
		return 0, err
	}
	defer res.Body.Close()
	promised, ok := digest(strings.Join(res.Header.Values("Digest"), ","))
	if !ok {
		return 0, badResponse(req, res.StatusCode, errors.New("no SHA-256 in the Digest header"))
	}
	sum, out := sha256.New(), &written{w: w}
	n, err := io.Copy(io.MultiWriter(sum, out), res.Body)
	if out.err != nil {
		return n, fmt.Errorf("write the file: %w", out.err)
	}
	if err != nil {
		return n, transport(req, err)
	}
	if subtle.ConstantTimeCompare(promised, sum.Sum(nil)) != 1 {
		return n, &Error{Name: ErrChecksumMismatch, Status: res.StatusCode, URL: bare(req.URL), Err: grove.Errorf(grove.Unavailable,
			"checksum", "the bytes that arrived are not those the server promised; download the file again")}
	}
	return n, nil
}

// written remembers that writing failed, which is not the network's fault.
type written struct {
	w   io.Writer
	err error
}

// Write writes on.
func (w *written) Write(p []byte) (n int, err error) {
	n, w.err = w.w.Write(p)
	return n, w.err
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
