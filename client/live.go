package client

import (
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

// FleetNews is one of three: the whole fleet, which comes first and again after a
// cut, one printer that changed, or one that is not to be seen any more.
type FleetNews struct {
	Fleet   []grove.Live // all printers, in place of what was known; nil: not told
	Printer grove.Live   // without a serial: not told
	Gone    string       // a serial; empty: not told
}

// FollowFleet gives the account's printers and those shared with it as they change:
// every change of those named closely (200 at most; "*": of all, up to 50), and of the
// others what may need a person, such as state, errors and connection. A link that
// breaks is made again and begins with the whole fleet; a first link that can't be
// made, and a refusal, end the loop with an error. It ends without one when ctx ends or
// the loop is left. Grove only.
func (c *Client) FollowFleet(ctx context.Context, closely ...string) iter.Seq2[FleetNews, error] {
	q := url.Values{}
	if len(closely) > 0 {
		q.Set("watch", strings.Join(closely, ","))
	}
	return c.followLive(ctx, query(printersPath+"/live", q), false)
}

// FollowPrinter is FollowFleet for one printer, closely: a fleet of one. It ends after
// the printer is gone. Grove only.
func (c *Client) FollowPrinter(ctx context.Context, serial string) iter.Seq2[FleetNews, error] {
	return c.followLive(ctx, printerPath(serial)+"/live", true)
}

// followLive follows a live stream, until a printer is gone when it is of one.
func (c *Client) followLive(ctx context.Context, path string, one bool) iter.Seq2[FleetNews, error] {
	return func(yield func(FleetNews, error) bool) {
		err := c.keepUp(ctx, func() (more bool, err error) {
			return c.hear(ctx, path, "", func(m message) (bool, error) {
				news, err := readFleet(m)
				if err != nil {
					return true, err
				}
				return yield(news, nil) && (!one || news.Gone == ""), nil
			})
		})
		if err != nil {
			yield(FleetNews{}, err)
		}
	}
}

func readFleet(m message) (news FleetNews, err error) {
	switch m.event {
	case "fleet":
		err = json.Unmarshal([]byte(m.data), &news.Fleet)
	case "printer":
		err = json.Unmarshal([]byte(m.data), &news.Printer)
	case "gone":
		var gone struct{ Serial string }
		err = json.Unmarshal([]byte(m.data), &gone)
		news.Gone = gone.Serial
	}
	return news, err
}

// Report is all that a printer said, in its own words. Grove only.
func (c *Client) Report(ctx context.Context, serial string) (grove.RawReport, error) {
	return own[grove.RawReport](ctx, c, http.MethodGet, printerPath(serial)+"/report", nil)
}

// Temperatures are how hot a printer was from from to to, in up to points steps; zero
// values mean the last six hours until now, in 360. Seven days are kept. Grove only.
func (c *Client) Temperatures(ctx context.Context, serial string, from, to time.Time, points int) (grove.Temperatures, error) {
	q := url.Values{}
	for name, at := range map[string]time.Time{"from": from, "to": to} {
		if !at.IsZero() {
			q.Set(name, at.UTC().Format(time.RFC3339))
		}
	}
	if points != 0 {
		q.Set("points", strconv.Itoa(points))
	}
	return own[grove.Temperatures](ctx, c, http.MethodGet, query(printerPath(serial)+"/temperatures", q), nil)
}
