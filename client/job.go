package client

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

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

// JobQuery narrows a list of jobs.
type JobQuery struct {
	Serial string
	State  grove.JobState
}

const jobPath = "/v1/grove-service/jobs"

// Jobs lists jobs, newest first. Grove only, as all below.
func (c *Client) Jobs(ctx context.Context, q JobQuery, page grove.Page) (grove.List[grove.Job], error) {
	v := pages(url.Values{}, page)
	if q.Serial != "" {
		v.Set("device_id", q.Serial)
	}
	if q.State != "" {
		v.Set("state", string(q.State))
	}
	return list[grove.Job](ctx, c, jobPath, v)
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
