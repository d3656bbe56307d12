package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// maxAnswer bounds how much of a JSON answer is read.
const maxAnswer = 32 << 20

func (c *Client) request(ctx context.Context, method, path string, in any) (*http.Request, error) {
	var body io.Reader
	if in != nil {
		raw, err := json.Marshal(in)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		body = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base.String()+path, body)
	if err != nil {
		return nil, invalidURL(c.base.String()+path, err)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	req.Header.Set("User-Agent", c.agent)
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+string(c.token))
	}
	return req, nil
}

// do sends a request and gives the body of a 2xx answer.
func (c *Client) do(req *http.Request) ([]byte, error) {
	res, err := c.send(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, transport(req, err)
	}
	return body, nil
}

// send sends a request; an answer that is no 2xx becomes an error.
func (c *Client) send(req *http.Request) (*http.Response, error) {
	res, err := c.http.Do(req)
	if err != nil {
		return nil, transport(req, err)
	}
	if res.StatusCode/100 == 2 {
		return res, nil
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return nil, transport(req, err)
	}
	cause := cloudapi.FromWire(res.StatusCode, body)
	if cause.RetryAfter == 0 {
		if s, err := strconv.Atoi(res.Header.Get("Retry-After")); err == nil && s > 0 {
			cause.RetryAfter = time.Duration(s) * time.Second
		}
	}
	out := &Error{Name: ErrBadRequest, Status: res.StatusCode, URL: bare(req.URL), RequestID: res.Header.Get("X-Request-Id"), Err: cause}
	if res.StatusCode/100 != 4 {
		out.Name = ErrBadResponse
	}
	return nil, out
}

// pages turns a wish for a page into query parameters.
func pages(q url.Values, p grove.Page) url.Values {
	if q == nil {
		q = url.Values{}
	}
	set := func(name string, n int) {
		if n != 0 { // the server refuses what is negative, in words
			q.Set(name, strconv.Itoa(n))
		}
	}
	set("page", p.Page)
	set("limit", p.Limit)
	set("offset", p.Offset)
	if p.After != "" {
		q.Set("after", p.After)
	}
	return q
}

func query(path string, q url.Values) string {
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// list reads a list of Grove's own API.
func list[T any](ctx context.Context, c *Client, path string, q url.Values) (grove.List[T], error) {
	var out cloudapi.Data[[]T]
	if err := c.call(ctx, http.MethodGet, query(path, q), nil, &out); err != nil {
		return grove.List[T]{}, err
	}
	l := grove.List[T]{Items: out.Data, Total: len(out.Data)}
	if p := out.Pagination; p != nil {
		l.Total, l.More = p.Total, p.HasMore
	}
	return l, nil
}

// own calls Grove's own API and gives the data of its answer.
func own[T any](ctx context.Context, c *Client, method, path string, in any) (T, error) {
	var out cloudapi.Data[T]
	err := c.call(ctx, method, path, in, &out)
	return out.Data, err
}
