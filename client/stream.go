package client

import (
	"bufio"
	"context"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// message is a server-sent event.
type message struct{ id, event, data string }

// keepUp visits again and again until ctx ends or a visit says that there is no more,
// which is no error; a first visit that fails, and a refusal, are.
func (c *Client) keepUp(ctx context.Context, visit func() (more bool, err error)) error {
	rest := leastPause
	for first := true; ; first = false {
		began := time.Now()
		more, err := visit()
		if !more || ctx.Err() != nil {
			return nil //nolint:nilerr // the caller has enough, whatever broke at that
		}
		if err != nil && (first || !passes(err)) {
			return err
		}
		if time.Since(began) > mostPause {
			rest = leastPause
		}
		if !pause(ctx, rest/2+rand.N(rest/2)) { //nolint:gosec // G404: nobody gains by guessing it
			return nil
		}
		rest = min(2*rest, mostPause)
	}
}

// hear reads one stream to its end, from after the message with the id last unless
// that is empty. More is false when tell said so.
func (c *Client) hear(ctx context.Context, path, last string, tell func(message) (more bool, err error)) (more bool, err error) {
	req, err := c.request(ctx, http.MethodGet, path, nil)
	if err != nil {
		return true, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	res, err := c.send(req)
	if err != nil {
		return true, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxAnswer)
	var m message
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			m.id = value
		case "event":
			m.event = value
		case "data":
			m.data = value
		}
		if lines.Text() != "" || m.data == "" {
			continue
		}
		more, err := tell(m)
		if err != nil {
			return true, badResponse(req, res.StatusCode, err)
		}
		if !more {
			return false, nil
		}
		m = message{}
	}
	if err := lines.Err(); err != nil {
		return true, transport(req, err)
	}
	return true, nil
}
