package client

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

const eventPath = "/v1/grove-service/events"

// Events gives the account's events after the one numbered after, oldest first,
// at most 100. Grove only, as below.
func (c *Client) Events(ctx context.Context, after int64) ([]grove.Event, error) {
	return own[[]grove.Event](ctx, c, http.MethodGet, query(eventPath, url.Values{"after": {strconv.FormatInt(after, 10)}}), nil)
}

// LatestEvents gives the account's newest events, newest first, at most 100: those
// before the one numbered before, or of all when that is 0.
func (c *Client) LatestEvents(ctx context.Context, before int64) ([]grove.Event, error) {
	q := url.Values{"order": {"newest"}, "after": {strconv.FormatInt(before, 10)}}
	return own[[]grove.Event](ctx, c, http.MethodGet, query(eventPath, q), nil)
}

// News is an event as it comes. Reload means that events were left out, since so
// many happened: load anew what you show.
type News struct {
	grove.Event
	Reload bool
}

// Follow gives the account's events as they come: those after the one numbered
// after, or what comes next when that is negative. A link that breaks is made again
// and misses nothing; a first link that can't be made, and a refusal, end the loop
// with an error. It ends without one when ctx ends or the loop is left.
func (c *Client) Follow(ctx context.Context, after int64) iter.Seq2[News, error] {
	return func(yield func(News, error) bool) {
		rest := leastPause
		for first := true; ; first = false {
			began := time.Now()
			more, err := c.hear(ctx, &after, yield)
			if !more || ctx.Err() != nil {
				return
			}
			if err != nil && (first || !passes(err)) {
				yield(News{}, err)
				return
			}
			if time.Since(began) > mostPause {
				rest = leastPause
			}
			if !pause(ctx, rest/2+rand.N(rest/2)) { //nolint:gosec // G404: nobody gains by guessing it
				return
			}
			rest = min(2*rest, mostPause)
		}
	}
}

// hear reads one stream to its end and moves after along. More is false when the
// loop was left.
func (c *Client) hear(ctx context.Context, after *int64, yield func(News, error) bool) (more bool, err error) {
	req, err := c.request(ctx, http.MethodGet, eventPath, nil)
	if err != nil {
		return true, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if *after >= 0 {
		req.Header.Set("Last-Event-ID", strconv.FormatInt(*after, 10))
	}
	res, err := c.send(req)
	if err != nil {
		return true, err
	}
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	lines.Buffer(nil, maxAnswer)
	var id, kind, data string
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch name {
		case "id":
			id = value
		case "event":
			kind = value
		case "data":
			data = value
		}
		if lines.Text() != "" || data == "" {
			continue
		}
		news, err := readNews(id, kind, data)
		if err != nil {
			return true, badResponse(req, res.StatusCode, err)
		}
		*after = news.ID
		if !yield(news, nil) {
			return false, nil
		}
		id, kind, data = "", "", ""
	}
	if err := lines.Err(); err != nil {
		return true, transport(req, err)
	}
	return true, nil
}

func readNews(id, kind, data string) (News, error) {
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return News{}, fmt.Errorf("read the event's id %q: %w", id, err)
	}
	news := News{Reload: kind == "reload"}
	if !news.Reload {
		err = json.Unmarshal([]byte(data), &news.Event)
	}
	news.ID = n
	return news, err
}
