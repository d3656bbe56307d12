package client

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// Print makes a job and tells its id.
func (c *Client) Print(ctx context.Context, in cloudapi.PrintRequest) (cloudapi.PrintStarted, error) {
	var out cloudapi.PrintStarted
	err := c.call(ctx, http.MethodPost, "/v1/iot-service/api/user/print", in, &out)
	return out, err
}

// Tasks lists prints as the vendor's clients see them, newest first; an empty
// serial means all printers.
func (c *Client) Tasks(ctx context.Context, serial string, page grove.Page) (cloudapi.Tasks, error) {
	q := pages(nil, page)
	if serial != "" {
		q.Set("deviceId", serial)
	}
	var out cloudapi.Tasks
	err := c.call(ctx, http.MethodGet, query("/v1/user-service/my/tasks", q), nil, &out)
	return out, err
}

const jobPath = "/v1/grove-service/jobs"

// Jobs lists jobs, newest first, or in the order of the line. Grove only, as all
// below; whose jobs they are follows from who asks.
func (c *Client) Jobs(ctx context.Context, q grove.JobQuery, page grove.Page) (grove.List[grove.Job], error) {
	v := pages(narrowed(q), page)
	if q.Line {
		v.Set("order", "line")
	}
	return list[grove.Job](ctx, c, jobPath, v)
}

// narrowed is a query as jobs, their figures and their table take it.
func narrowed(q grove.JobQuery) url.Values {
	v := url.Values{}
	set := func(name, text string) {
		if text != "" {
			v.Set(name, text)
		}
	}
	var states []string
	for _, s := range q.States {
		states = append(states, string(s))
	}
	set("device_id", q.Serial)
	set("state", strings.Join(states, ","))
	set("file_id", q.FileID)
	set("text", q.Text)
	for name, at := range map[string]time.Time{"from": q.From, "to": q.To} {
		if !at.IsZero() {
			v.Set(name, at.UTC().Format(time.RFC3339Nano))
		}
	}
	return v
}

// JobFigures counts how jobs ended, and what they took.
func (c *Client) JobFigures(ctx context.Context, q grove.JobQuery) (grove.JobFigures, error) {
	return own[grove.JobFigures](ctx, c, http.MethodGet, query(jobPath+"/figures", narrowed(q)), nil)
}

// ExportJobs writes jobs to w as CSV with a head, newest first. What was written must
// be thrown away after an error.
func (c *Client) ExportJobs(ctx context.Context, q grove.JobQuery, w io.Writer) error {
	_, err := c.download(ctx, query(jobPath+"/export", narrowed(q)), w)
	return err
}

// CreateJobs has a file printed, on one printer or on any that fits; each copy is a job
// of its own.
func (c *Client) CreateJobs(ctx context.Context, in cloudapi.JobRequest) ([]grove.Job, error) {
	return own[[]grove.Job](ctx, c, http.MethodPost, jobPath, in)
}

// PreviewFit says of each printer whether it could print that this moment, and if not,
// why. Nothing is made.
func (c *Client) PreviewFit(ctx context.Context, in cloudapi.JobWish) ([]grove.Fit, error) {
	return own[[]grove.Fit](ctx, c, http.MethodPost, jobPath+"/fit", in)
}

// JobFit says of each printer whether it could take a job, and if not, why.
func (c *Client) JobFit(ctx context.Context, id int64) ([]grove.Fit, error) {
	return own[[]grove.Fit](ctx, c, http.MethodGet, jobPath+"/"+strconv.FormatInt(id, 10)+"/fit", nil)
}

// EditJob changes a job that waits; once it is claimed, or is of another revision than the
// one that is named: Conflict.
func (c *Client) EditJob(ctx context.Context, id int64, in cloudapi.JobEdit) (grove.Job, error) {
	return own[grove.Job](ctx, c, http.MethodPatch, jobPath+"/"+strconv.FormatInt(id, 10), in)
}

// MoveJob gives a queued job another place in its owner's line.
func (c *Client) MoveJob(ctx context.Context, id int64, to grove.LinePlace) (grove.Job, error) {
	return own[grove.Job](ctx, c, http.MethodPost, jobPath+"/"+strconv.FormatInt(id, 10)+"/move", to)
}

// ReprintJob makes a new job of the same file, plate, options and printers.
func (c *Client) ReprintJob(ctx context.Context, id int64) (grove.Job, error) {
	return own[grove.Job](ctx, c, http.MethodPost, jobPath+"/"+strconv.FormatInt(id, 10)+"/reprint", nil)
}

// Job is one job.
func (c *Client) Job(ctx context.Context, id int64) (grove.Job, error) {
	return own[grove.Job](ctx, c, http.MethodGet, jobPath+"/"+strconv.FormatInt(id, 10), nil)
}

// CancelJob ends a job; a running print is stopped.
func (c *Client) CancelJob(ctx context.Context, id int64) (grove.Job, error) {
	return own[grove.Job](ctx, c, http.MethodPost, jobPath+"/"+strconv.FormatInt(id, 10)+"/cancel", nil)
}

// ResolveJob says what became of a job whose start is unknown: running, finished
// or failed.
func (c *Client) ResolveJob(ctx context.Context, id int64, outcome grove.JobState) (grove.Job, error) {
	return own[grove.Job](ctx, c, http.MethodPost, jobPath+"/"+strconv.FormatInt(id, 10)+"/resolve", cloudapi.JobOutcome{Outcome: outcome})
}
