package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/grovecloud/grove"
)

// atOnce bounds how many printers are being started at the same time.
const atOnce = 16

// Run settles what a crash left behind, then dispatches jobs until ctx ends.
func (q *Queue) Run(ctx context.Context) error {
	if err := q.recover(ctx); err != nil {
		return fmt.Errorf("settle interrupted jobs: %w", err)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce + 1)
	g.Go(func() error { return q.loop(ctx, g) })
	return g.Wait()
}

func (q *Queue) loop(ctx context.Context, g *errgroup.Group) error {
	tick := time.NewTicker(q.Pace)
	defer tick.Stop()
	var busy sync.Map // serials whose start is under way
	for {
		if err := q.round(ctx, g, &busy); err != nil && ctx.Err() == nil {
			q.Log.Error("jobs not dispatched", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-q.kick:
		case <-tick.C:
		}
	}
}

// recover settles the jobs of a former process: what was not sent waits again,
// what may have been sent is unknown and is never sent again.
func (q *Queue) recover(ctx context.Context) error {
	states := []grove.JobState{grove.Claimed, grove.Uploading, grove.Ready, grove.Sending}
	left, err := q.Records.Jobs(ctx, 0, "", states, grove.Page{})
	if err != nil {
		return err
	}
	for _, j := range left.Items {
		_, err := q.Records.UpdateJob(ctx, j.ID, func(j *grove.Job) ([]grove.Event, error) {
			if j.State == grove.Sending {
				return q.doubt(j, "the server stopped while the start was being sent")
			}
			j.Why = "waits again after a restart of the server"
			return nil, j.MoveTo(grove.Queued)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// doubt makes a start unknown.
func (q *Queue) doubt(j *grove.Job, why string) ([]grove.Event, error) {
	if err := j.MoveTo(grove.Unknown); err != nil {
		return nil, err
	}
	j.Why = why + "; look at the printer, then say whether it printed"
	q.metrics.unknown.Inc()
	return []grove.Event{q.event(grove.JobUnknown, j, "unknown", j.Why)}, nil
}

// round expires what is late and begins what can begin.
func (q *Queue) round(ctx context.Context, g *errgroup.Group, busy *sync.Map) error {
	if err := q.expire(ctx); err != nil {
		return err
	}
	heads, err := q.Records.Heads(ctx)
	if err != nil {
		return err
	}
	doubtful, err := q.doubtful(ctx)
	if err != nil {
		return err
	}
	for _, j := range heads {
		q.hand(ctx, g, busy, j, q.begin)
	}
	for _, j := range doubtful {
		q.hand(ctx, g, busy, j, q.settle)
	}
	return nil
}

// hand gives a printer's job to a free hand; when all are busy the next round
// does.
func (q *Queue) hand(ctx context.Context, g *errgroup.Group, busy *sync.Map, j grove.Job, do func(context.Context, grove.Job) error) {
	if _, taken := busy.LoadOrStore(j.Serial, true); taken {
		return
	}
	given := g.TryGo(func() error {
		defer busy.Delete(j.Serial)
		if err := do(ctx, j); err != nil && ctx.Err() == nil {
			q.Log.Warn("job did not move", slog.Int64("job", j.ID), slog.String("printer", j.Serial), slog.Any("error", err))
		}
		return nil
	})
	if !given {
		busy.Delete(j.Serial)
	}
}

// doubtful are the starts that should have shown by now, each asked once a minute.
func (q *Queue) doubtful(ctx context.Context) ([]grove.Job, error) {
	list, err := q.Records.Jobs(ctx, 0, "", []grove.JobState{grove.Accepted, grove.Unknown}, grove.Page{})
	if err != nil {
		return nil, err
	}
	var due []grove.Job
	now := time.Now()
	for _, j := range list.Items {
		if j.Attempt == nil || now.Sub(j.Attempt.SentAt) < q.Proof || now.Sub(q.asked[j.ID]) < time.Minute {
			continue
		}
		q.asked[j.ID] = now
		due = append(due, j)
	}
	return due, nil
}

// settle asks the printer for a full report and plays it: an idle printer that
// speaks of another job has not taken the start.
func (q *Queue) settle(ctx context.Context, j grove.Job) error {
	if err := q.Printers.Refresh(ctx, j.Serial); err != nil {
		return nil //nolint:nilerr // absent or silent: asked again in a minute
	}
	live, err := q.Printers.Now(j.Serial)
	if err != nil {
		return err
	}
	return q.Reported(ctx, j.Serial, live.Shadow)
}

// expire ends jobs that waited too long and doubts starts that nobody answered.
func (q *Queue) expire(ctx context.Context) error {
	states := []grove.JobState{grove.Queued, grove.Sending}
	list, err := q.Records.Jobs(ctx, 0, "", states, grove.Page{})
	if err != nil {
		return err
	}
	now := time.Now()
	for _, j := range list.Items {
		if !q.overdue(&j, now) {
			continue
		}
		_, err := q.Records.UpdateJob(ctx, j.ID, func(j *grove.Job) ([]grove.Event, error) {
			if !q.overdue(j, now) {
				return nil, nil
			}
			if j.State == grove.Sending {
				return q.doubt(j, "the printer did not answer the start")
			}
			return q.lapse(j, "it waited longer than allowed")
		})
		if err != nil && !errors.Is(err, grove.Conflict) {
			return err
		}
	}
	return nil
}

func (q *Queue) overdue(j *grove.Job, now time.Time) bool {
	switch j.State {
	case grove.Queued:
		return !now.Before(j.ExpiresAt)
	case grove.Sending:
		return j.Attempt != nil && now.Sub(j.Attempt.SentAt) >= q.Proof
	case grove.Claimed, grove.Uploading, grove.Ready, grove.Accepted, grove.Running, grove.Finished,
		grove.Failed, grove.Cancelled, grove.Expired, grove.Unknown:
	}
	return false
}

func (q *Queue) lapse(j *grove.Job, why string) ([]grove.Event, error) {
	if err := j.MoveTo(grove.Expired); err != nil {
		return nil, err
	}
	j.Why, j.FinishedAt = why+"; print it again if it is still wanted", time.Now().UTC()
	return []grove.Event{q.event(grove.JobExpired, j, "expired", j.Why)}, nil
}
