package client

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"net/http"
	"net/url"
	"strconv"

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
		err := c.keepUp(ctx, func() (more bool, err error) {
			last := ""
			if after >= 0 {
				last = strconv.FormatInt(after, 10)
			}
			return c.hear(ctx, eventPath, last, func(m message) (bool, error) {
				news, err := readNews(m.id, m.event, m.data)
				if err != nil {
					return true, err
				}
				after = news.ID
				return yield(news, nil), nil
			})
		})
		if err != nil {
			yield(News{}, err)
		}
	}
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
