package queue

import (
	"context"

	"github.com/grovecloud/grove"
)

// Job is one of the actor's jobs, with the progress its printer last told.
func (q *Queue) Job(ctx context.Context, actor grove.Actor, id int64) (grove.Job, error) {
	j, err := q.Records.Job(ctx, id)
	if err != nil {
		return grove.Job{}, err
	}
	if q.Gate.Authorize(actor, grove.ReadJobs, grove.Resource{Serial: j.Serial, OwnerID: j.OwnerID}) != nil || !q.within(actor, &j) {
		return grove.Job{}, grove.Errorf(grove.NotFound, "job_not_found", "there is no job %d in this account", id)
	}
	return q.shown(j), nil
}

// within reports whether a job without a printer can go to none but the actor's: a key
// for some printers has no say over what may be printed on others.
func (q *Queue) within(actor grove.Actor, j *grove.Job) bool {
	reach := q.Gate.Reach(actor)
	if j.Serial != "" || !reach.Some {
		return true
	}
	return j.Any != nil && len(j.Any.Printers) > 0 && len(both(j.Any.Printers, reach.Only)) == len(j.Any.Printers)
}

// Jobs lists the jobs of the actor's printers and of those shared with them, newest
// first, or in the order of the line.
func (q *Queue) Jobs(ctx context.Context, actor grove.Actor, query grove.JobQuery, page grove.Page) (grove.List[grove.Job], error) {
	if err := q.Gate.Authorize(actor, grove.ReadJobs, grove.Resource{OwnerID: actor.UserID}); err != nil {
		return grove.List[grove.Job]{}, err
	}
	list, err := q.Records.JobsWithin(ctx, q.Gate.Reach(actor), query, page)
	if err != nil {
		return list, err
	}
	for i, j := range list.Items {
		list.Items[i] = q.shown(j)
	}
	return list, nil
}

// shown is a job with what is not stored of it: its revision, and the progress that its
// printer last told.
func (q *Queue) shown(j grove.Job) grove.Job {
	if j.State == grove.Queued {
		j.Revision = revision(&j)
	}
	if l := q.loads.of(j.ID); l != nil && j.State == grove.Uploading {
		j.Percent = int(l.percent.Load())
	}
	if j.State != grove.Running {
		return j
	}
	if live, err := q.Printers.Now(j.Serial); err == nil && mine(&j, live.Shadow) {
		j.Percent = live.Shadow.Percent
	}
	return j
}

// mine reports whether the printer speaks of this very attempt.
func mine(j *grove.Job, s grove.Shadow) bool {
	return j != nil && j.Attempt != nil && s.TaskID == j.TaskID() && s.SubtaskID == j.Attempt.Nonce
}
